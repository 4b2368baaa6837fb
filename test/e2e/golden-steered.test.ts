// The latents of generations that a control image, an expression or a reference steers, against diffusers' and upstream's pipelines; see
// golden-latents.test.ts.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { linkBundleWithAdapters } from '../adapter-bundle.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { maxAbsError } from '../golden.ts';
import { latentsAsPixels, latentsOf } from '../latent-pixels.ts';
import { golden, identities, optionsOf, plain, steered, steeredOptionsOf } from '../recorded-pipeline.ts';

vi.mock('../../models/vae.ts', async (original) => {
	const { vaeDecoder, ...vae } = await original<typeof import('../../models/vae.ts')>();
	const writeDown = (...request: Parameters<typeof vaeDecoder>): NetworkGraph => {
		vaeDecoder(...request); // or the bundle would have weights that no network uses
		return latentsAsPixels(request[0]);
	};
	return { ...vae, vaeDecoder: writeDown };
});

const folder = temporaryFolder();
let model: Arc2Face;
beforeAll(async () => {
	linkBundleWithAdapters(folder.path('bundle'));
	model = await Arc2Face.load({
		bundle: folder.path('bundle'),
		device: 'cpu',
		control: true,
		expression: true,
		reference: true,
	});
}, 600_000);
afterAll(() => model.dispose());

/** atol: 20 times the distance between diffusers' own float32 and float64 runs, 10 times that of the bytes. */
function expectLatents(images: Parameters<typeof latentsOf>[0][], { tensors, accuracy }: (typeof steered)[number]) {
	expect(maxAbsError(images.flatMap(latentsOf), golden.floats(tensors.latents!))).toBeLessThanOrEqual(accuracy!.atol);
}

const people = (recorded: (typeof steered)[number]) => recorded.identities.map((i: number) => identities[i]);

describe('ends with the latents of upstream', () => {
	test.each(steered)('$name', async (recorded) => {
		expectLatents(await model.generate(people(recorded), steeredOptionsOf(recorded)), recorded);
	});

	test('of generations that nothing steers, by the same model', async () => {
		const recorded = plain.find(({ name }) => name === 'dpm5_g3_s0_n3')!;
		expectLatents(await model.generate(people(recorded), optionsOf(recorded)), recorded);
	});

	test('of images that each have a noise of their own', async () => {
		const recorded = steered.find(({ kind }) => kind === 'ref')!;
		const { reference, ...options } = steeredOptionsOf(recorded);
		const { noise } = reference!;
		const other = noise!.map((value) => -value);
		const both = { ...options, count: 2, seed: [recorded.seed, recorded.seed], noise: 'per-image' } as const;
		const images = await model.generate(people(recorded), {
			...{ ...both, reference: { ...reference!, noise: Float32Array.of(...other, ...noise!) } },
		});
		expectLatents([images[1]!], recorded);
		expect(maxAbsError(latentsOf(images[0]), latentsOf(images[1]!))).toBeGreaterThan(0.01);
	});

	test('of all at once, whose rows share batches', async () => {
		const recorded = [...steered, plain.find(({ name }) => name === 'dpm5_g3_s0_n3')!];
		const calls = recorded.map((one) =>
			model.generate(people(one), one.kind === 'plain' ? optionsOf(one) : steeredOptionsOf(one)),
		);
		for (const [i, images] of (await Promise.all(calls)).entries()) expectLatents(images, recorded[i]!);
	});
});
