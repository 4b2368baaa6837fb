// Faces cut out for recognisers, against insightface.
import { describe, expect, test } from 'vitest';
import { cropFace } from '../../lib/faces/crop.ts';
import type { Point } from '../../lib/geometry.ts';
import { loadNative } from '../../lib/native.ts';
import { exactly, readGolden } from '../golden.ts';
import { inside } from '../inside.ts';
import { astronaut } from '../photo.ts';

const golden = readGolden('faces/crop'); // insightface with OpenCV 4.10; how they were recorded: test/golden/README.md
const cases = golden.cases(4).filter(({ image_size }) => image_size === 112);
const native = loadNative();
const photo = await astronaut();

const pointsOf = (numbers: ArrayLike<number>): Point[] =>
	Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
const upright = pointsOf(golden.floats(golden.case('astronaut_112').tensors.landmarks!));

describe.each(exactly(3, cases, 'crops of 112 pixels'))('$name', ({ tensors }) => {
	const keypoints = golden.floats(tensors.landmarks!);

	test('is what the recogniser sees: the alignment and the warp that have tests of their own', async () => {
		const matrix = inside.estimateAlignment(Float32Array.from(keypoints), 112);
		const crop = await cropFace(native, photo, pointsOf(keypoints));
		expect(Buffer.compare(crop, inside.warpAffine(photo, matrix, 112))).toBe(0);
	});

	test('is that of insightface', async () => {
		const crop = await cropFace(native, photo, pointsOf(keypoints));
		const expected = golden.tensor(tensors.crop!).data as Uint8Array;
		expect(crop).toHaveLength(expected.length);
		const differences = Array.from(crop, (level, i) => Math.abs(level - expected[i]!)).filter((one) => one !== 0);
		// With its matrix, every byte is the same (photo-operations.test.ts). Its own is computed in float32 and off by 1e-5 pixels, so of the
		// positions in 1/32 pixel one in 3,000 is rounded to the next one, in x or in y; a pixel of 1/32 of the way to its neighbour.
		expect(differences.length).toBeLessThanOrEqual(crop.length / 1000);
		for (const difference of differences) expect(difference).toBeLessThanOrEqual(255 / 32);
	});
});

test('crops that are asked for at once are each their own', async () => {
	const shifted = upright.map(([x, y]): Point => [x + 7, y - 3]);
	const alone = await cropFace(native, photo, shifted);
	const [first, second] = await Promise.all([cropFace(native, photo, upright), cropFace(native, photo, shifted)]);
	expect(Buffer.compare(first, second)).not.toBe(0);
	expect(Buffer.compare(second, alone)).toBe(0);
});

test('the photo may be written to as soon as the call has begun', async () => {
	const mine = { ...photo, data: photo.data.slice() };
	const crop = cropFace(native, mine, upright);
	mine.data.fill(0);
	expect(Buffer.compare(await crop, await cropFace(native, photo, upright))).toBe(0);
});

describe('is refused', () => {
	const invalid = { code: 'INVALID_ARGUMENT' };

	test.each([
		['keypoints in one place', Array(5).fill([9, 9])],
		['keypoints that are not finite', [[Number.NaN, 1], ...upright.slice(1)]],
		['four keypoints', upright.slice(1)],
	])('for %s', async (_, keypoints) => {
		await expect(cropFace(native, photo, keypoints as Point[])).rejects.toMatchObject(invalid);
	});

	test('for a photo of another size than its bytes', async () => {
		const short = { ...photo, height: photo.height - 1 };
		await expect(cropFace(native, short, upright)).rejects.toMatchObject(invalid);
	});

	test('when it was stopped before', async () => {
		const reason = new Error('enough');
		await expect(cropFace(native, photo, upright, AbortSignal.abort(reason))).rejects.toBe(reason);
	});
});
