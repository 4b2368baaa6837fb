// The UNet: its config and graph.
import type { ConfigFile } from './config-file.ts';
import { type ExpressionAdapter, expressionInputs } from './expression-adapter.ts';
import { blockTypes, requireSupported, sizes } from './graph/config.ts';
import type { NetworkGraph } from './graph/graph.ts';
import { conv2d, groupNorm, silu, upsampleNearest } from './graph/layers.ts';
import { referenceInputs } from './graph/reference.ts';
import { type NetworkOptions, Scope } from './graph/scope.ts';
import { readUNetEncoderConfig, type UNetEncoderConfig } from './graph/unet-config.ts';
import { downBlocks, type Feature, levelShape, middleBlock, unetInputs, unetLayer } from './graph/unet-encoder.ts';
import type { LowRank } from './weights/low-rank.ts';
import type { WeightSource } from './weights/weight-set.ts';

export type UNetConfig = UNetEncoderConfig &
	Readonly<{
		outChannels: number;
		/** Whether the blocks on the way up hold transformers, from the coarsest level to the finest. */
		upAttention: readonly boolean[];
		/** Height and width that the network was trained with, in latents; undefined if the config omits it. */
		sampleSize: number | undefined;
	}>;

/** What a UNet takes besides; each has a value with which a row of the batch is as if it were not there. */
export type UNetOptions = NetworkOptions & {
	/** Adds the inputs `down_0` … and `mid`: residuals from a ControlNet, whose outputs have these names. 0: none. */
	controlResiduals?: boolean;
	/** Adds `expression` float32 [batch, 55] and `expression_scale` float32 [batch], how strongly it shows. 0: not at all. */
	expression?: ExpressionAdapter | undefined;
	/**
	 * Adds `bank_0` … [batch, tokens, channels], one for each transformer block, which rows with `reference_reads` 1 (float32
	 * [batch]; 0: none) look at, or all of length 0; `reference_scale` float32 [batch], how strongly the reading layers differ from
	 * the UNet's own (0: not at all); and the outputs `written_0` …, which are such banks, of the evaluation of a clean image.
	 */
	reference?: LowRank | undefined;
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
	const root = Scope.root('unet', weights, options);
	const { adapted: net, reference } =
		options.reference === undefined ? { adapted: root } : referenceInputs(root, options.reference);
	const { sample, guide: plain } = unetInputs(net, config);
	const expression =
		options.expression && expressionInputs(root, options.expression, config.conditioningSize, crossAttentions(config));
	const guide = { ...plain, expression, reference };

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
			x = { value: up.result(conv2d(up.at('conv'), larger, channels, channels)), channels, level: level - 1 };
		}
		block.result(x.value);
	});

	const normal = groupNorm(net.at('conv_norm_out'), x.value, x.channels, config.groups, config.epsilon);
	const eps = conv2d(net.at('conv_out'), silu(net, normal), x.channels, config.outChannels);
	net.output('eps', eps, ['batch', config.outChannels, 'height', 'width']);
	return net.finish();
}

function addResidual(net: Scope, x: Feature, name: string): Feature {
	return { ...x, value: net.op('Add', [x.value, net.input(name, levelShape(x))]) };
}

function concat(block: Scope, x: Feature, skip: Feature): Feature {
	const value = block.op('Concat', [x.value, skip.value], { axis: 1 });
	return { value, channels: x.channels + skip.channels, level: x.level };
}

/** The paths of all cross-attentions, in the order of diffusers' `attn_processors`: down, up, middle. */
function crossAttentions({ attention, upAttention, layers, transformerLayers }: UNetConfig): string[] {
	const paths: string[] = [];
	const add = (block: string, attentions: number, level: number) => {
		for (let i = 0; i < attentions; i++) {
			for (let j = 0; j < transformerLayers[level]!; j++) {
				paths.push(`${block}.attentions.${i}.transformer_blocks.${j}.attn2`);
			}
		}
	};
	layers.forEach((count, level) => {
		if (attention[level]) add(`down_blocks.${level}`, count, level);
	});
	upAttention.forEach((has, i) => {
		const level = layers.length - 1 - i;
		if (has) add(`up_blocks.${i}`, layers[level]! + 1, level);
	});
	add('mid_block', 1, layers.length - 1);
	return paths;
}
