// How far apart two sets of images are as distributions: the Fréchet distance of the Gaussians with their means and covariances.

/**
 * Heusel et al. 2017, https://arxiv.org/abs/1706.08500, equation 6:
 * |μa − μb|² + tr(Σa) + tr(Σb) − 2 tr((Σa Σb)^½).
 *
 * Let the rows of A and B be the vectors less their mean, over the root of the degrees of freedom: Σa = AᵀA and Σb = BᵀB. But for
 * zeros, Σa Σb = AᵀA BᵀB has the eigenvalues of A Bᵀ (A Bᵀ)ᵀ, whose roots are the singular values of A Bᵀ: their sum is the last
 * trace. So no root of a covariance is taken, and it is defined for fewer vectors than they have numbers. From so few the distance
 * comes out too large, by the same for the same counts.
 *
 * @param a - vectors of one length, at least two
 * @param b - the same
 * @returns NaN of fewer
 */
export function frechetDistance(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
	if (a.length < 2 || b.length < 2) return Number.NaN;
	const [first, second] = [centred(a), centred(b)];
	const apart = first.mean.reduce((sum, value, k) => sum + (value - second.mean[k]!) ** 2, 0);
	const products = first.rows.map((x) => second.rows.map((y) => dot(x, y)));
	return apart + sumOfSquares(first.rows) + sumOfSquares(second.rows) - 2 * sumOfSingularValues(products);
}

/**
 * By one-sided Jacobi rotations (Hestenes 1958, https://doi.org/10.1137/0106005), which make the rows of a matrix orthogonal: their lengths
 * are the values.
 */
export function sumOfSingularValues(matrix: readonly (readonly number[])[]): number {
	const rows = matrix.map((row) => Float64Array.from(row));
	// Below a rounding of the whole, a row is 0, and has no direction to be at right angles to.
	const least = 1e-20 * sumOfSquares(rows);
	for (let sweep = 0, turned = true; turned && sweep < 100; sweep++) {
		turned = false;
		for (let i = 0; i < rows.length; i++) {
			for (let j = i + 1; j < rows.length; j++) {
				if (orthogonalise(rows[i]!, rows[j]!, least)) turned = true;
			}
		}
	}
	return rows.reduce((sum, row) => sum + Math.sqrt(dot(row, row)), 0);
}

/** Turns two rows in their plane so that they are at right angles, if both are longer than `least` squared; whether it did. */
function orthogonalise(x: Float64Array, y: Float64Array, least: number): boolean {
	const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
	// Far above the rounding of these products, so that it comes to an end, and the error of a length is its square.
	if (!(Math.min(xx, yy) > least && Math.abs(xy) > 1e-10 * Math.sqrt(xx * yy))) return false;
	const zeta = (yy - xx) / (2 * xy);
	const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
	const cosine = 1 / Math.hypot(1, tangent);
	const sine = cosine * tangent;
	for (let k = 0; k < x.length; k++) {
		const [a, b] = [x[k]!, y[k]!];
		x[k] = cosine * a - sine * b;
		y[k] = sine * a + cosine * b;
	}
	return true;
}

/** The mean, and the vectors less it, so that their products are those of the covariance. */
function centred(vectors: readonly ArrayLike<number>[]): { mean: Float64Array; rows: Float64Array[] } {
	const mean = Float64Array.from(vectors[0]!, (_, k) => vectors.reduce((sum, v) => sum + v[k]!, 0) / vectors.length);
	const scale = 1 / Math.sqrt(vectors.length - 1);
	return { mean, rows: vectors.map((vector) => mean.map((value, k) => scale * (vector[k]! - value))) };
}

function dot(x: Float64Array, y: Float64Array): number {
	let sum = 0;
	for (let k = 0; k < x.length; k++) sum += x[k]! * y[k]!;
	return sum;
}

function sumOfSquares(rows: readonly Float64Array[]): number {
	return rows.reduce((sum, row) => sum + dot(row, row), 0);
}
