// Whether portraits are as good of everyone: people in thirds by what they look like, and the third that is worst off.
import type { Portrait } from './measures.ts';
import type { Traits } from './people.ts';
import type { Row } from './requirements.ts';
import { mean } from './statistics.ts';

/** People, as indices into the gallery. */
export type Group = Readonly<{ name: string; people: readonly number[] }>;

/** What puts people in an order, and what its thirds are called. */
const orders: readonly { by: (traits: Traits) => number; thirds: readonly [string, string, string] }[] = [
	{ by: ({ skin_tone }) => skin_tone, thirds: ['light skin', 'middle skin', 'deep skin'] },
	{ by: ({ age }) => age, thirds: ['young', 'middle-aged', 'old'] },
	{
		by: ({ face_width, face_length }) => face_width - face_length,
		thirds: ['long faces', 'middle faces', 'broad faces'],
	},
	{ by: ({ hair_style }) => hair_style, thirds: ['short hair', 'middle hair', 'long hair'] },
];

/** A share of the mean that no group may be below. */
const least = 0.9;

/** @param traits - of each person */
export function groupPeople(traits: readonly Traits[]): Group[] {
	return orders.flatMap(({ by, thirds }) => {
		const ordered = traits.map((_, k) => k).sort((a, b) => by(traits[a]!) - by(traits[b]!));
		return thirds.map((name, k) => {
			const [from, to] = [k, k + 1].map((third) => Math.round((third * ordered.length) / thirds.length));
			return { name, people: ordered.slice(from, to) };
		});
	});
}

/**
 * For every measure that says which way is better, the worst group's value as a share of the mean of all groups. Where chance
 * alone makes groups differ by as much as is allowed, what is asked is less by two standard errors of the group's value.
 *
 * @param measure - the rows of some of the portraits, always the same ones in the same order
 */
export function measureGroups(
	portraits: readonly Portrait[],
	groups: readonly Group[],
	measure: (some: readonly Portrait[]) => readonly Row[],
): Row[] {
	const of = (people: readonly number[]) => measure(portraits.filter(({ person }) => people.includes(person)));
	const measured = groups.map(({ name, people }) => ({
		name,
		rows: of(people),
		without: people.map((left) => of(people.filter((person) => person !== left))),
	}));
	return measure(portraits).flatMap(({ name, better, noisy }, k) => {
		if (better === undefined) return [];
		const values = measured.map(({ rows }) => rows[k]!.value);
		const share = (value: number) => (better === 'more' ? value / mean(values) : mean(values) / value);
		const shares = values.map(share);
		const worst = Math.min(...shares);
		const { name: group, without } = measured[Math.max(0, shares.indexOf(worst))]!;
		const error = jackknife(without.map((rows) => share(rows[k]!.value)));
		const what = name.replace(/^portraits: |, of \d+$/g, '');
		return [
			{
				name: `worst group (${group}), of the mean: ${what}`,
				value: worst,
				asked: { least: noisy ? least - 2 * error : least },
			},
		];
	});
}

/** The standard error of a value, from those without each of the people that it is of (Tukey 1958). */
export function jackknife(without: readonly number[]): number {
	const centre = mean(without);
	return Math.sqrt((without.length - 1) * mean(without.map((value) => (value - centre) ** 2)));
}
