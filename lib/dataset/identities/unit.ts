// Identities as rows of numbers: checked, and brought to length 1.
import { setImmediate as givingWay } from 'node:timers/promises';
import { count, row, type Vectors } from '../../evaluation/vectors.ts';
import { embeddingLength } from '../../identity.ts';
import { invalid } from '../../options/check.ts';

/** Rows between which other work gets its turn: some milliseconds. */
export const rowsAtATime = 2048;

/**
 * @param vectors - at least one, of any length but 0
 * @param name - of the option that they are, for messages
 * @returns a copy in which each has length 1; one that has it already, up to rounding to float32, to the last bit
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, naming the row
 */
export async function unitVectors(vectors: Vectors, name: string, signal?: AbortSignal): Promise<Vectors> {
	const { data, length } = vectors;
	if (length !== embeddingLength || data.length === 0 || data.length % length !== 0) {
		throw invalid(`identities of ${embeddingLength} numbers`, name, `${data.length} numbers in rows of ${length}`);
	}
	const units = { data: new Float32Array(data.length), length };
	for (let i = 0; i < count(vectors); i++) {
		if (i % rowsAtATime === 0) await givingWay(undefined, { signal });
		const problem = problemOf(row(vectors, i));
		if (problem !== undefined) throw invalid('identities', name, `${problem} in row ${i}, counted from 0`);
		normalise(row(vectors, i), row(units, i));
	}
	return units;
}

/** What keeps a row from being an identity. */
export function problemOf(vector: Float32Array): string | undefined {
	const odd = vector.findIndex((number) => !Number.isFinite(number));
	if (odd >= 0) return `${vector[odd]} at index ${odd}`;
	return vector.some((number) => number !== 0) ? undefined : 'only zeros';
}

/** Squares of float32 numbers neither overflow nor vanish in float64. */
function normalise(vector: Float32Array, to: Float32Array): void {
	let squares = 0;
	for (let k = 0; k < vector.length; k++) squares += vector[k]! * vector[k]!;
	const length = Math.sqrt(squares);
	const divisor = Math.abs(length - 1) < 1e-6 ? 1 : length;
	for (let k = 0; k < vector.length; k++) to[k] = vector[k]! / divisor;
}
