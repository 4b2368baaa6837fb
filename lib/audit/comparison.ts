// Groups beside each other: their numbers, and gaps that chance does not explain.
import { jackknifeInterval } from '../evaluation/bootstrap.ts';
import type { Tools } from '../evaluation/evaluate.ts';
import { Quotient } from '../evaluation/quotient.ts';
import { comparable, distanceOrders } from './distances.ts';
import { counted, jackknifeEstimate, meanEstimate, shareEstimate, Units } from './estimates.ts';
import type { Division } from './groups.ts';
import { type Measure, type MeasureName, measureNames, type Numbers, type PersonNumbers } from './measures.ts';
import { type Contrast, type Estimate, simultaneousIntervals } from './simultaneous.ts';

type Interval = readonly [number, number];

export type Gap = Readonly<{
	value: number;
	/** One of all intervals of an audit that hold at once; null where nothing varies. */
	interval: Interval | null;
	/** Whether the interval leaves out 0. */
	isFound: boolean;
}>;

export type GroupResult = Readonly<{
	label: string;
	/** Those whose photos or portraits count here. */
	people: number;
	/** Null where there is nothing to count. */
	value: number | null;
	/** 95 %, of this group alone; null where there are too few people. */
	interval: Interval | null;
	/** To all others of the column; null where either are too few people. */
	gap: Gap | null;
}>;

export type ColumnResult = Readonly<{
	name: string;
	groups: readonly GroupResult[];
	/** Between any two groups; null where fewer than two have enough people. */
	largest: (Gap & Readonly<{ high: string; low: string }>) | null;
}>;

export type MeasureResult = Measure &
	Readonly<{
		/** Of everybody; null where there is nothing to count, or it would not compare. */
		everyone: Pick<GroupResult, 'people' | 'value' | 'interval'> | null;
		columns: readonly ColumnResult[];
	}>;

export type Comparison = Readonly<{
	measures: Readonly<Record<MeasureName, MeasureResult>>;
	intervals: Readonly<{
		confidence: 0.95;
		/** How many gaps are looked at. */
		gaps: number;
		/** Standard errors to either side; 1.96 would be those of one gap alone. Null where nothing varies. */
		critical: number | null;
	}>;
}>;

/** Fewer people say too little of a group. */
export const leastPeople = 10;

/** A group, and what it is compared with. */
type Side = Readonly<{ value: number; interval: Interval | null; estimate: Estimate }>;
type Sides = Readonly<{
	/** Of each group of a division; undefined: too few people. */
	groups: readonly (Side | undefined)[];
	/** Of each group, all others. */
	rest: (group: number) => Readonly<{ value: number; contrast: Contrast }> | undefined;
	/** What little is known of those with too few. */
	known: readonly Readonly<{ people: number; value: number | null }>[];
}>;

export async function compareGroups(
	numbers: Numbers,
	divisions: readonly Division[],
	{ seed, run }: { seed: number; run: Tools['run'] },
): Promise<Comparison> {
	const units = new Units(divisions[0]!.labelOf.length);
	const distances = await distanceSides(numbers, divisions, { seed, run, units });
	const gaps = new Gaps();
	const compared = measureNames.map((name) => {
		const sides = divisions.map((division, at) =>
			name === 'frechet' ? distances[at]! : personSides(numbers.people[name], division, { seed, units }),
		);
		return { name, columns: divisions.map((division, at) => gaps.among(division, sides[at]!)) };
	});
	const { critical, gap } = gaps.settle(seed);
	const results = compared.map(({ name, columns }): [MeasureName, MeasureResult] => [
		name,
		{
			...numbers.measures[name],
			everyone: name === 'frechet' ? null : everyoneOf(numbers.people[name], seed),
			columns: columns.map(({ groups, largest, ...column }) => ({
				...column,
				groups: groups.map(({ gap: place, ...group }) => ({ ...group, gap: place === null ? null : gap(place) })),
				largest: largest && { high: largest.high, low: largest.low, ...gap(largest.gap) },
			})),
		},
	]);
	return {
		measures: Object.fromEntries(results) as Record<MeasureName, MeasureResult>,
		intervals: { confidence: 0.95, gaps: gaps.count, critical: critical ?? null },
	};
}

/** All gaps, whose intervals are made together once all are known. */
class Gaps {
	readonly #asked: { value: number; contrast: Contrast }[] = [];

	get count(): number {
		return this.#asked.length;
	}

	/** @returns places of gaps instead of these */
	among({ name, labels }: Division, { groups, rest, known }: Sides) {
		const results = labels.map((label, at) => {
			const [side, others] = [groups[at], rest(at)];
			const isCompared = side !== undefined && others !== undefined;
			return {
				...{ label, people: known[at]!.people, value: known[at]!.value, interval: side?.interval ?? null },
				gap: isCompared ? this.#add(side, others.value, others.contrast) : null,
			};
		});
		let largest: { high: string; low: string; gap: number; value: number } | undefined;
		for (const [i, one] of groups.entries()) {
			for (const [j, other] of groups.entries()) {
				if (one === undefined || other === undefined || i === j) continue;
				// Each two once, the higher one first.
				const value = one.value - other.value;
				if (value < 0 || (value === 0 && i > j)) continue;
				const gap = this.#add(one, other.value, [{ estimate: other.estimate, weight: -1 }]);
				if (largest === undefined || value > largest.value) {
					largest = { high: labels[i]!, low: labels[j]!, gap, value };
				}
			}
		}
		return { name, groups: results, largest: largest ?? null };
	}

