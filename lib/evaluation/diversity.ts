// How much vectors of one set differ.
import { EVD, Matrix } from 'ml-matrix';
import { count, dot, row, squaredDistance, type Vectors } from './vectors.ts';

/**
 * The Vendi score, Friedman & Dieng 2022, https://arxiv.org/abs/2210.02410: how many vectors that have nothing in common would be as diverse, from 1 to
 * their number. The exponential of the entropy of the eigenvalues of K / n, where K holds the cosines.
 */
export function vendiScore(vectors: Vectors): number {
	const n = count(vectors);
	const lengths = Array.from({ length: n }, (_, i) => Math.sqrt(dot(row(vectors, i), row(vectors, i))));
	const cosines = new Matrix(n, n);
	for (let i = 0; i < n; i++) {
		for (let j = 0; j <= i; j++) {
			const cosine = dot(row(vectors, i), row(vectors, j)) / (lengths[i]! * lengths[j]! * n);
			cosines.set(i, j, cosine);
			cosines.set(j, i, cosine);
		}
	}
	const { realEigenvalues } = new EVD(cosines, { assumeSymmetric: true });
	const entropy = realEigenvalues.reduce((sum, value) => (value > 0 ? sum - value * Math.log(value) : sum), 0);
	return Math.exp(entropy);
}

/** Mean Euclidean distance, and mean of 1 − cosine, over all pairs. */
export function meanDistances(vectors: Vectors): { euclidean: number; cosine: number } {
	const n = count(vectors);
	let [euclidean, cosine] = [0, 0];
	for (let i = 0; i < n; i++) {
		for (let j = 0; j < i; j++) {
			const [x, y] = [row(vectors, i), row(vectors, j)];
			euclidean += Math.sqrt(squaredDistance(x, y));
			cosine += 1 - dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
		}
	}
	const pairs = (n * (n - 1)) / 2;
	return { euclidean: euclidean / pairs, cosine: cosine / pairs };
}
