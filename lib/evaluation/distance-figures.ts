// How far portraits as a whole are from photos, by the features of FID's Inception network.
import { bootstrapIntervals, jackknifeGroups, jackknifeInterval } from './bootstrap.ts';
import type { Evidence, Features, Figure } from './evidence.ts';
import { frechetDistanceOf } from './frechet.ts';
import { insideBalls, neighbourDistances } from './precision-recall.ts';
import { Quotient } from './quotient.ts';
import { Random } from './random.ts';
import { count, dot, row, type Vectors } from './vectors.ts';

/** Below this, the distance is mostly that of too few images (Chong & Forsyth 2020, https://arxiv.org/abs/1911.07023). */
const leastForFid = 5000;
/** Images of a subset in the kernel distance as it is published. */
const usualSubset = 1000;
/** Beyond, kernel distance, precision and recall are of so many drawn by the seed: their time grows with the square. */
export const mostCompared = 5000;
/** What is drawn for the kernel distance's interval: a draw's time grows with the square. */
const mostGroups = 500;
/** One image has no spread, and no pair. */
const leastForDistance = 2;
/** One more than the neighbours that precision and recall look at. */
const leastForNeighbours = 4;

/** A distance that is computed alone, because it may take minutes: of all people, or without a group of them. */
export type FrechetTask = Readonly<{ photos: Features; portraits: Features; without?: Int32Array }>;

export function frechetOf({ photos, portraits, without }: FrechetTask): number {
	const left = new Set(without);
	const kept = ({ person, vectors }: Features) =>
		without === undefined ? vectors : chosen(vectors, indices(person, left));
	return frechetDistanceOf(kept(photos), kept(portraits));
}

/** That of all people, then those without each of ten groups of them. */
export function frechetTasks(
	{ people, seed }: Evidence,
	{ photos, portraits }: NonNullable<Evidence['features']>,
): FrechetTask[] {
	const order = new Random(seed).order(people);
	const groups = Math.min(jackknifeGroups, people);
	const without = Array.from({ length: groups }, (_, k) => Int32Array.from(order.filter((_, at) => at % groups === k)));
	return [{ photos, portraits }, ...without.map((group) => ({ photos, portraits, without: group }))];
}

/** @param distances - of {@link frechetTasks} */
export function fidFigure(
	{ photos, portraits }: NonNullable<Evidence['features']>,
	distances: readonly number[],
): Figure {
	const [whole, ...without] = distances as [number, ...number[]];
	const fewest = Math.min(photos.person.length, portraits.person.length);
	if (fewest < leastForDistance) return tooFewFor('It takes', leastForDistance, sampleOf(photos, portraits));
	const interval = jackknifeInterval(whole, without) ?? null;
	const few =
		fewest < photos.vectors.length
			? `Of ${fewest} images it means little: they are fewer than the ${photos.vectors.length} features, and it comes out far too large.`
			: `Of ${fewest} images it comes out too large. Compare it only with that of as many.`;
	return {
		...{ value: whole, interval, sample: sampleOf(photos, portraits) },
		...(interval && { intervalBy: `jackknife over ${without.length} groups of people` }),
		warnings: fewest < leastForFid ? [few] : [],
	};
}

export type NeighbourName = 'kid' | 'precision' | 'recall';

export function neighbourFigures({ people, seed, features }: Evidence): Record<NeighbourName, Figure> {
	const [photos, portraits] = [drawn(features!.photos, seed), drawn(features!.portraits, seed)];
	const sample = sampleOf(photos, portraits);
	const isDrawn = Math.max(features!.photos.person.length, features!.portraits.person.length) > mostCompared;
	const warnings = isDrawn ? [`Of ${mostCompared} images of a kind, drawn by the seed.`] : [];
	const fewest = Math.min(photos.person.length, portraits.person.length);
	return {
		kid: kidFigure(photos, portraits, { people, seed, sample, warnings, fewest }),
		...coverage(photos, portraits, { people, seed, sample, warnings, fewest }),
	};
}

type Setting = { people: number; seed: number; sample: string; warnings: readonly string[]; fewest: number };

/**
 * Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401: the unbiased estimate over all pairs, which has the expectation of those over
 * subsets that are published. In a draw of people, pairs of copies of one do not count.
 */
