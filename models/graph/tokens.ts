// Reshapes between images and rows of tokens.
import type { Value } from './graph.ts';
import type { Scope } from './scope.ts';

/** int64 [1]: the first size of a tensor. */
export function batchSize(at: Scope, x: Value): Value {
	return at.op('Shape', [x], { start: 0, end: 1 });
}

/** All but the last axis merged into one: [batch, positions, size] to [batch · positions, size]. */
export function mergeBatch(at: Scope, x: Value, size: number): Value {
	return at.op('Reshape', [x, at.integers([-1, size])]);
}

/** The pixels of an image [batch, channels, height, width] as rows [batch · height · width, channels], and the way back. */
export function imageToTokens(
	at: Scope,
	image: Value,
	channels: number,
): { tokens: Value; toImage: (tokens: Value) => Value } {
	const channelsLast = at.op('Transpose', [image], { perm: [0, 2, 3, 1] });
	const shape = at.op('Shape', [channelsLast]);
	return {
		tokens: mergeBatch(at, channelsLast, channels),
		toImage: (tokens) => at.op('Transpose', [at.op('Reshape', [tokens, shape])], { perm: [0, 3, 1, 2] }),
	};
}
