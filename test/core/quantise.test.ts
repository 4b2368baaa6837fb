// Quantising images to 8 bits, against diffusers.
import { describe, expect, test } from 'vitest';
import { inside } from '../inside.ts';

/** diffusers' VaeImageProcessor.postprocess and numpy's uint8 conversion, in float32. */
function quantised(value: number): number {
	const unit = Math.fround(Math.fround(value / 2) + 0.5);
	const level = Math.fround(Math.min(Math.max(unit, 0), 1) * 255);
	const below = Math.floor(level);
	const rest = level - below;
	return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

describe('quantise', () => {
	test.each([
		[1, 1],
		[31, 33],
		[33, 31],
		[1, 257],
		[32, 32],
		[5, 205], // one more than a block of 1024
		[64, 96],
	])('turns %d x %d planes into interleaved bytes', (height, width) => {
		const pixels = height * width;
		const image = Float32Array.from({ length: 3 * pixels }, (_, i) => Math.sin(i * 0.7) * 1.2);
		const expected = Uint8Array.from({ length: 3 * pixels }, (_, i) =>
			quantised(image[(i % 3) * pixels + Math.floor(i / 3)]!),
		);
		expect(inside.quantise(image, height, width)).toEqual(expected);
	});

	test('rounds every half to the even level', () => {
		// (k + 0.5) / 255 and its neighbours for every level k; some are exact halves after float32's products, most are not.
		const values = Array.from({ length: 255 }, (_, k) =>
			[-1e-7, 0, 1e-7].map((off) => (2 * (k + 0.5)) / 255 - 1 + off),
		).flat();
		const image = Float32Array.from(values);
		const halves = image.filter((value) => {
			const level = Math.fround(Math.fround(Math.fround(value / 2) + 0.5) * 255);
			return level - Math.floor(level) === 0.5;
		});
		expect(halves.length).toBeGreaterThan(50);
		expect(inside.quantise(image, 1, 255)).toEqual(
			Uint8Array.from({ length: 765 }, (_, i) => quantised(image[(i % 3) * 255 + Math.floor(i / 3)]!)),
		);
	});

	test('clamps, and gives black for NaN', () => {
		const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
		expect(Array.from(inside.quantise(Float32Array.from([-1.01, nan, infinity]), 1, 1))).toEqual([0, 0, 255]);
		expect(Array.from(inside.quantise(Float32Array.from([-infinity, 1, 3e38]), 1, 1))).toEqual([0, 255, 255]);
		expect(Array.from(inside.quantise(Float32Array.from([-1, 0, -0]), 1, 1))).toEqual([0, 128, 128]);
	});

	test('takes no pixels, and refuses less', () => {
		expect(inside.quantise(new Float32Array(0), 0, 5)).toHaveLength(0);
		expect(() => inside.quantise(new Float32Array(0), -1, 5)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
		);
	});
});
