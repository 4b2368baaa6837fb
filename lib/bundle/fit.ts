// Checks that each network's output fits the next network's input.
import type { ImageGeometry } from '../geometry.ts';
import { latentChannels } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import type { ReadConfig } from './network-files.ts';
import type { NeededName, OptionalName } from './networks.ts';

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
export function fitTogether({ textEncoder, unet, vaeDecoder }: ReadConfigs): ImageGeometry {
	const { hiddenSize } = textEncoder.config;
	if (hiddenSize < embeddingLength) throw textEncoder.file.error('hidden_size', `at least ${embeddingLength}`);
	if (unet.config.conditioningSize !== hiddenSize) {
		throw unet.file.error('cross_attention_dim', `the encoder's hidden_size ${hiddenSize}`);
	}
	const channels = { in_channels: unet.config.inChannels, out_channels: unet.config.outChannels };
	for (const [field, value] of Object.entries(channels)) {
		if (value !== latentChannels) throw unet.file.error(field, `${latentChannels}`);
	}
	if (vaeDecoder.config.latentChannels !== latentChannels) {
		throw vaeDecoder.file.error('latent_channels', `${latentChannels}`);
	}
	if (vaeDecoder.config.imageChannels !== 3) throw vaeDecoder.file.error('out_channels', '3');

	const { pixelsPerLatent } = vaeDecoder.config;
	const side = (unet.config.sampleSize ?? usualLatents) * pixelsPerLatent;
	return { width: side, height: side, pixelsPerLatent };
}
