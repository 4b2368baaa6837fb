// CLIP's text encoder: its config and graph.
import { Arc2FaceError } from '../lib/errors.ts';
import type { ConfigFile } from './config-file.ts';
import { attention } from './graph/attention.ts';
import { requireSupported, sizes } from './graph/config.ts';
import type { NetworkGraph, Value } from './graph/graph.ts';
import { layerNorm, linear } from './graph/layers.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import { batchSize, mergeBatch } from './graph/tokens.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type TextEncoderConfig = Readonly<{
	vocabularySize: number;
	/** The most tokens of a prompt. */
	positions: number;
	hiddenSize: number;
	feedForwardSize: number;
	layers: number;
	heads: number;
	activation: 'quick_gelu' | 'gelu';
	epsilon: number;
}>;

/** Numbers in an identity: the output of ArcFace. */
export const identitySize = 512;

export type TextEncoderOptions = NetworkOptions & {
	/** The encoder's input; see {@link textEncoder} (default `ids`). */
	input?: 'ids' | 'embeddings' | 'identity';
};

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for what {@link textEncoder} does not support; defaults are those of transformers 4.36 */
export function readTextEncoderConfig(config: ConfigFile): TextEncoderConfig {
	requireSupported(config, { model_type: ['clip_text_model'] });
	const hiddenSize = config.integer('hidden_size', sizes, 512);
	const heads = config.integer('num_attention_heads', sizes, 8);
	if (hiddenSize % heads !== 0) throw config.error('num_attention_heads', `a divisor of hidden_size (${hiddenSize})`);
	return {
		vocabularySize: config.integer('vocab_size', [1, 2 ** 24], 49408),
		positions: config.integer('max_position_embeddings', sizes, 77),
		hiddenSize,
		feedForwardSize: config.integer('intermediate_size', sizes, 2048),
		layers: config.integer('num_hidden_layers', sizes, 12),
		heads,
		activation: config.choice('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
		epsilon: config.number('layer_norm_eps', 1e-5),
	};
}

/**
 * The text model of CLIP (transformers' `CLIPTextModel`), up to the final layer norm. Each token sees those before it;
 * padding counts as tokens.
 *
 * Inputs, with `length` at most {@link TextEncoderConfig.positions}:
 * - `ids`: `input_ids` int64 [batch, length]
 * - `embeddings`: `embeddings` [batch, length, size], instead of the token embeddings
 * - `identity` (Arc2Face, https://arxiv.org/abs/2403.11641): `input_ids`; `identity` float32 [batch, 512], of length 1;
 *   `identity_position` int64 [batch], the token whose embedding the identity (and zeros after it) replaces, or −1 for none
 *
 * Output: `hidden_states` [batch, length, size].
 */
export function textEncoder(
	config: TextEncoderConfig,
	weights: WeightSource,
	options: TextEncoderOptions = {},
): NetworkGraph {
	const net = Scope.root('text-encoder', weights, options);
	// transformers 5 saves the model without the prefix that older versions and the official file use.
	const text = net.has('text_model.final_layer_norm.weight') ? net.at('text_model') : net;
	const { hiddenSize, epsilon } = config;
	const tokens = inputEmbeddings(net, text.at('embeddings'), config, options.input ?? 'ids');
	const length = text.op('Shape', [tokens], { start: 1, end: 2 });
	const batch = batchSize(text, tokens);
	const mask = causalMask(text, length);

	const positions = text.at('embeddings').weight('position_embedding.weight', [config.positions, hiddenSize]);
	const position = text.op('Slice', [positions, text.integers([0]), length, text.integers([0])]);
	let x = mergeBatch(text, text.op('Add', [tokens, position]), hiddenSize);
	for (let i = 0; i < config.layers; i++) {
		x = encoderLayer(text.at(`encoder.layers.${i}`), x, config, { batch, mask });
	}
	x = layerNorm(text.at('final_layer_norm'), x, hiddenSize, epsilon);
	net.output('hidden_states', text.op('Reshape', [x, text.op('Shape', [tokens])]), ['batch', 'length', hiddenSize]);
	return net.finish();
}

/** Token embeddings [batch, length, size]. */
function inputEmbeddings(
	net: Scope,
	embeddings: Scope,
	{ vocabularySize, hiddenSize }: TextEncoderConfig,
	input: NonNullable<TextEncoderOptions['input']>,
): Value {
	if (input === 'embeddings') return net.input('embeddings', ['batch', 'length', hiddenSize]);
	const ids = net.input('input_ids', ['batch', 'length'], 'int64');
	const table = embeddings.at('token_embedding');
	const tokens = table.result(table.gatherRows('weight', [vocabularySize, hiddenSize], ids));
	if (input === 'ids') return tokens;

	if (hiddenSize < identitySize) {
		throw new Arc2FaceError(
			'INVALID_BUNDLE',
			`Expected at least ${identitySize} for \`hidden_size\` of a text encoder that reads identities but received ${hiddenSize}.`,
			{ remedy: 'Take the text encoder of an Arc2Face model.', details: { field: 'hidden_size' } },
		);
	}
	const identity = net.compute(net.input('identity', ['batch', identitySize], 'float32'), 'float32');
	const identityPosition = net.input('identity_position', ['batch'], 'int64');
	const padded = net.op('Pad', [identity, net.integers([0, 0, 0, hiddenSize - identitySize])]);
	const row = net.op('Unsqueeze', [padded, net.integers([1])]);
	// 0, 1, … length − 1, as [1, length], against [batch, 1]
	const length = net.op('Shape', [ids], { start: 1, end: 2 });
	const [start, step] = [net.integer(0), net.integer(1)];
	const position = net.op('Range', [start, net.op('Squeeze', [length]), step]);
	const isIdentity = net.op('Equal', [position, net.op('Unsqueeze', [identityPosition, net.integers([1])])]);
	return net.op('Where', [net.op('Unsqueeze', [isIdentity, net.integers([2])]), row, tokens]);
}

/** [length, length]: 0 where the column is not after the row; elsewhere a number to which softmax gives no weight. */
function causalMask(at: Scope, length: Value): Value {
	const lowest = at.computeType === 'float16' ? -65504 : -3.4028234663852886e38;
	const square = at.op('Concat', [length, length], { axis: 0 });
	const full = at.op('Expand', [at.scalar(lowest), square]);
	return at.op('Trilu', [full, at.integer(1)], { upper: 1 });
}

/** Attention and feed-forward, each after a norm and added to its input; [batch · length, size] in and out. */
function encoderLayer(
	at: Scope,
	input: Value,
	{ hiddenSize, feedForwardSize, heads, activation, epsilon }: TextEncoderConfig,
	{ batch, mask }: { batch: Value; mask: Value },
): Value {
	const normal = layerNorm(at.at('layer_norm1'), input, hiddenSize, epsilon);
	const self = at.at('self_attn');
	const projection = (name: string) => linear(self.at(name), normal, hiddenSize, hiddenSize);
	const inputs = { query: projection('q_proj'), key: projection('k_proj'), value: projection('v_proj') };
	const mixed = attention(self, inputs, { batch, heads, headSize: hiddenSize / heads, mask });
	const hidden = at.op('Add', [linear(self.at('out_proj'), mixed, hiddenSize, hiddenSize), input]);

	const feedForward = at.at('mlp');
	let inner = layerNorm(at.at('layer_norm2'), hidden, hiddenSize, epsilon);
	inner = linear(feedForward.at('fc1'), inner, hiddenSize, feedForwardSize);
	inner = activation === 'gelu' ? feedForward.op('Gelu', [inner]) : quickGelu(feedForward, inner);
	inner = linear(feedForward.at('fc2'), inner, feedForwardSize, hiddenSize);
	return at.result(at.op('Add', [inner, hidden]));
}

/** x · sigmoid(1.702 x) */
function quickGelu(at: Scope, x: Value): Value {
	return at.op('Mul', [x, at.op('Sigmoid', [at.op('Mul', [x, at.scalar(1.702)])])]);
}
