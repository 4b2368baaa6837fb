// The autoencoder: its config, and the graphs of decoder and encoder.
import type { ConfigFile } from './config-file.ts';
import { attention } from './graph/attention.ts';
import { blockTypes, requireSupported, sizeList, sizes } from './graph/config.ts';
import type { NetworkGraph, Value } from './graph/graph.ts';
import { conv2d, groupNorm, linear, silu, upsampleNearest } from './graph/layers.ts';
import { resnet } from './graph/resnet.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import { batchSize, imageToTokens } from './graph/tokens.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type VaeConfig = Readonly<{
	imageChannels: number;
	latentChannels: number;
	/** From the finest level (the image's) to the coarsest. */
	channels: readonly number[];
	layers: number;
	groups: number;
	/** The sampler's latents are the autoencoder's times this. */
	scalingFactor: number;
	quantConv: boolean;
	postQuantConv: boolean;
	/** Pixels of the image per latent, in each direction. */
	pixelsPerLatent: number;
}>;

/** For all its norms: https://github.com/huggingface/diffusers/blob/v0.29.2/src/diffusers/models/autoencoders/vae.py */
const epsilon = 1e-6;

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for what {@link vaeDecoder} and {@link vaeEncoder} do not support */
export function readVaeConfig(config: ConfigFile): VaeConfig {
	requireSupported(config, {
		_class_name: ['AutoencoderKL'],
		act_fn: ['silu', 'swish'],
		latents_mean: [],
		latents_std: [],
		mid_block_add_attention: [true],
		shift_factor: [0],
	});
	const channels = sizeList(config, 'block_out_channels', [64]);
	const groups = config.integer('norm_num_groups', sizes, 32);
	if (channels.some((count) => count % groups !== 0)) {
		throw config.error('block_out_channels', `multiples of norm_num_groups (${groups})`);
	}
	const only = (field: string, type: string) =>
		blockTypes(
			config,
			field,
			channels.length,
			[type],
			channels.map(() => type),
		);
	only('down_block_types', 'DownEncoderBlock2D');
	only('up_block_types', 'UpDecoderBlock2D');
	const scalingFactor = config.number('scaling_factor', 0.18215);
	if (scalingFactor === 0) throw config.error('scaling_factor', 'a number other than 0');
	const imageChannels = config.integer('out_channels', sizes, 3);
	if (config.integer('in_channels', sizes, 3) !== imageChannels) {
		throw config.error('in_channels', `the value of out_channels (${imageChannels})`);
	}
	return {
		imageChannels,
		latentChannels: config.integer('latent_channels', sizes, 4),
		channels,
		layers: config.integer('layers_per_block', sizes, 1),
		groups,
		scalingFactor,
		quantConv: config.boolean('use_quant_conv') ?? true,
		postQuantConv: config.boolean('use_post_quant_conv') ?? true,
		pixelsPerLatent: 2 ** (channels.length - 1),
	};
}

/**
 * Latents to image: the decoder of diffusers' `AutoencoderKL`.
 *
 * Input: `latents` [batch, 4, height, width], as the sampler leaves them.
 * Output: `image` [batch, 3, 8 · height, 8 · width], RGB, −1 … 1 and a little beyond.
 */
export function vaeDecoder(config: VaeConfig, weights: WeightSource, options: NetworkOptions = {}): NetworkGraph {
	const net = Scope.root('vae-decoder', weights, options);
	const { latentChannels, layers, groups } = config;
	const channels = config.channels.toReversed();
	const latents = net.input('latents', ['batch', latentChannels, 'height', 'width']);

	let x = net.op('Div', [latents, net.scalar(config.scalingFactor)]);
	if (config.postQuantConv) x = conv2d(net.at('post_quant_conv'), x, latentChannels, latentChannels, { kernel: 1 });
	const decoder = net.at('decoder');
	x = conv2d(decoder.at('conv_in'), x, latentChannels, channels[0]!);
	x = middleBlock(decoder.at('mid_block'), x, channels[0]!, groups);
	channels.forEach((to, level) => {
		const block = decoder.at(`up_blocks.${level}`);
		for (let i = 0; i < layers + 1; i++) {
			const from = i === 0 ? (channels[level - 1] ?? to) : to;
			x = resnet(block.at(`resnets.${i}`), x, { from, to, groups, epsilon });
		}
		if (level < channels.length - 1) {
			const up = block.at('upsamplers.0');
			x = conv2d(up.at('conv'), upsampleNearest(up, x), to, to);
		}
		block.result(x);
	});
	x = groupNorm(decoder.at('conv_norm_out'), x, channels.at(-1)!, groups, epsilon);
	x = conv2d(decoder.at('conv_out'), silu(decoder, x), channels.at(-1)!, config.imageChannels);
	net.output('image', x, ['batch', config.imageChannels, 'image_height', 'image_width']);
	return net.finish();
}

