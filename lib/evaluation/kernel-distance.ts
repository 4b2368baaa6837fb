// The kernel inception distance: squared maximum mean discrepancy of two sets of vectors.
import { count, dot, row, type Vectors } from './vectors.ts';

/** Rows of two sets, for one estimate. */
export type Subset = Readonly<{ a: ArrayLike<number>; b: ArrayLike<number> }>;

/**
 * Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401: the kernel (x · y / d + 1)³, means over all pairs without those of a vector with
 * itself, so that it has no bias and may be a little below 0.
 *
 * @param a - at least two vectors
 * @param b - as long ones, at least two
 */
export function kernelDistance(a: Vectors, b: Vectors): number {
	return within(a) + within(b) - 2 * between(a, b);
}

/** The same with those pairs, as a squared distance of two means is: never below 0, and too large from few. */
export function biasedKernelDistance(a: Vectors, b: Vectors): number {
	return between(a, a) + between(b, b) - 2 * between(a, b);
}

/** Mean and standard deviation (divided by their number) over subsets, as it is published. */
export function kernelDistances(
	a: Vectors,
	b: Vectors,
	subsets: readonly Subset[],
): { mean: number; std: number; values: number[] } {
	const values = subsets.map((subset) => kernelDistance(chosen(a, subset.a), chosen(b, subset.b)));
	const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
	const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
	return { mean, std: Math.sqrt(variance), values };
}

function kernel(x: Float32Array, y: Float32Array): number {
	return (dot(x, y) / x.length + 1) ** 3;
}

function within(vectors: Vectors): number {
	const n = count(vectors);
	let sum = 0;
	for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) sum += kernel(row(vectors, i), row(vectors, j));
	return (2 * sum) / (n * (n - 1));
}

function between(a: Vectors, b: Vectors): number {
	const [n, m] = [count(a), count(b)];
	let sum = 0;
	for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) sum += kernel(row(a, i), row(b, j));
	return sum / (n * m);
}

function chosen(vectors: Vectors, rows: ArrayLike<number>): Vectors {
	const { length } = vectors;
	const data = new Float32Array(rows.length * length);
	for (let i = 0; i < rows.length; i++) data.set(row(vectors, rows[i]!), i * length);
	return { data, length };
}
