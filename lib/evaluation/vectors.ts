// Rows of numbers of one length: feature vectors, in float32 as networks give them.

/** [count, length], row-major. */
export type Vectors = Readonly<{ data: Float32Array; length: number }>;

export function count({ data, length }: Vectors): number {
	return data.length / length;
}

export function row({ data, length }: Vectors, index: number): Float32Array {
	return data.subarray(index * length, (index + 1) * length);
}

/** Products and sums are of float64. */
export function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
	let sum = 0;
	for (let k = 0; k < x.length; k++) sum += x[k]! * y[k]!;
	return sum;
}

/** |x − y|², from differences, so that it is 0 for equal rows and exact for near ones. */
export function squaredDistance(x: ArrayLike<number>, y: ArrayLike<number>): number {
	let sum = 0;
	for (let k = 0; k < x.length; k++) sum += (x[k]! - y[k]!) ** 2;
	return sum;
}
