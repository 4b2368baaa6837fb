// The UNet: its config and graph.
import type { ConfigFile } from './config-file.ts';
import { blockTypes, requireSupported, sizes } from './graph/config.ts';
import type { NetworkGraph, Value } from './graph/graph.ts';
import { conv2d, groupNorm, silu, upsampleNearest } from './graph/layers.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import { readUNetEncoderConfig, type UNetEncoderConfig } from './graph/unet-config.ts';
import { downBlocks, type Feature, middleBlock, unetInputs, unetLayer } from './graph/unet-encoder.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type UNetConfig = UNetEncoderConfig &
	Readonly<{
		outChannels: number;
		/** Whether the blocks on the way up hold transformers, from the coarsest level to the finest. */
		upAttention: readonly boolean[];
		/** Height and width that the network was trained with, in latents; undefined if the config omits it. */
		sampleSize: number | undefined;
	}>;

export type UNetOptions = NetworkOptions & {
	/** Adds the inputs `down_0` … and `mid`: residuals from a ControlNet, whose outputs have these names. */
	controlResiduals?: boolean;
};

const crossAttention = 'CrossAttnUpBlock2D';

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for what {@link unet} does not support */
export function readUNetConfig(config: ConfigFile): UNetConfig {
	requireSupported(config, {
		_class_name: ['UNet2DConditionModel'],
		attention_type: ['default'],
		center_input_sample: [false],
		class_embeddings_concat: [false],
		conv_in_kernel: [3],
		conv_out_kernel: [3],
		cross_attention_norm: [],
		dual_cross_attention: [false],
		mid_block_only_cross_attention: [false],
		resnet_out_scale_factor: [1],
		resnet_skip_time_act: [false],
		reverse_transformer_layers_per_block: [],
		time_cond_proj_dim: [],
		time_embedding_act_fn: [],
		time_embedding_type: ['positional'],
		timestep_post_act: [],
	});
	const shared = readUNetEncoderConfig(config);
	const sampleSize = config.integer('sample_size', [0, sizes[1]], 0);
	return {
		...shared,
		outChannels: config.integer('out_channels', sizes, 4),
		upAttention: blockTypes(
			config,
			'up_block_types',
			shared.channels.length,
			[crossAttention, 'UpBlock2D'],
			['UpBlock2D', crossAttention, crossAttention, crossAttention],
		).map((type) => type === crossAttention),
		sampleSize: sampleSize === 0 ? undefined : sampleSize,
	};
}

/**
 * The denoiser of Stable Diffusion 1.5's family (diffusers' `UNet2DConditionModel`, Rombach et al. 2022,
 * https://arxiv.org/abs/2112.10752). Any height and width; each level has half the size of the one before, rounded up.
 *
 * Inputs: `sample` [batch, 4, height, width] noisy latents as the sampler scales them; `timestep` float32 [batch], 0–999, may
 * be fractional; `encoder_hidden_states` [batch, tokens, size] conditioning.
 * Output: `eps` [batch, 4, height, width], the noise in them.
 */
export function unet(config: UNetConfig, weights: WeightSource, options: UNetOptions = {}): NetworkGraph {
	const net = Scope.root('unet', weights, options);
	const { sample, guide } = unetInputs(net, config);

	const first = conv2d(net.at('conv_in'), sample, config.inChannels, config.channels[0]!);
	let skips = downBlocks(net, first, config, guide);
	let x = middleBlock(net, skips.at(-1)!, config, guide);
	if (options.controlResiduals) {
		skips = skips.map((skip, i) => addResidual(net, skip, `down_${i}`));
		x = addResidual(net, x, 'mid');
	}

	const levels = config.channels.map((_, level) => level).reverse();
	levels.forEach((level, index) => {
		const block = net.at(`up_blocks.${index}`);
		const channels = config.channels[level]!;
		for (let i = 0; i < config.layers[level]! + 1; i++) {
			x = concat(block, x, skips.pop()!);
			x = unetLayer(block, i, x, channels, config, config.upAttention[index]! ? level : undefined, guide);
		}
		if (level > 0) {
			const up = block.at('upsamplers.0');
			// To the size of the next skip connection, which may be odd if halving was rounded.
			const larger = upsampleNearest(up, x.value, skips.at(-1)!.value);
			x = { value: up.result(conv2d(up.at('conv'), larger, channels, channels)), channels };
		}
		block.result(x.value);
	});

	const normal = groupNorm(net.at('conv_norm_out'), x.value, x.channels, config.groups, config.epsilon);
	const eps = conv2d(net.at('conv_out'), silu(net, normal), x.channels, config.outChannels);
	net.output('eps', eps, ['batch', config.outChannels, 'height', 'width']);
	return net.finish();
}

function addResidual(net: Scope, x: Feature, name: string): Feature {
	const residual: Value = net.input(name, ['batch', x.channels, `${name}_height`, `${name}_width`]);
	return { value: net.op('Add', [x.value, residual]), channels: x.channels };
}

function concat(block: Scope, x: Feature, skip: Feature): Feature {
	return { value: block.op('Concat', [x.value, skip.value], { axis: 1 }), channels: x.channels + skip.channels };
}
