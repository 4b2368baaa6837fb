// The photo that tests use.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Photo } from './inside.ts';

/** The photo that the golden data was made from (test/fixtures/photos.md), or the part of it at x, y. */
export async function astronaut(x = 0, y = 0, width = 512, height = 512): Promise<Photo> {
	const file = fileURLToPath(new URL('fixtures/astronaut.png', import.meta.url));
	const pixels = await sharp(file).extract({ left: x, top: y, width, height }).removeAlpha().raw().toBuffer();
	return { data: new Uint8Array(pixels), width, height };
}
