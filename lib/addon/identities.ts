// What the addon has for identities of nobody: a source, and a search. Vectors are [n, 512].
import type { NativeCall } from './call.ts';

/**
 * Identities are `mean` [512] plus `components` [n, 512], each weighted by the next number of a seeded `torch.randn`, brought to length 1: the same bits on
 * every machine, however many are drawn at a time. Without both, the weights are the numbers themselves, of which no direction is more likely than another.
 */
export type NativeIdentityDistribution = { mean: Float64Array; components: Float64Array } | Record<never, never>;

export interface NativeIdentitySource {
	/** The next ones. A source whose `draw` was cancelled is of no more use. */
	draw(count: number): NativeCall<Float32Array>;
}

/**
 * Many identities, all of length 1, give or take 1e-5. Calls run one after another. Similarities are cosines in float64, summed in order: the same bits on
 * every machine. None is missed.
 */
export interface NativeIdentityIndex {
	add(vectors: Float32Array): NativeCall<void>;
	/** The most similar one to each vector. */
	find(vectors: Float32Array): NativeCall<NativeNearest>;
	/**
	 * Adds one vector after another, but none that is more similar than that to one in the index. Finds the nearest to each before its turn; to one that was
	 * not added, another that is too similar.
	 */
	addDistinct(vectors: Float32Array, mostSimilar: number): NativeCall<NativeNearest>;
	/** Frees the memory once running calls have ended. Later ones throw `DISPOSED`. */
	dispose(): void;
}

/** The first of those that are as similar; an empty index has the similarity −Infinity, and an index without meaning. */
export type NativeNearest = Readonly<{ similarities: Float64Array; indices: Float64Array }>;
