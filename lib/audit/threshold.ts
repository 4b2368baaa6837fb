// How alike a portrait has to be to count as one of its person.
import type { Evidence, Faces } from '../evaluation/evidence.ts';
import { balanced, pairUp } from '../evaluation/pairs.ts';
import { row, type Vectors } from '../evaluation/vectors.ts';
import { bestAccuracy } from '../evaluation/verification.ts';

/** Least similarity to the photo it was painted from. */
export type Threshold = Readonly<{ value: number; by: 'photos' | 'user' }>;

/**
 * What tells best, by the recogniser that judges, whether two photos show one person: of the photos that portraits are painted from with
 * all others, as many pairs of one person as of two.
 *
 * @returns undefined where nobody has two photos with a face
 */
export function thresholdOf({ people, photos, inputs, seed }: Evidence): Threshold | undefined {
	const isInput = new Set(inputs);
	const all = [...photos.person.keys()];
	const [own, others] = [
		some(photos, [...inputs]),
		some(
			photos,
			all.filter((i) => !isInput.has(i)),
		),
	];
	const pairs = pairUp({ people, seed, inputs, portraits: own, photos: others, painted: new Int32Array(people) });
	if (pairs.genuine === 0) return undefined;
	const chosen = balanced(pairs, { people, seed });
	const similarities = Float64Array.from(chosen, (pair) => pairs.similarities[pair]!);
	const same = Array.from(chosen, (pair) => pair < pairs.genuine);
	return { value: bestAccuracy({ similarities, same }).threshold, by: 'photos' };
}

function some({ person, embeddings, poses }: Faces, chosen: readonly number[]): Faces {
	const { length } = embeddings;
	const vectors: Vectors = { data: new Float32Array(chosen.length * length), length };
	for (const [at, i] of chosen.entries()) vectors.data.set(row(embeddings, i), at * length);
	return { person: Int32Array.from(chosen, (i) => person[i]!), embeddings: vectors, poses };
}
