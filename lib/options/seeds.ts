// The seeds of a call's images: as they are asked for, and those of images that are painted again.
import { randomInt } from 'node:crypto';
import { say } from '../messages/wording.ts';
import { integer, invalid, type Rule } from './check.ts';

export const noiseModes = ['per-image', 'batch'] as const;
/** How the noise of a call's images is drawn: see `noise` of `GenerateOptions`. */
export type NoiseMode = (typeof noiseModes)[number];

const seedNumber = integer(0, Number.MAX_SAFE_INTEGER);

export const seedRule: Rule = {
	expected: (wording) => say(seedNumber.expected, wording) + wording.either(', or a list of one for each image', ''),
	fits: (value) => (Array.isArray(value) ? value.length > 0 && value.every(seedNumber.fits) : seedNumber.fits(value)),
};

/** The seeds of a call. */
export type Seeds = Readonly<{
	/** The seed of an image in a round: the first, or one in which some images are painted again. */
	of(image: number, round: number): number;
}>;

/**
 * Images that are painted again have the integers after the call's highest seed: those of the second round in the order of all images,
 * then those of the third. So no two images or rounds share one, and an image's does not depend on which others are painted again.
 * With one generator for all images they share the seed of a round, and the next has the next.
 *
 * @param seed - one, or one for each image; undefined: a random one
 * @param rounds - how often an image may be painted
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function seedsOf(
	seed: number | readonly number[] = randomInt(2 ** 32),
	{ noise, images, rounds }: { noise: NoiseMode; images: number; rounds: number },
): Seeds {
	if (noise === 'batch' && typeof seed !== 'number') {
		throw invalid('one number with noise "batch"', 'seed', `a list of ${seed.length}`);
	}
	if (typeof seed !== 'number' && seed.length !== images) {
		throw invalid(`${images} seeds, one for each image`, 'seed', `${seed.length}`);
	}
	const perRound = noise === 'batch' ? 1 : images;
	const first = typeof seed === 'number' ? Array.from({ length: perRound }, (_, i) => seed + i) : [...seed];
	const highest = Math.max(...first);
	const above = (rounds - 1) * perRound + (typeof seed === 'number' ? perRound - 1 : 0);
	const given = typeof seed === 'number' ? seed : highest;
	if (given > Number.MAX_SAFE_INTEGER - above) {
		const tries = rounds === 1 ? '' : ` and ${rounds} tries`;
		throw invalid(`at most ${Number.MAX_SAFE_INTEGER - above} with ${images} images${tries}`, 'seed', `${given}`);
	}
	return {
		of: (image, round) => {
			const place = noise === 'batch' ? 0 : image;
			return round === 1 ? first[place]! : highest + 1 + (round - 2) * perRound + place;
		},
	};
}
