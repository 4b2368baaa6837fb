// Pure functions over numbers. Unknown values are NaN, which fails every comparison.
import type { Point } from '../../lib/index.ts';

export function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

/**
 * The standard deviation within groups: the root of their variance around each group's own mean. Divided by the degrees of
 * freedom, so that three photos and four portraits of a person compare fairly.
 */
export function pooledDeviation(groups: readonly (readonly number[])[]): number {
	let squares = 0;
	let freedom = 0;
	for (const group of groups) {
		if (group.length < 2) continue;
		const centre = mean(group);
		for (const value of group) squares += (value - centre) ** 2;
		freedom += group.length - 1;
	}
	return Math.sqrt(squares / freedom);
}

/** Index of the largest; −1 of none. */
export function nearest(similarities: readonly number[]): number {
	return similarities.indexOf(Math.max(...similarities));
}

/**
 * How far the tip of the nose is in front of the eyes, in eye distances. From far away, eyes a distance e apart and
 * a nose d in front of them appear e · cos(yaw) wide and d · sin(yaw) aside, so the quotient is d/e · tan(yaw). This d/e
 * fits the known poses of the photos in `test/fixtures/faces` best: the estimate is off by 4.7° there (root mean square).
 */
const noseLength = 0.6;

/**
 * How far a face is turned, in degrees, estimated from its keypoints; roll does not matter. Positive when the face turns
 * to the image's right.
 */
export function estimateYaw(keypoints: readonly Point[]): number {
	const [[leftX, leftY], [rightX, rightY], [noseX, noseY]] = keypoints as [Point, Point, Point];
	const [acrossX, acrossY] = [rightX - leftX, rightY - leftY];
	const [outX, outY] = [noseX - (leftX + rightX) / 2, noseY - (leftY + rightY) / 2];
	const quotient = (outX * acrossX + outY * acrossY) / (acrossX ** 2 + acrossY ** 2);
	return Math.atan(quotient / noseLength) * (180 / Math.PI);
}

/** Root mean square difference of two images' values. */
export function pixelDistance(a: Uint8Array, b: Uint8Array): number {
	if (a.length !== b.length)
		throw new Error(`Expected images of one size but received ${a.length} and ${b.length} values.`);
	return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

/** Every unordered pair of the values of a list. */
export function pairs<T>(list: readonly T[]): [T, T][] {
	return list.flatMap((a, i) => list.slice(i + 1).map((b): [T, T] => [a, b]));
}

/**
 * The threshold that best separates pairs of one person from pairs of two; both kinds count the same,
 * whatever their number.
 *
 * @returns the middle between the two similarities around it, and the share of right judgements
 */
export function separate(
	same: readonly number[],
	different: readonly number[],
): { threshold: number; accuracy: number } {
	const ranked = [
		...same.map((value) => ({ value, isSame: true })),
		...different.map((value) => ({ value, isSame: false })),
	].sort((a, b) => a.value - b.value);
	const below = { same: 0, different: 0 };
	let best = { threshold: Number.NaN, accuracy: Number.NaN };
	ranked.forEach(({ value, isSame }, i) => {
		below[isSame ? 'same' : 'different']++;
		const next = ranked[i + 1]?.value ?? value;
		const accuracy = (1 - below.same / same.length + below.different / different.length) / 2;
		if (next > value && !(accuracy <= best.accuracy)) best = { threshold: (value + next) / 2, accuracy };
	});
	return best;
}

export type Bins = Readonly<{ from: number; to: number; count: number }>;

/** How many values are in each bin; those beyond the ends count in the outer bins. */
export function countBins(values: readonly number[], { from, to, count }: Bins): number[] {
	const counts = Array<number>(count).fill(0);
	for (const value of values) {
		const bin = Math.floor(((value - from) / (to - from)) * count);
		counts[Math.min(Math.max(bin, 0), count - 1)]!++;
	}
	return counts;
}
