// Multi-head attention.
import type { Value } from './graph.ts';
import type { Scope } from './scope.ts';

/** Queries [batch · positions, size]; keys and values [batch · others, size], where size is heads · headSize. */
export type AttentionInputs = Readonly<{ query: Value; key: Value; value: Value }>;

/**
 * Multi-head scaled dot-product attention: softmax(query · keyᵀ / √headSize) · value in each head.
 *
 * @param batch - int64 [1]: the batch size, which the inputs merge with the positions
 * @param mask - added to the products before the softmax; [positions, others] or what can be broadcast to it
 * @returns [batch · positions, size]
 */
export function attention(
	at: Scope,
	{ query, key, value }: AttentionInputs,
	{ batch, heads, headSize, mask }: { batch: Value; heads: number; headSize: number; mask?: Value },
): Value {
	const size = heads * headSize;
	const unmerge = (x: Value, ...sizes: number[]) =>
		at.op('Reshape', [x, at.op('Concat', [batch, at.integers([-1, ...sizes])], { axis: 0 })]);
	const merge = (x: Value) => at.op('Reshape', [x, at.integers([-1, size])]);

	if (at.microsoftOperators && mask === undefined) {
		const inputs = [query, key, value].map((x) => unmerge(x, size));
		return merge(at.microsoftOp('MultiHeadAttention', inputs, { num_heads: heads }));
	}

	const split = (x: Value, perm: readonly number[]) => at.op('Transpose', [unmerge(x, heads, headSize)], { perm });
	// Scaled before the product, which could overflow float16.
	const scaled = at.op('Mul', [split(query, [0, 2, 1, 3]), at.scalar(1 / Math.sqrt(headSize))]);
	const products = at.op('MatMul', [scaled, split(key, [0, 2, 3, 1])]);
	const weights = at.op('Softmax', [mask === undefined ? products : at.op('Add', [products, mask])], { axis: -1 });
	const mixed = at.op('MatMul', [weights, split(value, [0, 2, 1, 3])]);
	return merge(at.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }));
}
