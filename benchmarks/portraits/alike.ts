// How alike two images are, pixel by pixel.

/** Pearson's correlation of their values. */
export function correlation(a: Uint8Array, b: Uint8Array): number {
	const [meanA, meanB] = [a, b].map((values) => values.reduce((sum, value) => sum + value, 0) / values.length) as [
		number,
		number,
	];
	let [product, squareA, squareB] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		const [x, y] = [a[i]! - meanA, b[i]! - meanB];
		product += x * y;
		squareA += x * x;
		squareB += y * y;
	}
	return product / Math.sqrt(squareA * squareB);
}

/** Mean length of the differences of colours, over the pixels that `where` says. */
export function meanColourDistance(a: Uint8Array, b: Uint8Array, where: readonly boolean[]): number {
	let [sum, pixels] = [0, 0];
	for (const [i, counts] of where.entries()) {
		if (!counts) continue;
		const at = 3 * i;
		sum += Math.hypot(a[at]! - b[at]!, a[at + 1]! - b[at + 1]!, a[at + 2]! - b[at + 2]!);
		pixels++;
	}
	return sum / pixels;
}
