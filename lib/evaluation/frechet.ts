// How far apart two sets of images are as distributions: the Fréchet distance of the Gaussians with their means and covariances. With the
// features of FID's Inception network it is the Fréchet inception distance.
import { Matrix, SVD } from 'ml-matrix';
import { Moments } from './moments.ts';
import { count, dot, row, squaredDistance, type Vectors } from './vectors.ts';

/**
 * Heusel et al. 2017, https://arxiv.org/abs/1706.08500, equation 6:
 * |μa − μb|² + tr(Σa) + tr(Σb) − 2 tr((Σa Σb)^½).
 *
 * With Σa = F Fᵀ and Σb = G Gᵀ, but for zeros Σa Σb has the eigenvalues of (Fᵀ G)(Fᵀ G)ᵀ, whose roots are the singular values of Fᵀ G: their sum is
 * the last trace. So no root of a product is taken, where pytorch-fid loses 10⁻⁶ for singular covariances; the error is about 10⁻⁹
 * of the traces. Fewer vectors than numbers are no obstacle, but the distance comes out too large from few.
 *
 * The time grows with the cube of the vectors' length: some minutes for 2048 numbers.
 *
 * @param a - of at least two vectors
 * @param b - of as long ones
 */
export function frechetDistance(a: Moments, b: Moments): number {
	const [first, second] = [a.covariance(), b.covariance()];
	const [f, g] = [choleskyFactor(first, a.length), choleskyFactor(second, b.length)];
	const apart = squaredDistance(a.mean, b.mean);
	return apart + trace(first, a.length) + trace(second, b.length) - 2 * sumOfSingularValues(f.transpose().mmul(g));
}

/**
 * The same of vectors themselves, the shorter way: with few of them through their products. Where X and Y hold the deviations from the means by
 * rows, Σa is Xᵀ X / (n − 1) and Σb Yᵀ Y / (m − 1), so F may be Xᵀ / √(n − 1), and Fᵀ G is X Yᵀ / √((n − 1)(m − 1)): n × m numbers.
 *
 * @param a - at least two
 * @param b - as long ones, at least two
 */
export function frechetDistanceOf(a: Vectors, b: Vectors): number {
	const [n, m] = [count(a), count(b)];
	if (Math.max(n, m) > a.length) return frechetDistance(momentsOf(a), momentsOf(b));
	const [first, second] = [centred(a), centred(b)];
	const rows = ({ deviations }: Centred, number: number) =>
		Array.from({ length: number }, (_, i) => deviations.subarray(i * a.length, (i + 1) * a.length));
	const [x, y] = [rows(first, n), rows(second, m)];
	const products = new Matrix(x.map((one) => y.map((other) => dot(one, other))));
	const shared = sumOfSingularValues(products) / Math.sqrt((n - 1) * (m - 1));
	const apart = squaredDistance(first.mean, second.mean);
	const spread = (deviations: Float64Array, number: number) => dot(deviations, deviations) / (number - 1);
	return apart + spread(first.deviations, n) + spread(second.deviations, m) - 2 * shared;
}

type Centred = { mean: Float64Array; deviations: Float64Array };

function centred(vectors: Vectors): Centred {
	const { length, data } = vectors;
	const n = count(vectors);
	const mean = new Float64Array(length);
	for (let i = 0; i < n; i++) for (let k = 0; k < length; k++) mean[k]! += data[i * length + k]! / n;
	return { mean, deviations: Float64Array.from(data, (value, at) => value - mean[at % length]!) };
}

function momentsOf(vectors: Vectors): Moments {
	const moments = new Moments(vectors.length);
	for (let i = 0; i < count(vectors); i++) moments.add(row(vectors, i));
	return moments;
}

export function sumOfSingularValues(matrix: Matrix): number {
	if (matrix.isEmpty()) return 0;
	const { diagonal } = new SVD(matrix, {
		...{ computeLeftSingularVectors: false, computeRightSingularVectors: false, autoTranspose: true },
	});
	return diagonal.reduce((sum, value) => sum + value, 0);
}

/**
 * F with F Fᵀ = a positive semi-definite matrix, by Cholesky's decomposition with pivots, which ends where nothing but rounding is left (Higham 1990,
 * https://eprints.maths.manchester.ac.uk/1193/): F has as many columns as the matrix has rank.
 */
function choleskyFactor(symmetric: Float64Array, n: number): Matrix {
	const rest = Float64Array.from({ length: n }, (_, i) => symmetric[i * n + i]!);
	const least = n * Number.EPSILON * Math.max(...rest, 0);
	const columns: Float64Array[] = [];
	while (columns.length < n) {
		let pivot = 0;
		for (let i = 1; i < n; i++) if (rest[i]! > rest[pivot]!) pivot = i;
		if (!(rest[pivot]! > least)) break;
		const root = Math.sqrt(rest[pivot]!);
		const column = new Float64Array(n);
		for (let i = 0; i < n; i++) column[i] = symmetric[i * n + pivot]!;
		for (const before of columns) {
			const factor = before[pivot]!;
			if (factor !== 0) for (let i = 0; i < n; i++) column[i]! -= factor * before[i]!;
		}
		for (let i = 0; i < n; i++) {
			// Those that were pivots before are done.
			column[i] = rest[i]! < 0 ? 0 : column[i]! / root;
			if (i !== pivot && rest[i]! >= 0) rest[i] = Math.max(0, rest[i]! - column[i]! ** 2);
		}
		column[pivot] = root;
		rest[pivot] = -1;
		columns.push(column);
	}
	return new Matrix(n, columns.length).apply(function (this: Matrix, i, j) {
		this.set(i, j, columns[j]![i]!);
	});
}

function trace(matrix: Float64Array, n: number): number {
	let sum = 0;
	for (let i = 0; i < n; i++) sum += matrix[i * n + i]!;
	return sum;
}
