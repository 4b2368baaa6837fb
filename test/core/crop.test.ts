// Faces cut out for recognisers, against insightface.
import { describe, expect, test } from 'vitest';
import { cropFace } from '../../lib/faces/crop.ts';
import type { Point } from '../../lib/geometry.ts';
import { loadNative } from '../../lib/native.ts';
import { exactly, readGolden } from '../golden.ts';
import { astronaut } from '../photo.ts';

const golden = readGolden('faces/crop'); // insightface with OpenCV 4.10; how they were recorded: test/golden/README.md
const cases = golden.cases(4).filter(({ image_size }) => image_size === 112);
const native = loadNative();
const photo = await astronaut();

const pointsOf = (numbers: ArrayLike<number>): Point[] =>
	Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
const upright = pointsOf(golden.floats(golden.case('astronaut_112').tensors.landmarks!));

test.each(exactly(3, cases, 'crops of 112 pixels'))(
	'$name is that of insightface, byte for byte',
	async ({ tensors }) => {
		const crop = await cropFace(native, photo, pointsOf(golden.floats(tensors.landmarks!)));
		expect(crop).toHaveLength(112 * 112 * 3);
		expect(Buffer.compare(crop, golden.tensor(tensors.crop!).data as Uint8Array)).toBe(0);
	},
);

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
