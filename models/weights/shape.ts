// Sizes of tensors, as files state them.
/**
 * Elements of a tensor: the product of its sizes, 1 for a scalar.
 * @returns undefined unless every size is a non-negative integer and the products stay below 2⁵³
 */
export function elementCount(shape: readonly unknown[]): number | undefined {
	let count = 1;
	let empty = false;
	for (const size of shape) {
		if (!isCount(size)) return undefined;
		// A size of 0 must not hide absurd others.
		if (size === 0) empty = true;
		else count *= size;
		if (!Number.isSafeInteger(count)) return undefined;
	}
	return empty ? 0 : count;
}

/** Whether a value from a file is a non-negative integer that a double holds exactly. */
export function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}
