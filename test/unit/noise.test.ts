import { describe, expect, test } from 'vitest';
import { type GoldenCase, maxAbsError, readGolden } from '../golden.ts';
import { inside } from '../inside.ts';

const golden = readGolden('rng/rng'); // torch.randn of a seeded CPU generator; how it was recorded: test/golden/README.md
const named = (kind: string): [string, GoldenCase][] =>
	golden.cases.filter((one) => one.kind === kind).map((one) => [one.name, one]);

// atol is 4e-6 everywhere: PyTorch's vectorised logarithm and cosine are up to 1.3e-6 from correctly rounded ones.
describe('randn', () => {
	test.each(named('single'))('draws what torch.randn draws: %s', (_, { seed, numel, sum_abs, atol, tensors }) => {
		const values = inside.randn(seed, [numel])[0]!;

		if (tensors.values !== undefined) {
			expect(maxAbsError(values, golden.floats(tensors.values))).toBeLessThanOrEqual(atol);
		} else {
			expect(maxAbsError(values.subarray(0, 64), golden.floats(tensors.head!))).toBeLessThanOrEqual(atol);
			expect(maxAbsError(values.subarray(-64), golden.floats(tensors.tail!))).toBeLessThanOrEqual(atol);
		}
		// All that lies between head and tail: no average of errors of at most atol is more than atol.
		const total = values.reduce((sum, value) => sum + Math.abs(value), 0);
		expect(Math.abs(total - sum_abs) / numel).toBeLessThanOrEqual(atol);
	});

	test.each(named('sequence'))('goes on where the last draw stopped: %s', (_, { seed, shapes, atol, tensors }) => {
		const counts = (shapes as number[][]).map((shape) => shape.reduce((product, side) => product * side));
		const draws = inside.randn(seed, counts);

		expect(draws).toHaveLength(counts.length);
		draws.forEach((draw, i) => {
			expect(maxAbsError(draw, golden.floats(tensors[`draw_${i}`]!)), `draw ${i}`).toBeLessThanOrEqual(atol);
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
