// Precision and recall of a set of images: how much of it looks real, and how much of what is real it covers.
import { count, row, squaredDistance, type Vectors } from './vectors.ts';

/** Neighbours whose distance is the radius of a vector's ball, as published. */
const usualNeighbours = 3;

/**
 * Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991: the balls around the vectors of a set reach to their third nearest neighbour in it.
 * Precision is the share of `generated` in balls of `real`, recall the share of `real` in balls of `generated`; a surface belongs to its ball.
 *
 * @param real - more vectors than `neighbours`
 * @param generated - as long ones, more than `neighbours`
 */
export function precisionRecall(
	real: Vectors,
	generated: Vectors,
	neighbours = usualNeighbours,
): { precision: number; recall: number } {
	return {
		precision: shareInside(generated, real, neighbourDistances(real, neighbours)),
		recall: shareInside(real, generated, neighbourDistances(generated, neighbours)),
	};
}

/** Of each vector: its distance to the `neighbours`-th nearest of the others. */
export function neighbourDistances(vectors: Vectors, neighbours = usualNeighbours): Float64Array {
	const n = count(vectors);
	const nearest = Array.from({ length: n }, () => new Float64Array(neighbours).fill(Number.POSITIVE_INFINITY));
	for (let i = 0; i < n; i++) {
		for (let j = 0; j < i; j++) {
			const distance = squaredDistance(row(vectors, i), row(vectors, j));
			insert(nearest[i]!, distance);
			insert(nearest[j]!, distance);
		}
	}
	return Float64Array.from(nearest, (own) => Math.sqrt(own[neighbours - 1]!));
}

/** Into the smallest ones, in order. */
function insert(smallest: Float64Array, value: number): void {
	let at = smallest.length - 1;
	if (!(value < smallest[at]!)) return;
	for (; at > 0 && smallest[at - 1]! > value; at--) smallest[at] = smallest[at - 1]!;
	smallest[at] = value;
}

/** Of each point: 1 where it is in at least one of the balls, else 0. */
export function insideBalls(points: Vectors, centres: Vectors, radii: Float64Array): Uint8Array {
	return Uint8Array.from({ length: count(points) }, (_, i) => {
		const point = row(points, i);
		return Number(radii.some((radius, k) => Math.sqrt(squaredDistance(point, row(centres, k))) <= radius));
	});
}

function shareInside(points: Vectors, centres: Vectors, radii: Float64Array): number {
	return insideBalls(points, centres, radii).reduce((sum, one) => sum + one, 0) / count(points);
}
