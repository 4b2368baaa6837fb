// The option that chooses what makes images of latents.
import { type Decoder, decoders, usualDecoder } from '../options/features.ts';
import type { OptionValues } from './command.ts';

export const decoderOptions = {
	decoder: {
		type: 'string',
		value: 'NAME',
		choices: decoders,
		help: `what makes images: vae, or taesd, the model's tiny decoder, fast and softer (default: ${usualDecoder})`,
	},
} as const;

/** The parser allows no other names. */
export function chosenDecoder({ decoder }: Partial<OptionValues<typeof decoderOptions>>): Decoder | undefined {
	return decoder as Decoder | undefined;
}
