// The images that watermarks are measured on: renders, enlarged portraits, parts of photos.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { Arc2Face } from '../../lib/index.ts';
import { loadNative } from '../../lib/native.ts';
import { type Pixels, pixelsOf, sharpOf } from './attacks.ts';

/** Numbers from 0 to 1 that follow from a seed (mulberry32, by Tommy Ettinger, public domain). */
export function randomFrom(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let z = Math.imul(state ^ (state >>> 15), state | 1);
		z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
		return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Every image file of a folder, decoded, in the order of names. */
export async function imagesIn(folder: string): Promise<{ name: string; image: Pixels }[]> {
	const names = (await readdir(folder)).filter((name) => /\.(png|jpe?g)$/i.test(name)).toSorted();
	if (names.length === 0) throw new Error(`Expected images in ${folder} but found none.`);
	const images = [];
	for (const name of names) images.push({ name, image: await pixelsOf(sharp(join(folder, name))) });
	return images;
}

/** A random square part of an image, at least `least` of its shorter side, mirrored or not, brought to a size. */
export async function partOf(image: Pixels, side: number, least: number, random: () => number): Promise<Pixels> {
	const size = Math.round((least + (1 - least) * random()) * Math.min(image.width, image.height));
	const left = Math.floor(random() * (image.width - size + 1));
	const top = Math.floor(random() * (image.height - size + 1));
	const part = sharpOf(image).extract({ left, top, width: size, height: size });
	const resized = await pixelsOf(part.resize(side, side));
	return random() < 0.5 ? resized : await pixelsOf(sharpOf(resized).flop());
}

/**
 * Portraits of the embedded bundle, each of another nobody, as they are painted.
 *
 * @param isWanted - others are not painted, and undefined
 */
export async function* portraits(
	count: number,
	isWanted: (index: number) => boolean = () => true,
): AsyncGenerator<Pixels | undefined> {
	await using model = await Arc2Face.load({ bundle: 'tiny' });
	const source = loadNative().openIdentitySource({ seed: 16 });
	for (let i = 0; i < count; i++) {
		const identity = await source.draw(1).promise;
		yield isWanted(i) ? (await model.generate(identity, { preset: 'draft', seed: i }))[0] : undefined;
	}
}
