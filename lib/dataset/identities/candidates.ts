// Candidates for identities, one after another: drawn from a seed, or from a list.
import type { NativeIdentityDistribution } from '../../addon/identities.ts';
import { awaitNative } from '../../call.ts';
import type { Vectors } from '../../evaluation/vectors.ts';
import { loadNative } from '../../native.ts';

/** The next ones, at most that many, [n, 512], each of length 1; none where they are at their end. */
export type Candidates = (most: number, signal?: AbortSignal) => Promise<Float32Array>;

/** Never at their end. */
export function drawn(request: { seed: number } & NativeIdentityDistribution): Candidates {
	const source = loadNative().openIdentitySource(request);
	return (most, signal) => awaitNative(() => source.draw(most), signal);
}

/** @param vectors - of length 1 */
export function listed({ data, length }: Vectors): Candidates {
	let at = 0;
	return async (most) => {
		const next = data.subarray(at, at + most * length);
		at += next.length;
		return next;
	};
}
