// The core's noise, against PyTorch.
import { describe, expect, test } from 'vitest';
import { exactly, maxAbsError, readGolden } from '../golden.ts';
import { inside } from '../inside.ts';
import { torchGenerator } from '../torch-randn.ts';

const golden = readGolden('rng/rng'); // torch.randn of a seeded CPU generator; how it was recorded: test/golden/README.md
/** Half the spacing of float32 numbers below 8, which no draw reaches. */
const rounding = 2 ** -22;

// atol is 4e-6 everywhere: PyTorch's vectorised logarithm and cosine are up to 1.3e-6 from correctly rounded ones.
describe('randn', () => {
	test.each(golden.named(56, 'single'))('draws what torch.randn draws: %s', (_, recorded) => {
		const { seed, numel, sum, sum_abs, atol, tensors } = recorded;
		const values = inside.randn(seed, [numel])[0]!;

		if (numel <= 1024) {
			expect(maxAbsError(values, golden.floats(tensors.values!))).toBeLessThanOrEqual(atol);
		} else {
			expect(maxAbsError(values.subarray(0, 64), golden.floats(tensors.head!))).toBeLessThanOrEqual(atol);
			expect(maxAbsError(values.subarray(-64), golden.floats(tensors.tail!))).toBeLessThanOrEqual(atol);
		}
		// Between head and tail, each number as by the description that also gives the recorded ones...
		const described = torchGenerator(seed)(numel);
		expect(maxAbsError(values, described)).toBeLessThanOrEqual(rounding);
		// ... and the recorded sums. Errors of up to 1.3e-6 in both directions add up as the root of their number.
		const tolerance = 5 * 1.3e-6 * Math.sqrt(numel);
		const total = (of: (value: number) => number) => values.reduce((all, value) => all + of(value), 0);
		expect(Math.abs(total((value) => value) - sum)).toBeLessThanOrEqual(tolerance);
		expect(Math.abs(total(Math.abs) - sum_abs)).toBeLessThanOrEqual(tolerance);
	});

	test.each(golden.named(2, 'sequence'))('goes on where the last draw stopped: %s', (name, recorded) => {
		const { seed, shapes, atol, tensors } = recorded;
		exactly(name === 'pipeline_like' ? 3 : 8, shapes, `draws of ${name}`);
		const counts = (shapes as number[][]).map((shape) => shape.reduce((product, side) => product * side));
		const draws = inside.randn(seed, counts);
		const described = torchGenerator(seed);

		expect(draws).toHaveLength(counts.length);
		draws.forEach((draw, i) => {
			expect(maxAbsError(draw, golden.floats(tensors[`draw_${i}`]!)), `draw ${i}`).toBeLessThanOrEqual(atol);
			expect(maxAbsError(draw, described(counts[i]!)), `draw ${i}`).toBeLessThanOrEqual(rounding);
		});
	});

	test('draws the noise of 512 x 512 pixels and more, again and again, as described', () => {
		const counts = [4 * 64 * 64, 7, 3 * 4 * 64 * 64, 4 * 96 * 64 + 5, 9];
		const described = torchGenerator(2 ** 32 - 2);
		inside.randn(2 ** 32 - 2, counts).forEach((draw, i) => {
			expect(maxAbsError(draw, described(counts[i]!)), `draw ${i}`).toBeLessThanOrEqual(rounding);
		});
	});

	test('knows only the low 32 bits of a seed', () => {
		expect(inside.randn(2 ** 40 + 7, [40])).toEqual(inside.randn(7, [40]));
	});

	test('is standard normal', () => {
		const values = inside.randn(5, [1 << 20])[0]!;
		const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
		// Five standard errors of each moment's estimate, sqrt(var / n): variances 1, 2, 15 and 96.
		for (const [power, expected, variance] of [
			[1, 0, 1],
			[2, 1, 2],
			[3, 0, 15],
			[4, 3, 96],
		] as const) {
			const error = Math.abs(moment(power) - expected);
			expect(error, `moment ${power}`).toBeLessThanOrEqual(5 * Math.sqrt(variance / values.length));
		}
	});

	test.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses %d as a seed', (seed) => {
		expect(() => inside.randn(seed, [1])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
	});
});
