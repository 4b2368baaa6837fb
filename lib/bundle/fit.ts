// Checks that each network's output fits the next network's input.
import type { ImageGeometry } from '../geometry.ts';
import { latentChannels } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import type { ReadConfig } from './network-files.ts';
import type { Configs, NeededName, OptionalName } from './networks.ts';

export type ReadConfigs = { readonly [Name in NeededName]: ReadConfig<Name> } & {
	readonly [Name in OptionalName]?: ReadConfig<Name>;
};

/** Side of the latents that Stable Diffusion 1 was trained with, for configs that do not say. */
const usualLatents = 64;

/**
 * The size of the images that these networks produce together.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, naming the field, when one network's output does not fit the next
 */
export function fitTogether({ textEncoder, unet, vaeDecoder, tinyDecoder, controlNet }: ReadConfigs): ImageGeometry {
	const { hiddenSize } = textEncoder.config;
	if (hiddenSize < embeddingLength) throw textEncoder.file.error('hidden_size', `at least ${embeddingLength}`);
	if (unet.config.conditioningSize !== hiddenSize) {
		throw unet.file.error('cross_attention_dim', `the encoder's hidden_size ${hiddenSize}`);
	}
	const channels = { in_channels: unet.config.inChannels, out_channels: unet.config.outChannels };
	for (const [field, value] of Object.entries(channels)) {
		if (value !== latentChannels) throw unet.file.error(field, `${latentChannels}`);
	}
	const decoders = [vaeDecoder, tinyDecoder].filter((decoder) => decoder !== undefined);
	for (const { config, file } of decoders) {
		if (config.latentChannels !== latentChannels) throw file.error('latent_channels', `${latentChannels}`);
		if (config.imageChannels !== 3) throw file.error('out_channels', '3');
	}
	const [{ config }, other] = decoders as [(typeof decoders)[number], (typeof decoders)[number]?]; // every model has one
	const { pixelsPerLatent } = config;
	if (other !== undefined && other.config.pixelsPerLatent !== pixelsPerLatent) {
		throw other.file.error(
			'decoder_block_out_channels',
			`as many blocks as the VAE has (${1 + Math.log2(pixelsPerLatent)})`,
		);
	}
	if (controlNet !== undefined) fitControlNet(controlNet, unet.config, pixelsPerLatent);
	const side = (unet.config.sampleSize ?? usualLatents) * pixelsPerLatent;
	return { width: side, height: side, pixelsPerLatent };
}

/** A ControlNet is a copy of its UNet's first half, and reads images of the size that is painted. */
function fitControlNet(
	{ file, config }: ReadConfig<'controlNet'>,
	unet: Configs['unet'],
	pixelsPerLatent: number,
): void {
	const same = {
		in_channels: [config.inChannels, unet.inChannels],
		block_out_channels: [config.channels, unet.channels],
		layers_per_block: [config.layers, unet.layers],
		cross_attention_dim: [config.conditioningSize, unet.conditioningSize],
	};
	for (const [field, [own, wanted]] of Object.entries(same)) {
		if (String(own) !== String(wanted)) throw file.error(field, `the UNet's (${wanted})`);
	}
	if (config.imageChannels !== 3) throw file.error('conditioning_channels', '3');
	if (2 ** (config.imageEmbeddingChannels.length - 1) !== pixelsPerLatent) {
		throw file.error('conditioning_embedding_out_channels', `${Math.log2(pixelsPerLatent) + 1} sizes`);
	}
}
