// The transformer over the pixels of an image.
import { type AttentionInputs, attention } from './attention.ts';
import type { Value } from './graph.ts';
import { conv2d, groupNorm, layerNorm, linear } from './layers.ts';
import { multiplied } from './low-rank.ts';
import type { Scope } from './scope.ts';
import { imageToTokens } from './tokens.ts';

/** What the cross-attention reads: [batch · rows, size]. */
export type Conditioning = Readonly<{ tokens: Value; size: number; batch: Value }>;

/** What steers the attentions of a transformer. */
export type Steering = Readonly<{
	conditioning: Conditioning;
	/** Further keys and values for the cross-attention at this module, of so many numbers each. */
	expression?: ((at: Scope, size: number) => Pick<AttentionInputs, 'key' | 'value'>) | undefined;
	/** The tokens that self-attention looks at: those of the image itself, and others after them. */
	reference?: ((at: Scope, own: Conditioning) => Value) | undefined;
}>;

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
	steering: Steering,
): Value {
	const block = (tokens: Value, i: number) =>
		transformerBlock(at.at(`transformer_blocks.${i}`), tokens, channels, heads, steering);
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
function transformerBlock(
	at: Scope,
	input: Value,
	channels: number,
	heads: number,
	{ conditioning, expression, reference }: Steering,
): Value {
	const epsilon = 1e-5; // PyTorch's default, which diffusers leaves
	const { batch } = conditioning;
	const [self, cross] = [at.at('attn1'), at.at('attn2')];
	const own = { tokens: layerNorm(at.at('norm1'), input, channels, epsilon), size: channels, batch };
	const seen = reference === undefined ? own : { ...own, tokens: reference(at, own) };
	let hidden = at.op('Add', [attentionLayer(self, own, seen, heads), input]);
	const query = { tokens: layerNorm(at.at('norm2'), hidden, channels, epsilon), size: channels, batch };
	hidden = at.op('Add', [attentionLayer(cross, query, conditioning, heads, expression?.(cross, channels)), hidden]);
	const normal = layerNorm(at.at('norm3'), hidden, channels, epsilon);
	return at.result(at.op('Add', [feedForward(at.at('ff'), normal, channels), hidden]));
}

/** @param besides - further keys and values that the same queries look up, whose results are added */
function attentionLayer(
	at: Scope,
	from: Conditioning,
	to: Conditioning,
	heads: number,
	besides?: Pick<AttentionInputs, 'key' | 'value'>,
): Value {
	const { size } = from;
	const inputs = {
		query: linear(at.at('to_q'), from.tokens, size, size, { bias: false }),
		key: linear(at.at('to_k'), to.tokens, to.size, size, { bias: false }),
		value: linear(at.at('to_v'), to.tokens, to.size, size, { bias: false }),
	};
	const sizes = { batch: from.batch, heads, headSize: size / heads };
	let mixed = attention(at, inputs, sizes);
	if (besides !== undefined) mixed = at.op('Add', [mixed, attention(at, { ...inputs, ...besides }, sizes)]);
	return at.result(linear(at.at('to_out.0'), mixed, size, size));
}

/** Gated by GELU, four times as wide inside: (value · gelu(gate)) and a linear layer. */
function feedForward(at: Scope, x: Value, channels: number): Value {
	const gated = at.at('net.0');
	const inner = 4 * channels;
	// One layer in the checkpoint, values first, gates second. Splitting the weight saves splitting the results.
	const weights = gated.weightParts('proj.weight', [2 * inner, channels], 2);
	const biases = gated.weightParts('proj.bias', [2 * inner], 2);
	const plain = weights.map((weight, i) => gated.op('Gemm', [x, weight, biases[i]!], { transB: 1 }));
	const [value, gate] = multiplied(gated.at('proj'), x, plain, channels, 2 * inner);
	const product = gated.result(gated.op('Mul', [value!, gated.op('Gelu', [gate!])]));
	return at.result(linear(at.at('net.2'), product, inner, channels));
}
