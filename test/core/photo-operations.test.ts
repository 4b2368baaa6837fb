// Operations on photos: letterbox, resize and warp, against OpenCV.
import { describe, expect, test } from 'vitest';
import { maxAbsError, readGolden } from '../golden.ts';
import { inside, type Photo } from '../inside.ts';
import { astronaut } from '../photo.ts';

const crops = readGolden('faces/crop'); // insightface with OpenCV 4.10; how they were recorded: test/golden/README.md
const detections = readGolden('faces/detect');

const identity = new Float64Array([1, 0, 0, 0, 1, 0]);
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

/** A photo of one channel's values, the same in all three. */
const grey = (width: number, height: number, values: number[]): Photo => ({
	data: Uint8Array.from(values.flatMap((value) => [value, value, value])),
	width,
	height,
});

/** Planes of floats back to interleaved bytes; the divisor is the network's. */
function bytesOf(input: Float32Array, divisor: number): Uint8Array {
	const plane = input.length / 3;
	return Uint8Array.from(input, (_, i) => Math.round(input[(i % 3) * plane + Math.floor(i / 3)]! * divisor + 127.5));
}

describe('letterbox', () => {
	test.each(detections.named(2))('gives the detector what insightface gives it: %s', async (_, recorded) => {
		const { photo_rect, det_size, resized, det_scale, rows, tensors } = recorded;
		const photo = await astronaut(...(photo_rect as [number, number, number, number]));
		const fit = inside.fitPhoto(photo.width, photo.height, det_size[0], det_size[1]);
		expect(fit).toEqual({
			inputWidth: det_size[0],
			inputHeight: det_size[1],
			resizedWidth: resized[0],
			resizedHeight: resized[1],
			scale: Math.fround(det_scale),
		});

		const input = inside.letterbox(photo, fit);
		const got = bytesOf(input, 128);
		const rowBytes = 3 * det_size[0];
		const storedRows: number[] = rows ?? Array.from({ length: det_size[1] }, (_, y) => y);
		const expected = detections.tensor(tensors.input ?? tensors.input_rows!).data as Uint8Array;
		expect(storedRows).toHaveLength(tensors.input === undefined ? 6 : det_size[1]);
		expect(expected).toHaveLength(rowBytes * storedRows.length);
		storedRows.forEach((y, i) => {
			const row = got.subarray(y * rowBytes, (y + 1) * rowBytes);
			expect(Buffer.compare(row, expected.subarray(i * rowBytes, (i + 1) * rowBytes)), `row ${y}`).toBe(0);
		});
		// (x − 127.5) / 128 is exact in float32.
		const plane = input.length / 3;
		const exact = input.map((_, i) => (got[3 * (i % plane) + Math.floor(i / plane)]! - 127.5) / 128);
		expect(maxAbsError(input, exact)).toBe(0);
	});

	test('leaves a row or column of the thinnest photos', () => {
		expect(inside.fitPhoto(1, 32767, 640, 640)).toMatchObject({ resizedWidth: 1, resizedHeight: 640 });
		expect(inside.fitPhoto(32767, 1, 640, 640)).toMatchObject({ resizedWidth: 640, resizedHeight: 1 });
		const fit = inside.fitPhoto(1, 1000, 64, 64);
		const input = inside.letterbox(grey(1, 1000, Array(1000).fill(255)), fit);
		expect(input[0]).toBe(127.5 / 128);
		expect(input[1]).toBe(-127.5 / 128);
	});

	test('refuses sizes that are none', () => {
		expect(() => inside.fitPhoto(0, 10, 640, 640)).toThrow(invalid);
		expect(() => inside.fitPhoto(10, 10, 640, -1)).toThrow(invalid);
		expect(() => inside.fitPhoto(32768, 10, 640, 640)).toThrow(
			/from 1 to 32767 pixels for the photo but received 32768 x 10/,
		);
		const fit = inside.fitPhoto(10, 10, 64, 64);
		expect(() => inside.letterbox(grey(1, 1, [0]), { ...fit, resizedWidth: 65 })).toThrow(invalid);
	});
});

describe('resize', () => {
	test('to the same size changes nothing', async () => {
		const photo = await astronaut(3, 5, 33, 31);
		expect(inside.resize(photo, 33, 31)).toEqual(photo.data);
	});

	test('by half is the mean of four, rounded half up', async () => {
		const photo = await astronaut(100, 40, 62, 34);
		const at = (x: number, y: number, c: number) => photo.data[3 * (y * 62 + x) + c]!;
		const half = Uint8Array.from({ length: 3 * 31 * 17 }, (_, i) => {
			const [x, y, c] = [Math.floor(i / 3) % 31, Math.floor(i / 93), i % 3];
			return (
				(at(2 * x, 2 * y, c) + at(2 * x + 1, 2 * y, c) + at(2 * x, 2 * y + 1, c) + at(2 * x + 1, 2 * y + 1, c) + 2) >> 2
			);
		});
		expect(inside.resize(photo, 31, 17)).toEqual(half);
	});

	test.each([
		[1, 1],
		[1, 7],
		[7, 1],
		[257, 33],
	])('of one grey to %d x %d stays that grey', (width, height) => {
		for (const level of [0, 1, 127, 254, 255]) {
			const resized = inside.resize(grey(5, 3, Array(15).fill(level)), width, height);
			// The weighted sum may lose a quarter of a level to truncation, as in OpenCV.
			expect(resized.every((value) => Math.abs(value - level) <= 1)).toBe(true);
			expect(resized).toHaveLength(3 * width * height);
		}
	});

	test('refuses sizes that are none and photos whose data is too short', () => {
		const photo = grey(2, 2, [1, 2, 3, 4]);
		expect(() => inside.resize(photo, 0, 5)).toThrow(invalid);
		expect(() => inside.resize(photo, 5, 32768)).toThrow(invalid);
		expect(() => inside.resize({ ...photo, height: 3 }, 5, 5)).toThrow(invalid);
	});
});

