// The config fields that UNet and ControlNet share.
import type { ConfigFile } from '../config-file.ts';
import { blockTypes, requireSupported, sizeList, sizePerBlock, sizes } from './config.ts';

/** What UNet and ControlNet share: the way down and the middle. Lists go from the finest level to the coarsest. */
export type UNetEncoderConfig = Readonly<{
	inChannels: number;
	channels: readonly number[];
	layers: readonly number[];
	/** Attention heads. */
	heads: readonly number[];
	transformerLayers: readonly number[];
	/** Whether the level's blocks hold transformers. */
	attention: readonly boolean[];
	conditioningSize: number;
	groups: number;
	epsilon: number;
	linearProjection: boolean;
	timeEmbeddingSize: number;
	flipSinToCos: boolean;
	freqShift: number;
}>;

const crossAttention = 'CrossAttnDownBlock2D';

/**
 * Reads the fields that UNet2DConditionModel and ControlNetModel share; defaults are those of diffusers 0.29.
 * @throws {Arc2FaceError} `INVALID_BUNDLE` for what this package's definition does not support
 */
export function readUNetEncoderConfig(config: ConfigFile): UNetEncoderConfig {
	requireSupported(config, {
		act_fn: ['silu', 'swish'],
		addition_embed_type: [],
		class_embed_type: [],
		downsample_padding: [1],
		encoder_hid_dim: [],
		encoder_hid_dim_type: [],
		mid_block_scale_factor: [1],
		mid_block_type: ['UNetMidBlock2DCrossAttn'],
		num_class_embeds: [],
		only_cross_attention: [false],
		resnet_time_scale_shift: ['default'],
		upcast_attention: [false],
	});
	const channels = sizeList(config, 'block_out_channels', [320, 640, 1280, 1280]);
	const groups = config.integer('norm_num_groups', sizes, 32);
	if (channels.some((count) => count % groups !== 0)) {
		throw config.error('block_out_channels', `multiples of norm_num_groups (${groups})`);
	}
	if (channels[0]! % 2 !== 0) throw config.error('block_out_channels', 'an even number of channels in the first block');
	// The field of this name holds the number of heads: https://github.com/huggingface/diffusers/issues/2011
	const headsField =
		(config.fields.num_attention_heads ?? null) === null ? 'attention_head_dim' : 'num_attention_heads';
	const heads = sizePerBlock(config, headsField, channels.length, 8);
	if (channels.some((count, i) => count % heads[i]! !== 0)) {
		throw config.error(headsField, `divisors of block_out_channels (${channels.join(', ')})`);
	}
	return {
		inChannels: config.integer('in_channels', sizes, 4),
		channels,
		layers: sizePerBlock(config, 'layers_per_block', channels.length, 2),
		heads,
		transformerLayers: sizePerBlock(config, 'transformer_layers_per_block', channels.length, 1),
		attention: blockTypes(
			config,
			'down_block_types',
			channels.length,
			[crossAttention, 'DownBlock2D'],
			[crossAttention, crossAttention, crossAttention, 'DownBlock2D'],
		).map((type) => type === crossAttention),
		conditioningSize: config.integer('cross_attention_dim', sizes, 1280),
		groups,
		epsilon: config.number('norm_eps', 1e-5),
		linearProjection: config.boolean('use_linear_projection') ?? false,
		timeEmbeddingSize: config.integer('time_embedding_dim', sizes, 4 * channels[0]!),
		flipSinToCos: config.boolean('flip_sin_to_cos') ?? true,
		freqShift: config.number('freq_shift', 0),
	};
}
