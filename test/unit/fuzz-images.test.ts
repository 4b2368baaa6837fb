// Damaged images must soon give pixels or a typed error, and the process must survive. Each mutation follows from its
// number, so that a failure names the file that caused it.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readPhoto } from '../../lib/photo.ts';
import { randomNumbers } from '../random-numbers.ts';

const perFormat = 120;
/** Decoding 48 × 40 pixels takes milliseconds; what takes this long hangs, however busy the machine. */
const patienceMs = 2000;

/** Flips bytes, mostly near the start where the header is; or cuts, repeats or zeroes a part. */
function mutate(file: Buffer, seed: number): Buffer {
	const next = randomNumbers(seed);
	const below = (limit: number) => Math.floor(next() * limit);
	const bytes = Buffer.from(file);
	const at = next() < 0.5 ? below(Math.min(64, bytes.length)) : below(bytes.length);
	switch (below(5)) {
		case 0:
			return bytes.subarray(0, at);
		case 1:
			return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(bytes.length))]);
		case 2:
			return bytes.fill(next() < 0.5 ? 0 : 255, at, at + 1 + below(16));
		default:
			for (let count = 1 + below(8); count > 0; count--) {
				bytes[next() < 0.5 ? below(Math.min(64, bytes.length)) : below(bytes.length)] = below(256);
			}
			return bytes;
	}
}

describe('damaged images become pixels or a typed error', () => {
	const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
	const picture = () => sharp({ create: { width: 48, height: 40, channels: 3, background: 'red', noise } });

	test.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('%s', async (format) => {
		const file = await picture().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
		expect(await readPhoto(file)).toMatchObject({ data: expect.any(Uint8Array) });

		let refused = 0;
		for (let seed = 0; seed < perFormat; seed++) {
			const started = performance.now();
			try {
				const damaged = mutate(file, seed);
				// As a photo, or as a mask.
				const { data, width, height } =
					seed % 2 === 0 ? await readPhoto(damaged) : await readPhoto(damaged, { option: 'mask', background: 'black' });
				expect(data.length, `${format}, mutation ${seed}`).toBe(width * height * 3);
			} catch (error) {
				refused++;
				expect(error, `${format}, mutation ${seed}`).toMatchObject({ name: 'Arc2FaceError', code: 'INVALID_IMAGE' });
			}
			expect(performance.now() - started, `${format}, mutation ${seed}`).toBeLessThan(patienceMs);
		}
		// Otherwise the mutations would not reach what matters.
		expect(refused).toBeGreaterThan(perFormat / 10);
	});
});
