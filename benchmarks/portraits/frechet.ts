// How far apart two sets of images are as distributions: the Fréchet distance.
import { frechetDistance as distanceOf } from '../../lib/evaluation/frechet.ts';
import { Moments } from '../../lib/evaluation/moments.ts';

/**
 * From few vectors the distance comes out too large, by the same for the same counts.
 *
 * @param a - vectors of one length, at least two
 * @param b - the same
 * @returns NaN of fewer
 */
export function frechetDistance(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
	if (a.length < 2 || b.length < 2) return Number.NaN;
	return distanceOf(Moments.of(a), Moments.of(b));
}
