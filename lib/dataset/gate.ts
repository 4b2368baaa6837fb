// Which images a data set keeps: those that show their person, and are no copy of another of the same person.
import type { Identity } from '../identity.ts';

/** What is known of a painted image. */
export type Looks = Readonly<{
	/** Whom it shows; undefined without a face that is upright. */
	shown: Identity | undefined;
	/** See {@link thumbnailSide}: brightness, 0–255, row-major. */
	thumbnail: Uint8Array;
}>;

/** Why an image is not kept. */
export type Flaw = 'no face' | 'unlike' | 'copy';

/** Images are compared as squares of so many pixels. */
export const thumbnailSide = 16;

/**
 * Levels of brightness, as the root of the mean square. Portraits of one person by the embedded bundle differ by 14 and more, by 40 in the median,
 * with and without poses and with 2 to 25 steps; the same portrait as JPEG, or moved by a pixel, by less than 3.
 */
const leastDifference = 4;

/** @param kept - those of the same person */
export function flawOf(
	{ shown, thumbnail }: Looks,
	{ identity, minSimilarity, kept }: { identity: Identity; minSimilarity: number; kept: readonly Looks[] },
): Flaw | undefined {
	if (shown === undefined) return 'no face';
	if (!(identity.similarity(shown) >= minSimilarity)) return 'unlike';
	return kept.some((other) => difference(thumbnail, other.thumbnail) < leastDifference) ? 'copy' : undefined;
}

function difference(a: Uint8Array, b: Uint8Array): number {
	let squares = 0;
	for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
	return Math.sqrt(squares / a.length);
}
