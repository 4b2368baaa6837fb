// Whether portraits show the person they were painted of, and how differently they show that person.
import { quantile } from './bootstrap.ts';
import type { Evidence, Faces, Figure } from './evidence.ts';
import { mostPairsOfPerson, pairCount } from './portrait-pairs.ts';
import { angles, type PoseEstimate } from './pose.ts';
import { Quotient } from './quotient.ts';
import { count, dot, row } from './vectors.ts';

/** Bins of 0.02 from −1 to 1. */
export const histogramBins = { from: -1, to: 1, count: 100 } as const;
const quantileShares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

/** Similarities as a whole: what a mean hides. */
export type Distribution = Readonly<{
	count: number;
	mean: number;
	/** Divided by their number. */
	deviation: number;
	least: number;
	most: number;
	quantiles: readonly Readonly<{ share: number; value: number }>[];
	/** How many are in each bin; the upper end belongs to the last. */
	histogram: Readonly<{ from: number; to: number; counts: readonly number[] }>;
}>;

/** Of each face in a portrait, its similarity to the photo it was painted from. */
export function similaritiesToInput({ photos, inputs, portraits }: Evidence): Float64Array {
	return Float64Array.from({ length: count(portraits.embeddings) }, (_, i) =>
		dot(row(portraits.embeddings, i), row(photos.embeddings, inputs[portraits.person[i]!]!)),
	);
}

export function identityFigures(evidence: Evidence, toInput: Float64Array): Record<'id' | 'idToPerson', Figure> {
	const { people, photos, inputs, portraits, seed } = evidence;
	const id = new Quotient(people);
	const toPerson = new Quotient(people);
	const means = meanEmbeddings(photos, people);
	for (const [i, person] of portraits.person.entries()) {
		id.add(person, toInput[i]!);
		toPerson.add(person, dot(row(portraits.embeddings, i), means[person]!));
	}
	const [otherPhotos, leftOut] = [new Quotient(people), new Quotient(people)];
	for (const [i, person] of photos.person.entries()) {
		if (i === inputs[person]) continue;
		otherPhotos.add(person, dot(row(photos.embeddings, i), row(photos.embeddings, inputs[person]!)));
	}
	const numbers = new Int32Array(people);
	for (const person of photos.person) numbers[person]!++;
	const sums = embeddingSums(photos, people);
	for (const [i, person] of photos.person.entries()) {
		if (numbers[person]! < 2) continue;
		// A photo is not compared with itself.
		const own = row(photos.embeddings, i);
		leftOut.add(person, dot(own, unit(sums[person]!.map((sum, k) => sum - own[k]!))));
	}
	const lone = numbers.reduce((sum, number) => sum + Number(number === 1), 0);
	const missed = evidence.painted.reduce((sum, number) => sum + number, 0) - portraits.person.length;
	const unseen =
		missed === 0 ? [] : [`Portraits without a face, which have no similarity and are left out: ${missed}.`];
	const sample = portraitsText(portraits);
	return {
		id: { ...meanFigure(id, seed, sample), ...real(otherPhotos), warnings: unseen },
		idToPerson: {
			...meanFigure(toPerson, seed, sample),
			...real(leftOut),
			warnings:
				lone === 0
					? unseen
					: [...unseen, `People of whom there is one photo, so that it is the similarity to the input: ${lone}.`],
		},
	};
}

/** @returns the share of portraits in which a face is found, and how far the turns of one person's portraits spread, in degrees */
export function lookFigures(evidence: Evidence): Record<'facesFound' | `${keyof PoseEstimate}Spread`, Figure> {
	const { people, photos, portraits, painted, seed } = evidence;
	const found = new Quotient(people);
	for (const [person, number] of painted.entries()) found.add(person, 0, number);
	for (const person of portraits.person) found.add(person, 1, 0);
	const sitters = painted.filter((number) => number > 0).length;
	const spreads = angles.map((angle, k) => {
		const [own, ofPhotos] = [deviations(portraits, people, k), deviations(photos, people, k)];
		const value = Math.sqrt(own.value());
		const figure: Figure = {
			...(Number.isNaN(value)
				? { value: null, interval: null, missing: 'Nobody has two portraits with a face.' }
				: { value, ...intervalOf(own, seed, Math.sqrt) }),
			...(ofPhotos.count > 0 && { photos: Math.sqrt(ofPhotos.value()) }),
			sample: portraitsText(portraits),
			warnings: [],
		};
		return [`${angle}Spread`, figure] as const;
	});
	return {
		facesFound: { ...meanFigure(found, seed, `${found.count} portraits of ${sitters} people`), warnings: [] },
		...(Object.fromEntries(spreads) as Record<`${keyof PoseEstimate}Spread`, Figure>),
	};
}

