// The numbers that everything random of a data set comes from: the seed of each image, and what else is drawn for it.
import { createHash } from 'node:crypto';
import { mostTries } from '../options/dataset.ts';

/**
 * The seed of a try of an image. No two of a data set are the same: with n = (person · images + image) · 100 + attempt − 1 it is
 * mix(mix(n xor a) xor b), where a and b are the first two numbers of 32 bits, little-endian, of the SHA-256 of `arc2face dataset SEED`, and mix
 * is the last step of MurmurHash3 (https://github.com/aappleby/smhasher, `fmix32`), which changes places among the numbers of 32 bits. So an image
 * keeps its seeds in a set of more people, and with more tries.
 *
 * @param seed - of the data set
 * @param place - which person of the set, from 0, which image of the person, of how many
 * @param attempt - from 1 to `mostTries`
 */
export function seedOf(
	seed: number,
	{ person, image, images }: { person: number; image: number; images: number },
	attempt: number,
): number {
	const key = digest(`arc2face dataset ${seed}`);
	const place = (person * images + image) * mostTries + attempt - 1;
	return mix(mix(place ^ key.readUInt32LE(0)) ^ key.readUInt32LE(4));
}

/**
 * Numbers from 0 to below 1, drawn for an image whatever its try: of the SHA-256 of `SEED/PERSON/IMAGE/PURPOSE`, 32 bits each.
 *
 * @param purpose - what they are for: each has numbers of its own
 * @returns eight
 */
export function drawsFor(
	seed: number,
	{ person, image }: { person: number; image: number },
	purpose: string,
): readonly number[] {
	const bytes = digest(`${seed}/${person}/${image}/${purpose}`);
	return Array.from({ length: 8 }, (_, i) => bytes.readUInt32LE(4 * i) / 2 ** 32);
}

function digest(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}

function mix(number: number): number {
	let h = number >>> 0;
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return (h ^ (h >>> 16)) >>> 0;
}
