// How a bundle's latents look without a decoder: the linear map that previews are painted by.
import { join } from 'node:path';
import { ConfigFile } from '../../models/config-file.ts';
import { latentChannels } from '../geometry.ts';
import { isThere } from './network-files.ts';
import type { Configs } from './networks.ts';

/** Red, green and blue of each channel, then what is added to them; of an image's −1 to 1. */
export type LatentColours = Float32Array;

export const latentColoursName = 'latent_rgb.json';

/**
 * Of Stable Diffusion 1.5's autoencoder, as its users have fitted them:
 * https://github.com/comfyanonymous/ComfyUI/blob/v0.3.26/comfy/latent_formats.py
 */
const stableDiffusion = {
	scalingFactor: 0.18215,
	pixelsPerLatent: 8,
	red: [0.3512, 0.325, -0.2829, -0.212, 0],
	green: [0.2297, 0.4974, 0.1762, -0.2616, 0],
	blue: [0.3227, 0.235, 0.2721, -0.7177, 0],
};

/**
 * `{ "red": [5 numbers], "green": [5 numbers], "blue": [5 numbers] }`: how much of each channel of the latents a colour has, and what is
 * added. A bundle without the file has those of Stable Diffusion 1.5 if its VAE says that it is one, else none.
 *
 * @param vae - of the bundle, if it was opened with one
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, naming the field
 */
export async function readLatentColours(
	bundle: string,
	vae: Configs['vaeDecoder'] | undefined,
): Promise<LatentColours | undefined> {
	const path = join(bundle, latentColoursName);
	if (!(await isThere(path))) {
		const { scalingFactor, pixelsPerLatent } = stableDiffusion;
		const isUsual = vae?.scalingFactor === scalingFactor && vae.pixelsPerLatent === pixelsPerLatent;
		return isUsual ? interleaved(stableDiffusion) : undefined;
	}
	const file = await ConfigFile.read(path);
	const expected = `${latentChannels + 1} numbers`;
	const read = (colour: string) => {
		const numbers = file.numbers(colour, expected, () => true);
		if (numbers?.length !== latentChannels + 1) throw file.error(colour, expected);
		return numbers;
	};
	return interleaved({ red: read('red'), green: read('green'), blue: read('blue') });
}

function interleaved({ red, green, blue }: Record<'red' | 'green' | 'blue', readonly number[]>): LatentColours {
	return Float32Array.from(red.flatMap((weight, channel) => [weight, green[channel]!, blue[channel]!]));
}
