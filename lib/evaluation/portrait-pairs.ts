// Pairs of portraits of one person, for LPIPS.
import type { Random } from './random.ts';

/** All pairs of 32 portraits are 496; the time that all of a thousand take is of no use to a mean. */
export const mostPairsOfPerson = 500;

/** @returns how many pairs there are */
export function pairCount(portraits: number): number {
	return (portraits * (portraits - 1)) / 2;
}

/** All pairs of so many portraits, or where there are too many {@link mostPairsOfPerson} of them; the later portrait first. */
export function portraitPairs(portraits: number, random: Random): [number, number][] {
	if (pairCount(portraits) <= mostPairsOfPerson) {
		return Array.from({ length: portraits }, (_, i) => i).flatMap((i) =>
			Array.from({ length: i }, (_, j): [number, number] => [i, j]),
		);
	}
	const drawn = new Set<number>();
	while (drawn.size < mostPairsOfPerson) {
		const [one, other] = [random.below(portraits), random.below(portraits)];
		if (one !== other) drawn.add(Math.max(one, other) * portraits + Math.min(one, other));
	}
	return Array.from(drawn.values(), (pair) => [Math.floor(pair / portraits), pair % portraits]);
}
