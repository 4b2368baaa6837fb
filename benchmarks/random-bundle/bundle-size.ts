// The sizes that random bundles come in.
import type { ArcFaceSize } from './arcface.ts';
import type { ScrfdSize } from './scrfd.ts';

/** The contents of a random bundle's `config.json` files, and the sizes of its face networks. */
export type BundleSize = Readonly<{
	unet: object;
	encoder: Readonly<{ max_position_embeddings: number; [field: string]: unknown }>;
	vae: object;
	/** Of the tiny autoencoder. */
	taesd: object;
	/** Token ids if the vocabulary is not CLIP's. */
	tokens?: object;
	/** Type of the weights of UNet, encoder and VAE. */
	type: 'float32' | 'float16';
	arcface: ArcFaceSize;
	scrfd: ScrfdSize;
	/** Channels of the layers that shrink a ControlNet's image. */
	imageEmbedding: readonly number[];
	/** Of the reference adapter's additions. */
	referenceRank: number;
	/** Of the LoRA for few steps. */
	loraRank: number;
}>;

/** Stable Diffusion 1.5's, which every size shares. */
export const scheduler = {
	_class_name: 'PNDMScheduler',
	_diffusers_version: '0.6.0',
	beta_end: 0.012,
	beta_schedule: 'scaled_linear',
	beta_start: 0.00085,
	clip_sample: false,
	num_train_timesteps: 1000,
	set_alpha_to_one: false,
	skip_prk_steps: true,
	steps_offset: 1,
	trained_betas: null,
};

/** Blocks and conventions of Stable Diffusion 1.5, whatever the number of channels. */
const unetBase = {
	_class_name: 'UNet2DConditionModel',
	_diffusers_version: '0.6.0',
	act_fn: 'silu',
	center_input_sample: false,
	down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
	downsample_padding: 1,
	flip_sin_to_cos: true,
	freq_shift: 0,
	in_channels: 4,
	mid_block_scale_factor: 1,
	norm_eps: 1e-5,
	out_channels: 4,
	up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
};

const encoderBase = {
	architectures: ['CLIPTextModel'],
	attention_dropout: 0,
	bos_token_id: 0,
	dropout: 0,
	eos_token_id: 2,
	hidden_act: 'quick_gelu',
	initializer_factor: 1,
	initializer_range: 0.02,
	layer_norm_eps: 1e-5,
	max_position_embeddings: 77,
	model_type: 'clip_text_model',
	pad_token_id: 1,
	torch_dtype: 'float32',
};

const vaeBase = {
	_class_name: 'AutoencoderKL',
	_diffusers_version: '0.6.0',
	act_fn: 'silu',
	down_block_types: Array<string>(4).fill('DownEncoderBlock2D'),
	in_channels: 3,
	latent_channels: 4,
	out_channels: 3,
	up_block_types: Array<string>(4).fill('UpDecoderBlock2D'),
};

const taesdBase = {
	_class_name: 'AutoencoderTiny',
	act_fn: 'relu',
	in_channels: 3,
	latent_channels: 4,
	num_decoder_blocks: [3, 3, 3, 1],
	num_encoder_blocks: [1, 3, 3, 3],
	out_channels: 3,
	scaling_factor: 1,
	upsampling_scaling_factor: 2,
};
const taesd = (channels: number) => {
	const levels = Array<number>(4).fill(channels);
	return { ...taesdBase, decoder_block_out_channels: levels, encoder_block_out_channels: levels };
};

/** The official networks' sizes: Stable Diffusion 1.5, TAESD, CLIP ViT-L/14's text model, IResNet-100, SCRFD-10G. */
const full: BundleSize = {
	unet: {
		...unetBase,
		attention_head_dim: 8,
		block_out_channels: [320, 640, 1280, 1280],
		cross_attention_dim: 768,
		layers_per_block: 2,
		norm_num_groups: 32,
		sample_size: 64,
	},
	encoder: {
		...encoderBase,
		hidden_size: 768,
		intermediate_size: 3072,
		num_attention_heads: 12,
		num_hidden_layers: 12,
		projection_dim: 768,
		vocab_size: 49408,
	},
	vae: {
		...vaeBase,
		block_out_channels: [128, 256, 512, 512],
		layers_per_block: 2,
		norm_num_groups: 32,
		sample_size: 512,
	},
	taesd: taesd(64),
	type: 'float32',
	arcface: { blocks: [3, 13, 30, 3], channels: [64, 128, 256, 512] },
	scrfd: { stem: 56, blocks: [3, 4, 2, 3], channels: [56, 88, 88, 224], neck: 56, head: 80 },
	imageEmbedding: [16, 32, 96, 256],
	referenceRank: 64,
	loraRank: 64,
};

/** Ids of a vocabulary of seven words; the prompt is "photo of a id person". */
const words = { photo: 0, of: 1, a: 2, id: 3, person: 4, start: 5, end: 6 };
const { photo, of, a, id, person, start, end } = words;
const padded = (ids: readonly number[]) => [...ids, ...Array<number>(77 - ids.length).fill(end)];

/** The same architecture for images of 128 × 128, as small as an identity of 512 numbers allows. */
const tiny: BundleSize = {
	unet: {
		...unetBase,
		attention_head_dim: 4,
		block_out_channels: [32, 32, 48, 48],
		cross_attention_dim: 512,
		layers_per_block: 1,
		norm_num_groups: 8,
		sample_size: 16,
	},
	encoder: {
		...encoderBase,
		hidden_size: 512,
		intermediate_size: 128,
		num_attention_heads: 8,
		num_hidden_layers: 1,
		projection_dim: 512,
		torch_dtype: 'float16',
		vocab_size: Object.keys(words).length,
	},
	vae: {
		...vaeBase,
		block_out_channels: [16, 32, 32, 32],
		layers_per_block: 1,
		norm_num_groups: 8,
		sample_size: 128,
	},
	taesd: taesd(8),
	tokens: {
		prompt: padded([start, photo, of, a, id, person, end]),
		empty: padded([start, end]),
		identityPosition: 4,
	},
	type: 'float16',
	arcface: { blocks: [1, 1, 1, 1], channels: [8, 16, 16, 8] },
	scrfd: { stem: 8, blocks: [1, 1, 1, 1], channels: [8, 8, 16, 16], neck: 16, head: 16 },
	imageEmbedding: [4, 8, 8, 16],
	referenceRank: 4,
	loraRank: 2,
};

export const bundleSizes = { full, tiny } as const;
export type BundleSizeName = keyof typeof bundleSizes;
