// The manners of painting that are compared: samplers by steps, guidance in some of the steps, the tiny decoder.
import type { Decoder, GuidanceInterval, SamplerName } from '../../lib/index.ts';

import { presetNames, usualPresets } from '../../lib/options/presets.ts';

/** One way to paint. */
export type Manner = Readonly<{
	sampler: SamplerName;
	steps: number;
	guidanceScale: number;
	guidanceInterval?: GuidanceInterval;
	decoder: Decoder;
}>;

export const usualSteps = [2, 4, 6, 8, 12, 16, 25, 50];

const standard = { sampler: 'dpm++2m', steps: 25, guidanceScale: 3, decoder: 'vae' } as const;

/** Every sampler with every number of steps, with upstream's guidance. */
export function samplersBySteps(samplers: readonly SamplerName[], steps: readonly number[]): Manner[] {
	return samplers.flatMap((sampler) => steps.map((count) => ({ ...standard, sampler, steps: count })));
}

/** Of the default: other guidance, in all steps or in the noise levels of an interval. */
export const guidances: readonly Manner[] = [
	...[1, 1.5, 2, 4].map((guidanceScale) => ({ ...standard, guidanceScale })),
	// The first is of Kynkäänniemi et al. 2024; the next ones leave out one end, or more in the middle.
	...(
		[
			[0.28, 5.42],
			[0, 5.42],
			[0.28, 1000],
			[0.28, 2.9],
			[0.7, 5.42],
			[1.6, 1000],
		] as const
	).map((guidanceInterval) => ({ ...standard, guidanceInterval })),
];

/** What calls ask for by name. */
export const presets: readonly Manner[] = presetNames.map((name) => ({ ...usualPresets[name], decoder: 'vae' }));

/** The default and a draft of it, by the tiny decoder. */
export const tinyDecoded: readonly Manner[] = [8, 25].map((steps) => ({ ...standard, steps, decoder: 'taesd' }));
