// Whole generations of diffusers' pipelines on tiny-sd, and the options for ours to generate the same.
import type { GenerateOptions, SamplerName } from '../lib/index.ts';
import { type GoldenCase, goldenFolder, readGolden } from './golden.ts';

export const golden = readGolden('pipeline/pipeline'); // how it was recorded: test/golden/README.md
export const bundle = `${goldenFolder}tiny-sd`;
export const plain = golden.cases(13, 'plain');
/** With {@link lcmLora} added to the UNet. */
export const lcm = golden.cases(2, 'lcm');
export const lcmLora = `${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`;

/** The recording's identities. */
export const identities = [0, 1].map((i) => golden.floats('shared/face_embs').slice(512 * i, 512 * (i + 1)));

function samplerOf({ scheduler, overrides }: GoldenCase): SamplerName {
	if (overrides?.use_karras_sigmas) return 'dpm++2m-karras';
	const names: Record<string, SamplerName> = {
		DPMSolverMultistepScheduler: 'dpm++2m',
		PNDMScheduler: 'pndm',
		DDIMScheduler: 'ddim',
		EulerDiscreteScheduler: 'euler',
		EulerAncestralDiscreteScheduler: 'euler-a',
		LCMScheduler: 'lcm',
	};
	return names[scheduler]!;
}

/** Those of `generate`. */
export function optionsOf(recorded: GoldenCase): GenerateOptions {
	const { steps, guidance: guidanceScale, num_images: count, seed, seeds, width, height } = recorded;
	// diffusers draws the whole batch from one generator unless given a list of them.
	const noise = seeds === undefined ? 'batch' : 'per-image';
	return { steps, guidanceScale, count, seed: seeds ?? seed, noise, sampler: samplerOf(recorded), width, height };
}