describe('warpAffine', () => {
	test.each(crops.named(4))('equals OpenCV byte for byte: %s', async (_, { image_size, tensors }) => {
		const matrix = crops.tensor(tensors.M!).data as Float64Array;
		const crop = inside.warpAffine(await astronaut(), matrix, image_size);
		expect(Buffer.compare(crop, crops.tensor(tensors.crop!).data as Uint8Array)).toBe(0);
	});

	test('stays as near to exact sampling as OpenCV does', async () => {
		const { image_size, cv2_vs_exact_max_level, tensors } = crops.case('astronaut_112');
		const crop = inside.warpAffine(await astronaut(), crops.tensor(tensors.M!).data as Float64Array, image_size);
		// The recorded distance is between whole levels.
		const exact = crops.floats(tensors.crop_float!).map(Math.round);
		expect(maxAbsError(crop, exact)).toBeLessThanOrEqual(cv2_vs_exact_max_level);
	});

	test('copies, and fills with black beyond the photo', () => {
		const photo = grey(2, 2, [10, 20, 30, 40]);
		expect(inside.warpAffine(photo, identity, 3)).toEqual(grey(3, 3, [10, 20, 0, 30, 40, 0, 0, 0, 0]).data);
		const half = new Float64Array([1, 0, 0.5, 0, 1, 0]); // half a pixel to the right: half of what is outside
		expect(inside.warpAffine(photo, half, 2)).toEqual(grey(2, 2, [5, 15, 15, 35]).data);
		const away = new Float64Array([1e-100, 0, 1e9, 0, 1e-100, -1e9]);
		expect(inside.warpAffine(photo, away, 2)).toEqual(grey(2, 2, [0, 0, 0, 0]).data);
	});

	test.each([
		['a row of zeros', [1, 0, 0, 0, 0, 0]],
		['NaN', [1, 0, Number.NaN, 0, 1, 0]],
		['infinity', [1, 0, 0, 0, Number.POSITIVE_INFINITY, 0]],
		['an inverse that overflows', [1e-200, 0, 1e200, 0, 1e-200, 0]],
	])('refuses %s', (_, matrix) => {
		expect(() => inside.warpAffine(grey(1, 1, [1]), new Float64Array(matrix), 4)).toThrow(invalid);
	});

	test.each([0, -1, 32768])('refuses a crop of %d pixels', (size) => {
		expect(() => inside.warpAffine(grey(1, 1, [1]), identity, size)).toThrow(invalid);
	});
});

describe('alignFace', () => {
	test('gives the recogniser what insightface gives it', async () => {
		const { image_size, tensors } = crops.case('astronaut_112');
		const input = inside.alignFace(await astronaut(), crops.tensor(tensors.M!).data as Float64Array, image_size);
		// OpenCV multiplies by 1 / 127.5: two roundings of numbers up to 1, of 6e-8 each.
		expect(maxAbsError(input, crops.floats(tensors.blob!))).toBeLessThanOrEqual(1.2e-7);
	});
});

describe('resizing with LANCZOS gives every byte that Pillow gives', () => {
	const golden = readGolden('misc/lanczos'); // test/golden/generate/lanczos.py has the rule of the photos

	test.each(golden.named(10))('%s', (_, recorded) => {
		const [width, height] = recorded.from as [number, number];
		const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) % 251);
		const [toWidth, toHeight] = recorded.to as [number, number];
		const expected = golden.tensor(recorded.tensors.resized!).data as Uint8Array;
		const resized = inside.resizeLanczos({ data, width, height }, toWidth, toHeight);
		expect(Buffer.compare(resized, expected)).toBe(0);
	});

	test.each(['img2img', 'inpaint'])('in a run of %s', (kind) => {
		const edits = readGolden(`pipeline_edit/${kind}`);
		const { inputs, width, height, tensors } = edits.case('dpm_resized');
		const { shape, data } = edits.tensor(inputs.image[0]);
		const photo = { data: data as Uint8Array, width: shape[1]!, height: shape[0]! };
		expect([photo.width, photo.height]).not.toEqual([width, height]);
		const expected = edits.tensor(tensors.preprocessed!).data as Uint8Array;
		expect(Buffer.compare(inside.resizeLanczos(photo, width, height), expected)).toBe(0);
	});

	test('and refuses sizes that no photo has', () => {
		expect(() => inside.resizeLanczos(grey(2, 2, [1, 2, 3, 4]), 0, 8)).toThrow(invalid);
		expect(() => inside.resizeLanczos({ data: new Uint8Array(), width: 0, height: 1 }, 8, 8)).toThrow(invalid);
	});
});
