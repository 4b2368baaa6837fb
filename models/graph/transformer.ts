// The transformer over the pixels of an image.
import { attention } from './attention.ts';
import type { Value } from './graph.ts';
import { conv2d, groupNorm, layerNorm, linear } from './layers.ts';
import type { Scope } from './scope.ts';
import { imageToTokens } from './tokens.ts';

/** What the cross-attention reads: [batch · rows, size]. */
export type Conditioning = Readonly<{ tokens: Value; size: number; batch: Value }>;

export type TransformerSizes = Readonly<{
	channels: number;
	heads: number;
	/** Transformer blocks, one after another. */
	layers: number;
	groups: number;
	/** Whether the projections around the blocks are linear layers; else they are 1 × 1 convolutions. */
	linearProjection: boolean;
}>;

/**
 * Transformer over the pixels of an image (diffusers' `Transformer2DModel`).
 * @param x - [batch, channels, height, width]
 * @returns the same shape
 */
export function imageTransformer(
	at: Scope,
	x: Value,
	{ channels, heads, layers, groups, linearProjection }: TransformerSizes,
	conditioning: Conditioning,
): Value {
	const block = (tokens: Value, i: number) =>
		transformerBlock(at.at(`transformer_blocks.${i}`), tokens, channels, heads, conditioning);
	// 1e-6, unlike the norms of the residual blocks: https://github.com/huggingface/diffusers/blob/v0.29.2/src/diffusers/models/transformers/transformer_2d.py
	let hidden = groupNorm(at.at('norm'), x, channels, groups, 1e-6);
	if (!linearProjection) hidden = conv2d(at.at('proj_in'), hidden, channels, channels, { kernel: 1 });
	let { tokens, toImage } = imageToTokens(at, hidden, channels);
	if (linearProjection) tokens = linear(at.at('proj_in'), tokens, channels, channels);
	for (let i = 0; i < layers; i++) tokens = block(tokens, i);
	if (linearProjection) tokens = linear(at.at('proj_out'), tokens, channels, channels);
	hidden = toImage(tokens);
	if (!linearProjection) hidden = conv2d(at.at('proj_out'), hidden, channels, channels, { kernel: 1 });
	return at.result(at.op('Add', [hidden, x]));
}

/** Self-attention, cross-attention and feed-forward, each added to its input (`BasicTransformerBlock`). */
function transformerBlock(at: Scope, input: Value, channels: number, heads: number, conditioning: Conditioning): Value {
	const epsilon = 1e-5; // PyTorch's default, which diffusers leaves
	const { batch } = conditioning;
	const own = { tokens: layerNorm(at.at('norm1'), input, channels, epsilon), size: channels, batch };
	let hidden = at.op('Add', [attentionLayer(at.at('attn1'), own, own, heads), input]);
	const query = { tokens: layerNorm(at.at('norm2'), hidden, channels, epsilon), size: channels, batch };
	hidden = at.op('Add', [attentionLayer(at.at('attn2'), query, conditioning, heads), hidden]);
	const normal = layerNorm(at.at('norm3'), hidden, channels, epsilon);
	return at.result(at.op('Add', [feedForward(at.at('ff'), normal, channels), hidden]));
}

function attentionLayer(at: Scope, from: Conditioning, to: Conditioning, heads: number): Value {
	const { size } = from;
	const inputs = {
		query: linear(at.at('to_q'), from.tokens, size, size, { bias: false }),
		key: linear(at.at('to_k'), to.tokens, to.size, size, { bias: false }),
		value: linear(at.at('to_v'), to.tokens, to.size, size, { bias: false }),
	};
	const mixed = attention(at, inputs, { batch: from.batch, heads, headSize: size / heads });
	return at.result(linear(at.at('to_out.0'), mixed, size, size));
}

/** Gated by GELU, four times as wide inside: (value · gelu(gate)) and a linear layer. */
function feedForward(at: Scope, x: Value, channels: number): Value {
	const gated = at.at('net.0');
	const inner = 4 * channels;
	// One layer in the checkpoint, values first, gates second. Splitting the weight saves splitting the results.
	const weights = gated.weightParts('proj.weight', [2 * inner, channels], 2);
	const biases = gated.weightParts('proj.bias', [2 * inner], 2);
	const [value, gate] = weights.map((weight, i) => gated.op('Gemm', [x, weight, biases[i]!], { transB: 1 }));
	const product = gated.result(gated.op('Mul', [value!, gated.op('Gelu', [gate!])]));
	return at.result(linear(at.at('net.2'), product, inner, channels));
}
