// The Fréchet distance by which benchmarks/identity compares portraits with photos, against cases that can be calculated otherwise.
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { frechetDistance } from '../../benchmarks/portraits/frechet.ts';
import { mean } from '../../benchmarks/portraits/statistics.ts';
import { sumOfSingularValues } from '../../lib/evaluation/frechet.ts';
import { normalNumbers } from '../random-numbers.ts';

const normal = normalNumbers(1);

describe('the Fréchet distance', () => {
	const gaussian = (count: number, means: readonly number[], deviations: readonly number[]) =>
		Array.from({ length: count }, () => means.map((value, k) => value + deviations[k]! * normal()));

	test('of Gaussians of independent numbers is that of their means and deviations', () => {
		const a = gaussian(20, [0, 0, 0], [1, 2, 3]);
		expect(frechetDistance(a, a)).toBeCloseTo(0, 6);
		const b = a.map((vector) => vector.map((value, k) => 2 * value + [5, 0, -1][k]!));
		// |μa − μb|² and, for covariances Σ and 4 Σ, tr Σ.
		const middle = [0, 1, 2].map((k) => mean(a.map((vector) => vector[k]!)));
		const apart = middle.reduce((sum, value, k) => sum + (value + [5, 0, -1][k]!) ** 2, 0);
		const trace = a.reduce((sum, x) => sum + x.reduce((s, value, k) => s + (value - middle[k]!) ** 2, 0), 0) / 19;
		expect(frechetDistance(a, b)).toBeCloseTo(apart + trace, 6);
	});

	test('of covariances that do not commute is that of their product’s root', () => {
		// Σa = diag(4, 1), Σb = [[1, 1], [1, 2]]: tr (Σa Σb)^½ is √(tr + 2 √det) of Σa Σb = [[4, 4], [1, 2]].
		const a = cloud([2, 0], [0, 1]);
		const b = cloud([1, 1], [0, 1]);
		expect(frechetDistance(a, b)).toBeCloseTo(5 + 3 - 2 * Math.sqrt(6 + 2 * Math.sqrt(4)), 10);
	});

	test('is defined of fewer vectors than they have numbers, but not of one', () => {
		const vectors = gaussian(5, Array(40).fill(0), Array(40).fill(1));
		expect(frechetDistance(vectors, vectors)).toBeCloseTo(0, 6);
		const moved = vectors.map((vector) => vector.map((value, k) => value + Number(k === 0)));
		expect(frechetDistance(vectors, moved)).toBeCloseTo(1, 6);
		expect(frechetDistance(vectors, vectors.slice(0, 1))).toBeNaN();
		expect(frechetDistance([], vectors)).toBeNaN();
	});

	test('sums the singular values of any matrix', () => {
		expect(sumOfSingularValues(new Matrix([[0, 0], [0, 0], [3, 4]]))).toBeCloseTo(5, 12); // biome-ignore format: rows
		// The reflection of [1, 0] and [0, 1], times 2 and 3.
		expect(sumOfSingularValues(new Matrix([[0, 2], [3, 0]]))).toBeCloseTo(5, 12); // biome-ignore format: rows
		const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
		expect(sumOfSingularValues(new Matrix([[7 * c, 7 * s, 0], [-2 * s, 2 * c, 0]]))).toBeCloseTo(9, 12); // biome-ignore format: rows
		expect(sumOfSingularValues(new Matrix([[7 * c, -2 * s], [7 * s, 2 * c], [0, 0]]))).toBeCloseTo(9, 12); // biome-ignore format: rows
	});

	/** Four points of mean 0 whose covariance is x xᵀ + y yᵀ. */
	function cloud(x: readonly [number, number], y: readonly [number, number]): number[][] {
		const scale = Math.sqrt(3 / 2);
		return [x, y].flatMap((axis) => [1, -1].map((sign) => axis.map((value) => sign * scale * value)));
	}
});