export function lpipsFigure({ people, painted, seed }: Evidence, lpips: NonNullable<Evidence['lpips']>): Figure {
	const distance = lpipsDistances({ people, painted, lpips });
	const pairs = lpips.person.length;
	const all = painted.reduce((sum, number) => sum + pairCount(number), 0);
	const alone = { value: null, interval: null, missing: 'Nobody has two portraits.' };
	return {
		...(pairs === 0 ? alone : meanFigure(distance, seed, '')),
		sample: `${pairs === all ? pairs : `${pairs} of ${all}`} pairs of portraits of one person`,
		warnings: pairs === all ? [] : [`Of at most ${mostPairsOfPerson} pairs of a person, drawn by the seed.`],
	};
}

/** Of each person. */
export function lpipsDistances({
	people,
	painted,
	lpips,
}: Pick<Evidence, 'people' | 'painted'> & Required<Pick<Evidence, 'lpips'>>): Quotient {
	const distance = new Quotient(people);
	const counted = new Float64Array(people);
	for (const person of lpips.person) counted[person]!++;
	for (const [i, person] of lpips.person.entries()) {
		// Drawn ones stand for all: a person counts as much as without drawing.
		const weight = pairCount(painted[person]!) / counted[person]!;
		distance.add(person, weight * lpips.distances[i]!, weight);
	}
	return distance;
}

export function distributionOf(similarities: Float64Array): Distribution | undefined {
	if (similarities.length === 0) return undefined;
	const sorted = similarities.toSorted();
	const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
	const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
	const { from, to, count: bins } = histogramBins;
	const counts = Array<number>(bins).fill(0);
	for (const value of sorted) {
		const bin = Math.floor(((value - from) / (to - from)) * bins);
		counts[Math.min(Math.max(bin, 0), bins - 1)]!++;
	}
	return {
		...{ count: sorted.length, mean, deviation: Math.sqrt(squares / sorted.length) },
		...{ least: sorted[0]!, most: sorted.at(-1)! },
		quantiles: quantileShares.map((share) => ({ share, value: quantile(sorted, share) })),
		histogram: { from, to, counts },
	};
}

function portraitsText({ person }: Faces): string {
	return `${person.length} portraits of ${new Set(person).size} people`;
}

function meanFigure(mean: Quotient, seed: number, sample: string): Omit<Figure, 'warnings'> {
	const value = mean.value();
	if (Number.isNaN(value)) return { value: null, interval: null, sample, missing: 'No portrait shows a face.' };
	return { value, ...intervalOf(mean, seed), sample };
}

function intervalOf(
	mean: Quotient,
	seed: number,
	of?: (value: number) => number,
): Pick<Figure, 'interval' | 'intervalBy'> {
	const interval = mean.interval(seed, of);
	return interval === undefined ? { interval: null } : { interval, intervalBy: 'bootstrap over people' };
}

function real(mean: Quotient): { photos?: number } {
	return mean.count === 0 ? {} : { photos: mean.value() };
}

/** Squared deviations of one person's faces from their mean; counted are degrees of freedom, so that few faces compare with many. */
export function deviations({ person, poses }: Faces, people: number, angle: number): Quotient {
	const [sums, numbers] = [new Float64Array(people), new Int32Array(people)];
	for (const [i, who] of person.entries()) {
		sums[who]! += poses[i * angles.length + angle]!;
		numbers[who]!++;
	}
	const squares = new Quotient(people);
	for (const [i, who] of person.entries()) {
		squares.add(who, (poses[i * angles.length + angle]! - sums[who]! / numbers[who]!) ** 2, 0);
	}
	for (const [who, number] of numbers.entries()) squares.add(who, 0, Math.max(0, number - 1));
	return squares;
}

function meanEmbeddings(faces: Faces, people: number): Float64Array[] {
	return embeddingSums(faces, people).map(unit);
}

function embeddingSums({ person, embeddings }: Faces, people: number): Float64Array[] {
	const sums = Array.from({ length: people }, () => new Float64Array(embeddings.length));
	for (const [i, who] of person.entries()) {
		const sum = sums[who]!;
		for (const [k, value] of row(embeddings, i).entries()) sum[k]! += value;
	}
	return sums;
}

function unit(vector: Float64Array): Float64Array {
	const length = Math.sqrt(dot(vector, vector));
	return vector.map((value) => value / length);
}