function kidFigure(photos: Features, portraits: Features, { people, seed, sample, warnings, fewest }: Setting): Figure {
	if (fewest < leastForDistance) return tooFewFor('It takes', leastForDistance, sample);
	const groups = Math.min(people, mostGroups);
	const groupOf = Int32Array.from(new Random(seed).order(people), (place) => place % groups);
	const [real, painted] = [
		kernelSums(photos, photos, groupOf, groups),
		kernelSums(portraits, portraits, groupOf, groups),
	];
	const across = kernelSums(portraits, photos, groupOf, groups);
	const mean = ({ sums, counts }: KernelSums, drawn: ArrayLike<number>, isWithin: boolean) => {
		let [sum, number] = [0, 0];
		for (let p = 0; p < groups; p++) {
			if (drawn[p] === 0) continue;
			for (let q = 0; q < groups; q++) {
				const times = isWithin && p === q ? drawn[p]! : drawn[p]! * drawn[q]!;
				sum += times * sums[p * groups + q]!;
				number += times * counts[p * groups + q]!;
			}
		}
		return sum / number;
	};
	const distance = (drawn: ArrayLike<number>) =>
		mean(real, drawn, true) + mean(painted, drawn, true) - 2 * mean(across, drawn, false);
	const [interval] = bootstrapIntervals(groups, (drawn) => [distance(drawn)], { seed });
	const few = `Of ${fewest} images: published ones are means over subsets of ${usualSubset}.`;
	return {
		...{ value: distance(new Int32Array(groups).fill(1)), interval: interval ?? null, sample },
		...(interval && {
			intervalBy: groups === people ? 'bootstrap over people' : `bootstrap over ${groups} groups of people`,
		}),
		warnings: fewest < usualSubset ? [...warnings, few] : warnings,
	};
}

type KernelSums = { sums: Float64Array; counts: Float64Array };

/** Of each two groups of people [groups, groups]: the sum of the kernels of their images, none with itself. */
function kernelSums(a: Features, b: Features, groupOf: Int32Array, groups: number): KernelSums {
	const [sums, counts] = [new Float64Array(groups * groups), new Float64Array(groups * groups)];
	const { length } = a.vectors;
	for (const [i, person] of a.person.entries()) {
		const own = row(a.vectors, i);
		for (const [j, other] of b.person.entries()) {
			if (a === b && i === j) continue;
			const at = groupOf[person]! * groups + groupOf[other]!;
			sums[at]! += (dot(own, row(b.vectors, j)) / length + 1) ** 3;
			counts[at]!++;
		}
	}
	return { sums, counts };
}

/** Precision and recall; for the intervals the balls stay as they are, because images drawn twice would shrink them to points. */
function coverage(
	photos: Features,
	portraits: Features,
	{ people, seed, sample, warnings, fewest }: Setting,
): Record<'precision' | 'recall', Figure> {
	if (fewest < leastForNeighbours) {
		const none = tooFewFor('The balls take', leastForNeighbours, sample);
		return { precision: none, recall: none };
	}
	const share = (points: Features, centres: Features): Figure => {
		const inside = insideBalls(points.vectors, centres.vectors, neighbourDistances(centres.vectors));
		const mean = new Quotient(people);
		for (const [i, person] of points.person.entries()) mean.add(person, inside[i]!);
		const interval = mean.interval(seed);
		const few = `Of ${fewest} images: it depends on their number. Compare it only with that of as many.`;
		return {
			...{ value: mean.value(), interval: interval ?? null, sample },
			...(interval && { intervalBy: 'bootstrap over people, balls held' }),
			warnings: fewest < mostCompared ? [...warnings, few] : warnings,
		};
	};
	return { precision: share(portraits, photos), recall: share(photos, portraits) };
}

function tooFewFor(what: string, least: number, sample: string): Figure {
	const missing = `${what} at least ${least} images of each kind.`;
	return { value: null, interval: null, sample, missing, warnings: [] };
}

function drawn(features: Features, seed: number): Features {
	const { person, vectors } = features;
	if (person.length <= mostCompared) return features;
	const some = new Random(seed).order(person.length).subarray(0, mostCompared).sort();
	return { person: Int32Array.from(some, (i) => person[i]!), vectors: chosen(vectors, some) };
}

function indices(person: Int32Array, without: ReadonlySet<number>): Uint32Array {
	return Uint32Array.from(person.keys()).filter((i) => !without.has(person[i]!));
}

function chosen(vectors: Vectors, some: Uint32Array): Vectors {
	const { length } = vectors;
	const data = new Float32Array(some.length * length);
	for (const [at, i] of some.entries()) data.set(row(vectors, i), at * length);
	return { data, length };
}

function sampleOf(photos: Features, portraits: Features): string {
	return `${count(portraits.vectors)} portraits, ${count(photos.vectors)} photos`;
}
