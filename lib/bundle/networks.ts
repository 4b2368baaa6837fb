// The table of a model folder's networks: where their files are, how they are read, and what they become.
import type { ConfigFile } from '../../models/config-file.ts';
import { controlNet, readControlNetConfig } from '../../models/controlnet.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import type { NetworkOptions } from '../../models/graph/scope.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readTinyAutoencoderConfig, tinyDecoder } from '../../models/tiny-autoencoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import type { WeightSource } from '../../models/weights/weight-set.ts';
import type { Decoder, Feature } from '../options/features.ts';
import type { Adapters } from './adapters.ts';

/** How graphs are built, and which: those that the features need. */
export type GraphOptions = Readonly<Required<Pick<NetworkOptions, 'operators' | 'precision'>>> &
	Readonly<{
		features: readonly Feature[];
		decoder: Decoder;
		/** Of the UNet. */
		adapters?: Adapters;
	}>;

type Row = Readonly<{
	/** What people call it. */
	label: string;
	/** Where its files are: the first of these folders that is there. */
	folders: readonly [string, ...string[]];
	/**
	 * When it is loaded: always; if the bundle has it, together with the others of its folder; as the decoder that was chosen; or for any of these features.
	 */
	loaded: 'always' | 'if there' | Decoder | readonly Feature[];
	/** Its arithmetic: the caller's choice, or always this. */
	precision: 'asked' | 'fp32';
}>;

/** A network whose graph this package builds, from a `config.json` and a checkpoint. */
export type WrittenNetwork<Config> = Row &
	Readonly<{
		/** What names of weight files begin with, best first; see `findWeights`. */
		weights: readonly [string, ...string[]];
		readConfig: (file: ConfigFile) => Config;
		graph: (config: Config, weights: WeightSource, options: GraphOptions) => NetworkGraph;
		/** Tensors that the checkpoint may have besides those of the graph. */
		leftOver?: RegExp;
	}>;

/** A network that comes as an ONNX file and runs unchanged. */
export type OnnxNetwork = Row & Readonly<{ file: string; inputs: number; outputs: number }>;

/** Names that diffusers and transformers give to files of weights. */
const diffusersWeights = ['diffusion_pytorch_model'] as const;
const transformersWeights = ['model', 'pytorch_model'] as const;

const needed = { loaded: 'always', precision: 'asked' } as const;
const readsFaces = { folders: ['antelopev2'], loaded: 'if there', precision: 'fp32' } as const;
const vae = { label: 'VAE', folders: ['vae'], weights: diffusersWeights, readConfig: readVaeConfig } as const;

export const onnxNetworks = {
	detector: {
		...readsFaces,
		label: 'face detector (SCRFD with keypoints)',
		file: 'scrfd_10g_bnkps.onnx',
		inputs: 1,
		outputs: 9,
	},
	recognizer: { ...readsFaces, label: 'face recognizer (ArcFace)', file: 'arcface.onnx', inputs: 1, outputs: 1 },
} as const satisfies Record<string, OnnxNetwork>;

/** Those of every model. Folders are named as in Arc2Face's own bundle or as in diffusers' pipelines. */
export const neededNetworks = {
	textEncoder: written({
		...needed,
		label: 'text encoder',
		folders: ['encoder', 'text_encoder'],
		weights: transformersWeights,
		readConfig: readTextEncoderConfig,
		graph: (config, weights, options) => textEncoder(config, weights, { ...options, input: 'identity' }),
		leftOver: /(^|\.)position_ids$/,
	}),
	unet: written({
		...needed,
		label: 'UNet',
		folders: ['arc2face', 'unet'],
		weights: diffusersWeights,
		readConfig: readUNetConfig,
		graph: (config, weights, { features, adapters, ...options }) =>
			unet(config, weights, { ...options, controlResiduals: features.includes('control'), ...adapters }),
	}),
} as const;

/** Those that only some models have. */
export const optionalNetworks = {
	vaeDecoder: written({
		...{ ...vae, loaded: 'vae', precision: 'asked' },
		graph: vaeDecoder,
		leftOver: /^(encoder|quant_conv)\./,
	}),
	tinyDecoder: written({
		...{ label: 'tiny decoder', loaded: 'taesd', precision: 'asked', folders: ['taesd'], weights: diffusersWeights },
		readConfig: readTinyAutoencoderConfig,
		graph: tinyDecoder,
		leftOver: /^encoder\./,
	}),
	vaeEncoder: written({
		...vae,
		...{ label: 'VAE encoder', loaded: ['edit', 'reference'], precision: 'asked' },
		graph: vaeEncoder,
		leftOver: /^(decoder|post_quant_conv)\./,
	}),
	controlNet: written({
		label: 'ControlNet',
		folders: ['controlnet'],
		loaded: ['control'],
		precision: 'asked',
		weights: diffusersWeights,
		readConfig: readControlNetConfig,
		graph: controlNet,
	}),
} as const;

export const writtenNetworks = { ...neededNetworks, ...optionalNetworks };

export const networks = { ...onnxNetworks, ...writtenNetworks };

export type NetworkName = keyof typeof networks;
export type NeededName = keyof typeof neededNetworks;
export type OptionalName = keyof typeof optionalNetworks;
export type WrittenName = NeededName | OptionalName;
export type OnnxName = keyof typeof onnxNetworks;

/** The config of each network whose graph is built here. */
export type Configs = { readonly [Name in WrittenName]: ReturnType<(typeof writtenNetworks)[Name]['readConfig']> };

export const neededNames = Object.keys(neededNetworks) as NeededName[];
export const writtenNames = Object.keys(writtenNetworks) as WrittenName[];
export const onnxNames = Object.keys(onnxNetworks) as OnnxName[];

/** Those of them that such a model has. */
export function writtenNamesFor({ features, decoder }: Pick<GraphOptions, 'features' | 'decoder'>): WrittenName[] {
	return writtenNames.filter((name) => {
		const { loaded } = writtenNetworks[name];
		if (typeof loaded === 'string') return loaded === 'always' || loaded === decoder;
		return loaded.some((feature) => features.includes(feature));
	});
}

/** Ties the types of a row together. */
function written<Config>(row: WrittenNetwork<Config>): WrittenNetwork<Config> {
	return row;
}
