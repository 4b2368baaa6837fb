// Whether portraits are as good of everyone: people in thirds by what they look like, and the third that is worst off.
import type { Traits } from './people.ts';
import type { Portrait } from './portrait.ts';
import type { Row } from './requirements.ts';
import { mean } from './statistics.ts';

/** People, as indices into the gallery. */
export type Group = Readonly<{ name: string; people: readonly number[] }>;

/** What puts people in an order, and what its thirds are called. */
const orders: readonly Readonly<{
	column: string;
	by: (traits: Traits) => number;
	thirds: readonly [string, string, string];
}>[] = [
	{ column: 'skin', by: ({ skin_tone }) => skin_tone, thirds: ['light skin', 'middle skin', 'deep skin'] },
	{ column: 'age', by: ({ age }) => age, thirds: ['young', 'middle-aged', 'old'] },
	{
		column: 'shape of the face',
		by: ({ face_width, face_length }) => face_width - face_length,
		thirds: ['long faces', 'middle faces', 'broad faces'],
	},
	{ column: 'hair', by: ({ hair_style }) => hair_style, thirds: ['short hair', 'middle hair', 'long hair'] },
];

/** How far a group may be behind the mean, as a share of it. */
const behind = 0.1;

/**
 * Every group is of as many people, because the Fréchet distance depends on their number: where thirds would not be, the
 * middle one shares somebody with another.
 *
 * @param traits - of each person
 */
export function groupPeople(traits: readonly Traits[]): Group[] {
	const size = Math.ceil(traits.length / 3);
	return orders.flatMap(({ by, thirds }) => {
		const ordered = traits.map((_, k) => k).sort((a, b) => by(traits[a]!) - by(traits[b]!));
		return thirds.map((name, k) => {
			const from = Math.round((k * (ordered.length - size)) / 2);
			return { name, people: ordered.slice(from, from + size) };
		});
	});
}

export type Labels = Readonly<{ column: string; thirds: readonly string[]; labelOf: readonly string[] }>;

/** The same, of which everybody is in one: of each order its name, and of each person what its third is called. */
export function labelPeople(traits: readonly Traits[]): Labels[] {
	return orders.map(({ column, by, thirds }) => {
		const ordered = traits.map((_, k) => k).sort((a, b) => by(traits[a]!) - by(traits[b]!));
		const labelOf = Array<string>(traits.length);
		for (const [at, k] of ordered.entries()) labelOf[k] = thirds[Math.floor((3 * at) / traits.length)]!;
		return { column, thirds, labelOf };
	});
}

/**
 * For every measure that says which way is better, the worst group's value as a share of the mean of all groups.
 *
 * @param measure - the rows of some of the portraits, always the same ones in the same order
 */
export function measureGroups(
	portraits: readonly Portrait[],
	groups: readonly Group[],
	measure: (some: readonly Portrait[]) => readonly Row[],
): Row[] {
	const measured = groups.map(({ people }) => measure(portraits.filter(({ person }) => people.includes(person))));
	return measure(portraits).flatMap(({ name, better }, k) => {
		if (better === undefined) return [];
		const values = measured.map((rows) => rows[k]!.value);
		const worst = better === 'more' ? Math.min(...values) : Math.max(...values);
		// Where one is NaN, so is the worst.
		const group = groups[values.findIndex((value) => Object.is(value, worst))]!.name;
		return [
			{
				name: `worst group (${group}), of the mean: ${name.replace(/^portraits: |, of \d+$/g, '')}`,
				value: worst / mean(values),
				asked: better === 'more' ? { least: 1 - behind } : { most: 1 + behind },
			},
		];
	});
}
