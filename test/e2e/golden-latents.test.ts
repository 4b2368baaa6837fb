// The latents of whole generations, as the denoiser passes them to the decoder. Images show them only to one part in 255 and through
// a decoder, so here the decoder is a network that encodes them in pixels; everything else is as users have it.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { Plan } from '../../lib/samplers/plan.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { type GoldenCase, maxAbsError } from '../golden.ts';
import { latentsAsPixels, latentsOf } from '../latent-pixels.ts';
import { bundle, golden, identities, lcm, lcmLora, optionsOf, plain } from '../recorded-pipeline.ts';

const cut = vi.hoisted(() => ({ steps: Number.POSITIVE_INFINITY }));
vi.mock('../../models/vae.ts', async (original) => {
	const { vaeDecoder, ...vae } = await original<typeof import('../../models/vae.ts')>();
	const writeDown = (...request: Parameters<typeof vaeDecoder>): NetworkGraph => {
		vaeDecoder(...request); // or the bundle would have weights that no network uses
		return latentsAsPixels(request[0]);
	};
	return { ...vae, vaeDecoder: writeDown };
});
vi.mock('../../lib/samplers/samplers.ts', async (original) => {
	const { makePlan, ...samplers } = await original<typeof import('../../lib/samplers/samplers.ts')>();
	const makeCutPlan = (...request: Parameters<typeof makePlan>): Plan => {
		const plan = makePlan(...request);
		return { ...plan, steps: plan.steps.slice(0, cut.steps) };
	};
	return { ...samplers, makePlan: makeCutPlan };
});

let model: Arc2Face;
let adapted: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu' });
	adapted = await Arc2Face.load({ bundle, device: 'cpu', loras: [lcmLora] });
});
afterAll(() => Promise.all([model.dispose(), adapted.dispose()]));
beforeEach(() => {
	cut.steps = Number.POSITIVE_INFINITY;
});

async function generate(recorded: GoldenCase): Promise<number[]> {
	const people = recorded.identities.map((i: number) => identities[i]);
	const images = await (recorded.kind === 'lcm' ? adapted : model).generate(people, optionsOf(recorded));
	return images.flatMap(latentsOf);
}

describe('ends with the latents of diffusers', () => {
	test.each([...plain, ...lcm])('$name', async (recorded) => {
		// atol: 20 times the distance between diffusers' own float32 and float64 runs, 10 times that of the bytes.
		expect(maxAbsError(await generate(recorded), golden.floats(recorded.tensors.latents!))).toBeLessThanOrEqual(
			recorded.accuracy!.atol,
		);
	});
});

test.each([
	['dpm25_g3_s42', 25],
	['lcm4_g1', 4],
])('has the latents of diffusers after every step: %s', async (name, count) => {
	const recorded = golden.case(name);
	const all = golden.tensor(recorded.tensors.latents_all!);
	expect(all.shape).toEqual([count, 1, 4, 16, 16]);
	const size = all.data.length / count;
	for (let step = 1; step <= count; step++) {
		cut.steps = step;
		const expected = (all.data as Float32Array).subarray((step - 1) * size, step * size);
		// As for the last step: errors grow from step to step.
		expect(maxAbsError(await generate(recorded), expected), `step ${step}`).toBeLessThanOrEqual(
			recorded.accuracy!.atol,
		);
	}
});
