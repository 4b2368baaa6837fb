// Named choices between time and quality.
import type { GuidanceInterval } from '../samplers/guidance-interval.ts';
import type { SamplerName } from '../samplers/samplers.ts';
import { oneOf, type Rule } from './check.ts';

/** All presets. */
export const presetNames = ['draft', 'standard', 'best'] as const;
/** How much time a portrait may take. */
export type PresetName = (typeof presetNames)[number];

/** What a preset sets, where the call does not. */
export type Preset = Readonly<{
	/** As the option of that name. */
	sampler: SamplerName;
	/** As the option of that name. */
	steps: number;
	/** As the option of that name. */
	guidanceScale: number;
	/** As the option of that name; absent: all steps are guided. */
	guidanceInterval?: GuidanceInterval;
}>;

/** Of a model; a call that names none has `standard`. */
export type Presets = Readonly<Record<PresetName, Preset>>;

/** `standard` is upstream's; the others were chosen by benchmarks/steps. */
export const usualPresets: Presets = {
	draft: { sampler: 'unipc', steps: 6, guidanceScale: 3 },
	standard: { sampler: 'dpm++2m', steps: 25, guidanceScale: 3 },
	best: { sampler: 'dpm++2m', steps: 50, guidanceScale: 3, guidanceInterval: [0.28, 5.42] },
};

/**
 * With the LoRA of latent consistency, for which others have too many steps and too much guidance; `standard` is what its authors use:
 * https://huggingface.co/latent-consistency/lcm-lora-sdv1-5.
 */
export const lcmPresets: Presets = {
	draft: { sampler: 'lcm', steps: 2, guidanceScale: 1 },
	standard: { sampler: 'lcm', steps: 4, guidanceScale: 1 },
	best: { sampler: 'lcm', steps: 8, guidanceScale: 1 },
};

export const presetRule: Rule = oneOf(presetNames);