/**
 * Image to a normal distribution of latents: the encoder of diffusers' `AutoencoderKL`, in the sampler's scale.
 *
 * Input: `image` [batch, 3, 8 · height, 8 · width], RGB, −1 … 1.
 * Outputs: `mean` and `deviation` [batch, 4, height, width]. Latents for a sampler are mean + deviation · noise.
 */
export function vaeEncoder(config: VaeConfig, weights: WeightSource, options: NetworkOptions = {}): NetworkGraph {
	const net = Scope.root('vae-encoder', weights, options);
	const { latentChannels, channels, layers, groups } = config;
	const image = net.input('image', ['batch', config.imageChannels, 'image_height', 'image_width']);

	const encoder = net.at('encoder');
	let x = conv2d(encoder.at('conv_in'), image, config.imageChannels, channels[0]!);
	channels.forEach((to, level) => {
		const block = encoder.at(`down_blocks.${level}`);
		for (let i = 0; i < layers; i++) {
			const from = i === 0 ? (channels[level - 1] ?? to) : to;
			x = resnet(block.at(`resnets.${i}`), x, { from, to, groups, epsilon });
		}
		if (level < channels.length - 1) {
			// Padded only at the bottom and the right.
			x = conv2d(block.at('downsamplers.0.conv'), x, to, to, { stride: 2, pads: [0, 0, 1, 1] });
		}
	});
	x = middleBlock(encoder.at('mid_block'), x, channels.at(-1)!, groups);
	x = groupNorm(encoder.at('conv_norm_out'), x, channels.at(-1)!, groups, epsilon);
	x = conv2d(encoder.at('conv_out'), silu(encoder, x), channels.at(-1)!, 2 * latentChannels);
	if (config.quantConv) x = conv2d(net.at('quant_conv'), x, 2 * latentChannels, 2 * latentChannels, { kernel: 1 });

	const [mean, logvar] = net.split(x, 2, 1);
	const latentShape = ['batch', latentChannels, 'height', 'width'];
	const scale = net.scalar(config.scalingFactor);
	const halfLogvar = net.op('Mul', [net.op('Clip', [logvar!, net.scalar(-30), net.scalar(20)]), net.scalar(0.5)]);
	net.output('mean', net.op('Mul', [mean!, scale]), latentShape);
	net.output('deviation', net.op('Mul', [net.op('Exp', [halfLogvar]), scale]), latentShape);
	return net.finish();
}

function middleBlock(block: Scope, x: Value, channels: number, groups: number): Value {
	const sizes = { from: channels, to: channels, groups, epsilon };
	const first = resnet(block.at('resnets.0'), x, sizes);
	const mixed = imageAttention(block.at('attentions.0'), first, channels, groups);
	return block.result(resnet(block.at('resnets.1'), mixed, sizes));
}

/** Self-attention over all pixels with a single head, added to its input. */
function imageAttention(at: Scope, x: Value, channels: number, groups: number): Value {
	// diffusers before 0.15 saved these layers under other names, which Stable Diffusion 1.5's own file still has.
	const names = at.has('query.weight') ? ['query', 'key', 'value', 'proj_attn'] : ['to_q', 'to_k', 'to_v', 'to_out.0'];
	const [query, key, value, out] = names.map((name) => at.at(name)) as [Scope, Scope, Scope, Scope];
	const { tokens, toImage } = imageToTokens(at, groupNorm(at.at('group_norm'), x, channels, groups, epsilon), channels);
	const inputs = {
		query: linear(query, tokens, channels, channels),
		key: linear(key, tokens, channels, channels),
		value: linear(value, tokens, channels, channels),
	};
	const mixed = attention(at, inputs, { batch: batchSize(at, x), heads: 1, headSize: channels });
	return at.result(at.op('Add', [toImage(linear(out, mixed, channels, channels)), x]));
}
