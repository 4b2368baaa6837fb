// The latents of image-to-image and inpainting, as the denoiser passes them to the decoder: see golden-latents.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { exactly, type GoldenCase, maxAbsError } from '../golden.ts';
import { latentsAsPixels, latentsOf } from '../latent-pixels.ts';
import { imageToImage, inpainting } from '../recorded-edits.ts';
import { bundle, lcmLora } from '../recorded-pipeline.ts';

const cut = vi.hoisted(() => ({ steps: Number.POSITIVE_INFINITY }));
vi.mock('../../models/vae.ts', async (original) => {
	const { vaeDecoder, ...vae } = await original<typeof import('../../models/vae.ts')>();
	const writeDown = (...request: Parameters<typeof vaeDecoder>): NetworkGraph => {
		vaeDecoder(...request); // or the bundle would have weights that no network uses
		return latentsAsPixels(request[0]);
	};
	return { ...vae, vaeDecoder: writeDown };
});
vi.mock('../../lib/samplers/plan.ts', async (original) => {
	const { packPlan, ...plan } = await original<typeof import('../../lib/samplers/plan.ts')>();
	const packCut = (...request: Parameters<typeof packPlan>) =>
		packPlan(...request).slice(0, plan.packedStartLength + Math.min(cut.steps, 1000) * plan.packedStepLength);
	return { ...plan, packPlan: packCut };
});

let model: Arc2Face;
let consistent: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu', edit: true });
	consistent = await Arc2Face.load({ bundle, device: 'cpu', edit: true, loras: [lcmLora] });
});
afterAll(() => Promise.all([model.dispose(), consistent.dispose()]));
beforeEach(() => {
	cut.steps = Number.POSITIVE_INFINITY;
});

type Recording = typeof imageToImage;
async function latentsFor(recorded: GoldenCase, { peopleOf, optionsOf }: Recording): Promise<number[]> {
	const images = await (recorded.lora ? consistent : model).generate(peopleOf(recorded), optionsOf(recorded));
	return images.flatMap(latentsOf);
}

describe.each([
	['image-to-image', imageToImage, 2],
	['inpainting', inpainting, 1],
] as const)('%s', (_, recording, withAll) => {
	const { golden, cases } = recording;

	test.each([...cases])('ends with the latents of diffusers: $name', async (recorded) => {
		// atol: 20 times the distance between diffusers' own float32 and float64 runs; what pixels can tell adds 2^-16.
		const { atol } = recorded.accuracy!;
		expect(maxAbsError(await latentsFor(recorded, recording), golden.floats(recorded.tensors.latents!))).toBeLessThan(
			atol + 2 ** -16,
		);
	});

	const stepByStep = exactly(
		withAll,
		cases.filter(({ tensors }) => tensors.latents_all !== undefined),
		'cases with every step',
	);
	test.each(stepByStep)('has the latents of diffusers after every step: $name', async (recorded) => {
		const { shape, data } = golden.tensor(recorded.tensors.latents_all!);
		expect(shape[0]).toBe(recorded.calls);
		const size = data.length / recorded.calls;
		for (let step = 1; step <= recorded.calls; step++) {
			cut.steps = step;
			const expected = (data as Float32Array).subarray((step - 1) * size, step * size);
			expect(maxAbsError(await latentsFor(recorded, recording), expected), `step ${step}`).toBeLessThan(
				recorded.accuracy_all.atol + 2 ** -16,
			);
		}
	});
});
