// The tiny autoencoder: its config, and the graphs of decoder and encoder.
import type { ConfigFile } from './config-file.ts';
import { requireSupported, sizeList, sizePerBlock, sizes } from './graph/config.ts';
import type { NetworkGraph, Value } from './graph/graph.ts';
import { conv2d, upsampleNearest } from './graph/layers.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type TinyAutoencoderConfig = Readonly<{
	imageChannels: number;
	latentChannels: number;
	/** Of all layers between the first and the last. */
	encoderChannels: number;
	decoderChannels: number;
	/** Residual blocks of each level: the encoder's from the image on, the decoder's from the latents on. */
	encoderBlocks: readonly number[];
	decoderBlocks: readonly number[];
	/** The sampler's latents are the autoencoder's times this. */
	scalingFactor: number;
	/** Pixels of the image per latent, in each direction. */
	pixelsPerLatent: number;
}>;

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for what {@link tinyDecoder} and {@link tinyEncoder} do not support */
export function readTinyAutoencoderConfig(config: ConfigFile): TinyAutoencoderConfig {
	requireSupported(config, {
		_class_name: ['AutoencoderTiny'],
		act_fn: ['relu'],
		shift_factor: [0],
		upsample_fn: ['nearest'],
		upsampling_scaling_factor: [2],
	});
	// diffusers takes lists, but its networks only fit together if all of one are equal.
	const channels = (field: string) => {
		const [first, ...others] = sizeList(config, field, [64, 64, 64, 64]);
		if (others.some((count) => count !== first)) throw config.error(field, 'the same number of channels in each block');
		return { count: first!, levels: 1 + others.length };
	};
	const [encoder, decoder] = [channels('encoder_block_out_channels'), channels('decoder_block_out_channels')];
	if (encoder.levels !== decoder.levels) {
		throw config.error(
			'encoder_block_out_channels',
			`as many blocks as decoder_block_out_channels (${decoder.levels})`,
		);
	}
	const imageChannels = config.integer('out_channels', sizes, 3);
	if (config.integer('in_channels', sizes, 3) !== imageChannels) {
		throw config.error('in_channels', `the value of out_channels (${imageChannels})`);
	}
	const scalingFactor = config.number('scaling_factor', 1);
	if (scalingFactor === 0) throw config.error('scaling_factor', 'a number other than 0');
	const blocks = (field: string, usual: readonly number[]) =>
		config.fields[field] === undefined && decoder.levels === usual.length
			? usual
			: sizePerBlock(config, field, decoder.levels, 3);
	return {
		imageChannels,
		latentChannels: config.integer('latent_channels', sizes, 4),
		encoderChannels: encoder.count,
		decoderChannels: decoder.count,
		encoderBlocks: blocks('num_encoder_blocks', [1, 3, 3, 3]),
		decoderBlocks: blocks('num_decoder_blocks', [3, 3, 3, 1]),
		scalingFactor,
		pixelsPerLatent: 2 ** (decoder.levels - 1),
	};
}

/**
 * Latents to image, at a fraction of a VAE decoder's cost: the decoder of diffusers' `AutoencoderTiny` (TAESD,
 * https://github.com/madebyollin/taesd), from a file of diffusers or of its author.
 *
 * Input: `latents` [batch, 4, height, width], as the sampler leaves them.
 * Output: `image` [batch, 3, 8 · height, 8 · width], RGB, −1 … 1 and a little beyond.
 */
export function tinyDecoder(
	config: TinyAutoencoderConfig,
	weights: WeightSource,
	options: NetworkOptions = {},
): NetworkGraph {
	const net = Scope.root('tiny-decoder', weights, options);
	const { latentChannels, decoderChannels: channels, scalingFactor } = config;
	const latents = net.input('latents', ['batch', latentChannels, 'height', 'width']);
	const scaled = scalingFactor === 1 ? latents : net.op('Div', [latents, net.scalar(scalingFactor)]);
	// The author's first module has no weights: it keeps the latents between −3 and 3.
	const layers = new Layers(net, 'decoder', net.has('1.weight') ? 1 : undefined);
	const clamped = net.op('Mul', [net.op('Tanh', [net.op('Div', [scaled, net.scalar(3)])]), net.scalar(3)]);

	let x = conv2d(layers.next(), clamped, latentChannels, channels);
	const first = layers.next();
	x = first.result(first.op('Relu', [x]));
	config.decoderBlocks.forEach((count, level) => {
		for (let i = 0; i < count; i++) x = block(layers.next(), x, channels);
		if (level === config.decoderBlocks.length - 1) return;
		const up = layers.next();
		x = up.result(upsampleNearest(up, x));
		x = conv2d(layers.next(), x, channels, channels, { bias: false });
	});
	x = conv2d(layers.next(), x, channels, config.imageChannels);
	const image = net.op('Sub', [net.op('Mul', [x, net.scalar(2)]), net.scalar(1)]);
	net.output('image', image, ['batch', config.imageChannels, 'image_height', 'image_width']);
	return net.finish();
}

/**
 * Image to latents: the encoder of diffusers' `AutoencoderTiny`. Unlike a VAE's it gives no distribution.
 *
 * Input: `image` [batch, 3, height, width], RGB, −1 … 1.
 * Output: `latents` [batch, 4, ⌈height / 8⌉, ⌈width / 8⌉], as a sampler takes them.
 */
export function tinyEncoder(
	config: TinyAutoencoderConfig,
	weights: WeightSource,
	options: NetworkOptions = {},
): NetworkGraph {
	const net = Scope.root('tiny-encoder', weights, options);
	const { imageChannels, latentChannels, encoderChannels: channels, scalingFactor } = config;
	const image = net.input('image', ['batch', imageChannels, 'image_height', 'image_width']);
	const layers = new Layers(net, 'encoder', net.has('0.weight') ? 0 : undefined);
	const inUnit = net.op('Div', [net.op('Add', [image, net.scalar(1)]), net.scalar(2)]);

	let x = conv2d(layers.next(), inUnit, imageChannels, channels);
	config.encoderBlocks.forEach((count, level) => {
		if (level > 0) x = conv2d(layers.next(), x, channels, channels, { stride: 2, bias: false });
		for (let i = 0; i < count; i++) x = block(layers.next(), x, channels);
	});
	x = conv2d(layers.next(), x, channels, latentChannels);
	const latents = scalingFactor === 1 ? x : net.op('Mul', [x, net.scalar(scalingFactor)]);
	net.output('latents', latents, ['batch', latentChannels, 'height', 'width']);
	return net.finish();
}

/** The modules of an encoder or decoder, which files number in the order of evaluation. */
class Layers {
	readonly #net: Scope;
	readonly #prefix: string;
	#index: number;

	/** @param first - the first number in the author's files; undefined: a file of diffusers */
	constructor(net: Scope, part: 'encoder' | 'decoder', first: number | undefined) {
		this.#net = net;
		this.#prefix = first === undefined ? `${part}.layers.` : '';
		this.#index = first ?? 0;
	}

	next(): Scope {
		return this.#net.at(`${this.#prefix}${this.#index++}`);
	}
}

/** Three convolutions, added to their input (`AutoencoderTinyBlock`). */
function block(at: Scope, x: Value, channels: number): Value {
	let hidden = x;
	for (const i of [0, 2, 4]) {
		hidden = conv2d(at.at(`conv.${i}`), hidden, channels, channels);
		if (i < 4) hidden = at.op('Relu', [hidden]);
	}
	return at.result(at.op('Relu', [at.op('Add', [hidden, x])]));
}