	settle(seed: number): { critical: number | undefined; gap: (place: number) => Gap } {
		const { critical, intervals } = simultaneousIntervals(
			this.#asked.map(({ contrast }) => contrast),
			seed,
		);
		return {
			critical,
			gap: (place) => {
				const { value } = this.#asked[place]!;
				const interval = intervals[place] ?? null;
				return { value, interval, isFound: interval !== null && (interval[0] > 0 || interval[1] < 0) };
			},
		};
	}

	#add({ value, estimate }: Side, other: number, contrast: Contrast): number {
		return this.#asked.push({ value: value - other, contrast: [{ estimate, weight: 1 }, ...contrast] }) - 1;
	}
}

function personSides(
	{ kind, numbers }: PersonNumbers,
	{ labels, labelOf }: Division,
	{ seed, units }: { seed: number; units: Units },
): Sides {
	const sideOf = (people: readonly number[]): Side | undefined => {
		const own = counted(numbers, people);
		if (own.length < leastPeople) return undefined;
		const estimate =
			kind === 'share' ? shareEstimate(numbers, own, units) : meanEstimate(numbers, own, kind === 'root');
		return { ...shown(kind, numbers, own, seed), estimate };
	};
	const members = labels.map((_, label) => [...labelOf.keys()].filter((person) => labelOf[person] === label));
	const groups = members.map(sideOf);
	return {
		groups,
		rest: (group) => {
			const side = sideOf([...labelOf.keys()].filter((person) => labelOf[person] !== group));
			return side && { value: side.value, contrast: [{ estimate: side.estimate, weight: -1 }] };
		},
		known: members.map((people, at) => {
			const own = counted(numbers, people);
			const value = groups[at]?.value ?? (own.length === 0 ? null : shown(kind, numbers, own, seed).value);
			return { people: own.length, value: value === null || Number.isNaN(value) ? null : value };
		}),
	};
}

/** Without the two people more. */
function shown(kind: PersonNumbers['kind'], numbers: Quotient, people: readonly number[], seed: number) {
	const own = new Quotient(people.length);
	for (const [i, person] of people.entries()) own.add(i, numbers.sums[person]!, numbers.counts[person]!);
	const of = (value: number) => (kind === 'root' ? Math.sqrt(value) : value);
	return { value: of(own.value()), interval: own.interval(seed, of) ?? null };
}

function everyoneOf({ kind, numbers }: PersonNumbers, seed: number): MeasureResult['everyone'] {
	const people = counted(numbers, [...numbers.counts.keys()]);
	if (people.length === 0) return null;
	const { value, interval } = shown(kind, numbers, people, seed);
	return { people: people.length, value, interval: people.length < leastPeople ? null : interval };
}

/** Every group alone, and as rest the mean of the others: of mixtures the distance is another. */
async function distanceSides(
	{ features }: Numbers,
	divisions: readonly Division[],
	{ seed, run, units }: { seed: number; run: Tools['run']; units: Units },
): Promise<Sides[]> {
	const ordered = divisions.map(({ labels, labelOf }) => {
		const members = labels.map((_, label) =>
			comparable(
				features,
				[...labelOf.keys()].filter((person) => labelOf[person] === label),
			),
		);
		const large = members.map((people) => people.length >= leastPeople);
		const some = members.filter((_, at) => large[at]);
		return { members, large, ...distanceOrders(features, some, seed) };
	});
	const tasks = ordered.flatMap(({ orders }) => orders.flat());
	const answers = await run(tasks.map((task) => ({ kind: 'frechet' as const, ...task })));
	const left = [...answers];
	return ordered.map(({ members, large, people, orders }): Sides => {
		const sides = orders.map((order): Side => {
			const [value, ...without] = left.splice(0, order.length) as [number, ...number[]];
			const interval = jackknifeInterval(value, without) ?? null;
			return { value, interval, estimate: jackknifeEstimate(value, without, units) };
		});
		let next = 0;
		const groups = members.map((_, group) => (large[group] ? sides[next++] : undefined));
		return {
			groups,
			rest: (group) => {
				const others = groups.filter((side, other) => side !== undefined && other !== group) as Side[];
				if (others.length === 0) return undefined;
				const weight = -1 / others.length;
				return {
					value: others.reduce((sum, { value }) => sum + value, 0) / others.length,
					contrast: others.map(({ estimate }) => ({ estimate, weight })),
				};
			},
			known: members.map(({ length }, group) => {
				return { people: large[group] ? people : length, value: groups[group]?.value ?? null };
			}),
		};
	});
}
