// FFHQ's alignment of a reference photo, against upstream's.
import { describe, expect, test } from 'vitest';
import { featuresOfKeypoints, featuresOfLandmarks, ffhqSquare } from '../../lib/faces/ffhq.ts';
import type { Point } from '../../lib/geometry.ts';
import { type GoldenCase, maxAbsError, readGolden } from '../golden.ts';
import { inside } from '../inside.ts';
import { astronaut } from '../photo.ts';

const golden = readGolden('faces/ffhq'); // how it was recorded: test/golden/README.md
const cases = golden.cases(6);
const photo = await astronaut();

const pointsOf = (numbers: ArrayLike<number>): Point[] =>
	Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
const squareOf = ({ tensors }: GoldenCase) =>
	ffhqSquare(featuresOfLandmarks(pointsOf(golden.floats(tensors.landmarks!))));
const bytes = (key: string) => golden.tensor(key).data as Uint8Array;

/** Rows of an RGB picture. */
function rowsOf(picture: Uint8Array, width: number, rows: readonly number[]): Uint8Array {
	return Uint8Array.from(rows.flatMap((row) => [...picture.subarray(3 * width * row, 3 * width * (row + 1))]));
}

function expectNear(got: Uint8Array, expected: Uint8Array, most: number, onAverage: number): void {
	expect(got.length).toBe(expected.length);
	const differences = Array.from(got, (level, i) => level - expected[i]!);
	expect(differences.reduce((worst, one) => Math.max(worst, Math.abs(one)), 0)).toBeLessThanOrEqual(most);
	expect(Math.abs(differences.reduce((a, b) => a + b, 0) / differences.length)).toBeLessThanOrEqual(onAverage);
}

describe.each(cases)('$name', (one) => {
	const square = squareOf(one);
	const prepared = inside.prepareFace(photo, square, one.output_size, one.enable_padding);

	test('the square lies where upstream has it', () => {
		expect(maxAbsError(square, golden.floats(one.tensors.quad!))).toBeLessThanOrEqual(one.quad_atol);
	});

	test('the photo is shrunk, cut and padded as upstream does', () => {
		const [width, height] = one.padded ? one.padded_size : [one.crop[2] - one.crop[0], one.crop[3] - one.crop[1]];
		expect([prepared.width, prepared.height]).toEqual([width, height]);
		expect(maxAbsError(prepared.quad, golden.floats(one.tensors.quad_final!))).toBeLessThanOrEqual(1e-9);
		if (!one.padded) return;
		const rows = rowsOf(prepared.data, prepared.width, one.padded_at);
		// Sums of hundreds of numbers in another order and precision: rounding now and then goes the other way.
		expectNear(rows, bytes(one.tensors.padded_rows!), 1, 0.01);
	});

	test('the face looks as upstream cuts it', () => {
		const { output_size: side, transform_size: samples } = one;
		const face = inside.sampleQuad(prepared, prepared.quad, side, samples);
		const [got, expected] =
			one.tensors.image === undefined
				? [rowsOf(face, side, one.rows), bytes(one.tensors.image_rows!)]
				: [face, bytes(one.tensors.image)];
		// Far within the recording's own tolerance (atol_levels): the arithmetic is Pillow's.
		expectNear(got, expected, 1, 0.01);
	});
});

test('five keypoints stand for the same eyes and mouth', () => {
	const points = pointsOf(golden.floats(cases[0]!.tensors.landmarks!));
	const { leftEye, rightEye, leftCorner, rightCorner } = featuresOfLandmarks(points);
	const square = ffhqSquare(featuresOfKeypoints([leftEye, rightEye, [0, 0], leftCorner, rightCorner]));
	expect([...square]).toEqual([...squareOf(cases[0]!)]);
});

test.each([
	['has no area', [10, 10, 10, 10, 10, 10, 10, 10]],
	['lies beside the photo', [600, 0, 600, 100, 700, 100, 700, 0]],
	['lies above the photo', [0, -200, 0, -100, 100, -100, 100, -200]],
	['is not finite', [Number.NaN, 0, 0, 100, 100, 100, 100, 0]],
	['is far too large', [-1e7, -1e7, -1e7, 1e7, 1e7, 1e7, 1e7, -1e7]],
])('a square that %s is refused', (_, corners) => {
	expect(() => inside.prepareFace(photo, Float64Array.from(corners), 64, true)).toThrow(
		/eyes and the mouth of a face within the photo/,
	);
});

test.each([
	[1, 1],
	[1, 200],
	[3, 2],
])('a photo of %i × %i pixels can be cut from', (width, height) => {
	const tiny = { data: new Uint8Array(3 * width * height).fill(90), width, height };
	const square = Float64Array.from([-20, -20, -20, 30, 30, 30, 30, -20]);
	const prepared = inside.prepareFace(tiny, square, 64, true);
	const face = inside.sampleQuad(prepared, prepared.quad, 64, 128);
	expect(face.length).toBe(3 * 64 * 64);
	expect(face.every((level) => level >= 89 && level <= 90)).toBe(true);
});
