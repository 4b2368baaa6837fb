// Image-to-image and inpainting by diffusers' pipelines on tiny-sd, and the options for ours to paint the same.
import type { GenerateOptions, RawPhoto, SamplerName } from '../lib/index.ts';
import { type GoldenCase, readGolden } from './golden.ts';

/** One of the two recordings: test/golden/README.md says how they were made. */
function recordingOf(kind: 'img2img' | 'inpaint', count: number) {
	const golden = readGolden(`pipeline_edit/${kind}`);
	const identities = [0, 1].map((i) => golden.floats('shared/face_embs').slice(512 * i, 512 * (i + 1)));

	/** A picture of one or three channels. */
	const picture = (key: string): RawPhoto => {
		const { shape, data } = golden.tensor(key);
		const [height, width, channels = 1] = shape as [number, number, number?];
		return { data: data as Uint8Array, width, height, channels: channels as 1 | 3 };
	};
	return {
		...{ golden, picture },
		cases: golden.cases(count),
		/** The people of a case. */
		peopleOf: (recorded: GoldenCase) => recorded.identities.map((i: number) => identities[i]),
		/** The options of `generate` for it. */
		optionsOf(recorded: GoldenCase): GenerateOptions {
			const { steps, strength, guidance: guidanceScale, num_images: count, seed, seeds, inputs } = recorded;
			const photos = inputs.image.map(picture);
			return {
				...{ steps, strength, guidanceScale, count, sampler: samplerOf(recorded) },
				// diffusers draws the whole batch from one generator unless given a list of them.
				...(seeds === undefined ? { seed, noise: 'batch' } : { seed: seeds }),
				image: photos.length === 1 ? photos[0] : photos,
				// Only inpainting is told a size.
				...(inputs.mask === undefined
					? {}
					: { mask: picture(inputs.mask), width: recorded.width, height: recorded.height }),
			};
		},
	};
}

export const imageToImage = recordingOf('img2img', 43);
export const inpainting = recordingOf('inpaint', 20);

function samplerOf({ scheduler, overrides }: GoldenCase): SamplerName {
	if (overrides?.use_karras_sigmas) return 'dpm++2m-karras';
	const names: Record<string, SamplerName> = {
		DPMSolverMultistepScheduler: 'dpm++2m',
		DDIMScheduler: 'ddim',
		EulerDiscreteScheduler: 'euler',
		EulerAncestralDiscreteScheduler: 'euler-a',
		PNDMScheduler: 'pndm',
		UniPCMultistepScheduler: 'unipc',
		HeunDiscreteScheduler: 'heun',
		LCMScheduler: 'lcm',
	};
	return names[scheduler]!;
}
