// ControlNet: its config and graph.
import type { ConfigFile } from './config-file.ts';
import { requireSupported, sizeList, sizes } from './graph/config.ts';
import type { NetworkGraph, Value } from './graph/graph.ts';
import { conv2d, silu } from './graph/layers.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import { readUNetEncoderConfig, type UNetEncoderConfig } from './graph/unet-config.ts';
import { downBlocks, type Feature, levelShape, middleBlock, unetInputs } from './graph/unet-encoder.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type ControlNetConfig = UNetEncoderConfig &
	Readonly<{
		imageChannels: number;
		/** Channels of the convolutions that shrink the image to the size of the latents, halving at each step. */
		imageEmbeddingChannels: readonly number[];
	}>;

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for what {@link controlNet} does not support */
export function readControlNetConfig(config: ConfigFile): ControlNetConfig {
	requireSupported(config, {
		_class_name: ['ControlNetModel'],
		controlnet_conditioning_channel_order: ['rgb'],
		global_pool_conditions: [false],
	});
	return {
		...readUNetEncoderConfig(config),
		imageChannels: config.integer('conditioning_channels', sizes, 3),
		imageEmbeddingChannels: sizeList(config, 'conditioning_embedding_out_channels', [16, 32, 96, 256]),
	};
}

/**
 * Steers a UNet by an image (diffusers' `ControlNetModel`, Zhang et al. 2023, https://arxiv.org/abs/2302.05543).
 *
 * Inputs: those of the UNet; `controlnet_cond` [batch, 3, 8 · height, 8 · width], RGB in 0–1; `conditioning_scale` float32 [batch].
 * Outputs: `down_0` … and `mid`, what to add to the UNet's skip connections and to its middle, times the row's scale.
 */
export function controlNet(
	config: ControlNetConfig,
	weights: WeightSource,
	options: NetworkOptions = {},
): NetworkGraph {
	const net = Scope.root('controlnet', weights, options);
	const { sample, guide } = unetInputs(net, config);
	const image = net.input('controlnet_cond', ['batch', config.imageChannels, 'image_height', 'image_width']);
	const scale = net.op('Reshape', [
		net.compute(net.input('conditioning_scale', ['batch'], 'float32'), 'float32'),
		net.integers([-1, 1, 1, 1]),
	]);

	const latents = conv2d(net.at('conv_in'), sample, config.inChannels, config.channels[0]!);
	const first = net.op('Add', [latents, imageEmbedding(net.at('controlnet_cond_embedding'), image, config)]);
	const skips = downBlocks(net, first, config, guide);
	const middle = middleBlock(net, skips.at(-1)!, config, guide);

	const residual = (from: Scope, name: string, x: Feature) => {
		const projected = conv2d(from, x.value, x.channels, x.channels, { kernel: 1 });
		net.output(name, net.op('Mul', [projected, scale]), levelShape(x));
	};
	skips.forEach((skip, i) => {
		residual(net.at(`controlnet_down_blocks.${i}`), `down_${i}`, skip);
	});
	residual(net.at('controlnet_mid_block'), 'mid', middle);
	return net.finish();
}

/** The image at the size of the latents and with the channels of the first level. */
function imageEmbedding(
	at: Scope,
	image: Value,
	{ imageChannels, imageEmbeddingChannels, channels }: ControlNetConfig,
) {
	let x = silu(at, conv2d(at.at('conv_in'), image, imageChannels, imageEmbeddingChannels[0]!));
	for (let i = 0; i + 1 < imageEmbeddingChannels.length; i++) {
		const [from, to] = [imageEmbeddingChannels[i]!, imageEmbeddingChannels[i + 1]!];
		x = silu(at, conv2d(at.at(`blocks.${2 * i}`), x, from, from));
		x = silu(at, conv2d(at.at(`blocks.${2 * i + 1}`), x, from, to, { stride: 2 }));
	}
	return conv2d(at.at('conv_out'), x, imageEmbeddingChannels.at(-1)!, channels[0]!);
}
