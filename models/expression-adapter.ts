// The expression adapter: a second attention beside every cross-attention of a UNet, to a few tokens that stand for an expression
// (decoupled cross-attention, Ye et al. 2023, https://arxiv.org/abs/2308.06721), in the layouts of diffusers' `load_ip_adapter`.
import type { Value } from './graph/graph.ts';
import { layerNorm, linear } from './graph/layers.ts';
import type { Scope } from './graph/scope.ts';
import type { Steering } from './graph/transformer.ts';
import { invalidWeights, remedies } from './weights/invalid.ts';
import type { Checkpoint } from './weights/reference.ts';
import { CheckpointWeights, type WeightSource } from './weights/weight-set.ts';

/** Numbers that an expression has: 50 of the face, 2 of the eyelids, 3 of the jaw (FLAME's). */
export const expressionSize = 55;

/** How an expression becomes tokens, by what the file's keys say. */
export type ExpressionProjection =
	/** One layer. */
	| Readonly<{ kind: 'linear'; tokens: number }>
	/** Two layers with an activation in between, and a norm for every token. */
	| Readonly<{ kind: 'two-layers'; tokens: number; hidden: number }>
	/** The same for a single token, with the norm inside. */
	| Readonly<{ kind: 'one-token'; tokens: 1; hidden: number }>;

export type ExpressionAdapter = Readonly<{ projection: ExpressionProjection; weights: WeightSource }>;

/** Tokens of a projection of one layer, which diffusers takes for granted. */
const linearTokens = 4;

/**
 * The adapter in a checkpoint that `load_ip_adapter` of diffusers reads.
 *
 * @returns its weights, for {@link CheckpointWeights.assertAllUsed}
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` for a projection of another layout
 */
export function readExpressionAdapter(checkpoint: Checkpoint): ExpressionAdapter & { weights: CheckpointWeights } {
	return {
		projection: projectionOf(checkpoint),
		weights: new CheckpointWeights(checkpoint, { remedy: remedies.otherAdapter }),
	};
}

/** As `_convert_ip_adapter_image_proj_to_diffusers` tells: https://github.com/huggingface/diffusers/blob/v0.29.2/src/diffusers/loaders/unet.py */
function projectionOf({ file, tensors }: Checkpoint): ExpressionProjection {
	const rows = (key: string) => tensors.get(`image_proj.${key}`)?.shape[0];
	if (rows('proj.weight') !== undefined) return { kind: 'linear', tokens: linearTokens };
	const [hidden, out, norm] = [rows('proj.0.weight'), rows('proj.2.weight'), rows('norm.weight')];
	if (hidden !== undefined && rows('proj.3.weight') !== undefined) return { kind: 'one-token', tokens: 1, hidden };
	if (hidden !== undefined && out !== undefined && norm !== undefined && norm > 0 && out >= norm) {
		return { kind: 'two-layers', tokens: Math.floor(out / norm), hidden };
	}
	const names = [...tensors.keys()].filter((name) => name.startsWith('image_proj.'));
	const received = names.length === 0 ? 'a file without one' : 'one for images, or of an unknown kind';
	throw invalidWeights('a projection of expressions', { file, part: 'image_proj' }, received, {
		remedy: remedies.otherAdapter,
	});
}

/**
 * The tokens of expressions.
 *
 * @param adapter - the root module of the adapter's checkpoint
 * @param expression - [batch, 55]
 * @param size - numbers of a token
 * @returns [batch · tokens, size]
 */
export function expressionTokens(
	adapter: Scope,
	expression: Value,
	projection: ExpressionProjection,
	size: number,
): Value {
	const at = adapter.at('image_proj');
	const { kind, tokens } = projection;
	let x = expression;
	if (kind === 'linear') x = linear(at.at('proj'), x, expressionSize, tokens * size);
	else {
		x = at.op('Gelu', [linear(at.at('proj.0'), x, expressionSize, projection.hidden)]);
		x = linear(at.at('proj.2'), x, projection.hidden, tokens * size);
	}
	const rows = at.op('Reshape', [x, at.integers([-1, size])]);
	return layerNorm(at.at(kind === 'one-token' ? 'proj.3' : 'norm'), rows, size, 1e-5); // PyTorch's default
}

/**
 * Adds the inputs of a UNet's `expression`.
 *
 * @param size - numbers of a token: the UNet's conditioning size
 * @param crossAttentions - paths of the UNet's cross-attentions, in the order in which the adapter numbers them
 */
export function expressionInputs(
	net: Scope,
	{ projection, weights }: ExpressionAdapter,
	size: number,
	crossAttentions: readonly string[],
): NonNullable<Steering['expression']> {
	const expression = net.compute(net.input('expression', ['batch', expressionSize], 'float32'), 'float32');
	const scale = net.compute(net.input('expression_scale', ['batch'], 'float32'), 'float32');
	const adapter = net.from(weights);
	const tokens = expressionTokens(adapter, expression, projection, size);
	// Attention is linear in its values, so their scale is that of the result; at 0 it adds nothing at all.
	const byRow = net.op('Reshape', [tokens, net.integers([-1, projection.tokens, size])]);
	const scaled = net.op('Mul', [byRow, net.op('Reshape', [scale, net.integers([-1, 1, 1])])]);
	const weighted = net.op('Reshape', [scaled, net.integers([-1, size])]);
	return ({ path }, width) => {
		const own = adapter.at(`ip_adapter.${2 * crossAttentions.indexOf(path) + 1}`);
		return {
			key: linear(own.at('to_k_ip'), tokens, size, width, { bias: false }),
			value: linear(own.at('to_v_ip'), weighted, size, width, { bias: false }),
		};
	};
}
