// Whole generations of diffusers' pipelines on tiny-sd, and the options for ours to generate the same.
import { expect } from 'vitest';
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

/** The recorded generations that something else steers, too. */
export const steered = [...golden.cases(1, 'controlnet'), ...golden.cases(1, 'exp'), ...golden.cases(1, 'ref')];

/** The options of `generate` for one of {@link steered}. */
export function steeredOptionsOf(recorded: GoldenCase): GenerateOptions {
	const { kind, tensors, width, height, num_images, identities, conditioning_scale, exp_scale, lora_scale } = recorded;
	const options = optionsOf(recorded);
	const picture = (key: string) =>
		({ data: golden.tensor(key).data as Uint8Array, width, height, channels: 3 }) as const;
	switch (kind) {
		case 'controlnet':
			return { ...options, control: { image: picture(tensors.control_image!), scale: conditioning_scale } };
		case 'exp':
			return { ...options, expression: golden.floats(tensors.exp_params!), expressionScale: exp_scale };
		default: {
			// Of the rows without the person and then those with it, only these look at the reference.
			const noise = golden.floats(tensors.reference_noise!) as Float32Array;
			const photo = picture(tensors.reference_image!);
			const reference = { photo, align: false, scale: lora_scale, noise: noise.slice(noise.length / 2) };
			expect(noise.length).toBe((2 * num_images * identities.length * 4 * width * height) / 64);
			return { ...options, reference };
		}
	}
}
