// Whole generations, against diffusers' pipelines.
import { cp } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bundle, openBundle } from '../../lib/bundle/bundle.ts';
import { Arc2Face } from '../../lib/index.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { type GoldenCase, goldenFolder } from '../golden.ts';
import { inside, onnxRuntimeLibrary } from '../inside.ts';
import { bundle, golden, identities, lcm, lcmLora, optionsOf, plain } from '../recorded-pipeline.ts';

/** The recorded images; for cases with latents only, our VAE decoder's (tested separately). */
async function imagesOf(recorded: GoldenCase): Promise<Uint8Array> {
	if (recorded.tensors.image !== undefined) return golden.tensor(recorded.tensors.image).data as Uint8Array;
	return decodedBy(await openBundle(bundle), 'vaeDecoder', recorded);
}

/** The recorded latents' images. */
function decodedBy(
	{ networks, files }: Bundle,
	name: 'vaeDecoder' | 'tinyDecoder',
	{ tensors, width, height }: GoldenCase,
): Uint8Array {
	const decoder = networks[name];
	if (decoder === undefined || !('graph' in decoder)) throw new Error(`the ${name} is a graph of ours`);
	const { graph, weights } = decoder;
	const { shape, data } = golden.tensor(tensors.latents!);
	const { image } = inside.runNetwork({
		library: onnxRuntimeLibrary,
		graph,
		weights: weights.map(({ deltas: _, ...weight }) => ({ ...weight, file: files[weight.file]! })),
		inputs: { latents: { shape, data: data as Float32Array } },
		outputs: { image: [shape[0]!, 3, height, width] },
	});
	const pixels = 3 * width * height;
	return Buffer.concat(
		Array.from({ length: shape[0]! }, (_, i) =>
			inside.quantise(image!.data.slice(pixels * i, pixels * (i + 1)), height, width),
		),
	);
}

/** float32 and float64 runs of the same network differ by 1 level in up to 2e-4 of the values (test/golden/README.md). */
function expectSameImages(got: readonly Uint8Array[], expected: Uint8Array) {
	const values = Buffer.concat(got);
	expect(values.length).toBe(expected.length);
	let changed = 0;
	let most = 0;
	values.forEach((value, i) => {
		const levels = Math.abs(value - expected[i]!);
		if (levels > 0) changed++;
		most = Math.max(most, levels);
	});
	expect(most).toBeLessThanOrEqual(1);
	expect(changed / values.length).toBeLessThan(0.001);
}

let model: Arc2Face;
let adapted: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu' });
	adapted = await Arc2Face.load({ bundle, device: 'cpu', loras: [lcmLora] });
});
afterAll(() => Promise.all([model.dispose(), adapted.dispose()]));

describe('generates what diffusers generated', () => {
	test.each([...plain, ...lcm])('$name', async (recorded) => {
		const people = recorded.identities.map((i: number) => identities[i]);
		const images = await (recorded.kind === 'lcm' ? adapted : model).generate(people, optionsOf(recorded));
		expect(images.map(({ index }) => index)).toEqual(images.map((_, i) => i));
		for (const { width, height } of images) expect([width, height]).toEqual([recorded.width, recorded.height]);
		expectSameImages(
			images.map(({ data }) => data),
			await imagesOf(recorded),
		);
	});

	test('from the same initial noise, given as latents', async () => {
		const recorded = golden.case('dpm5_g3_s0_n3');
		const latents = golden.floats(recorded.tensors.start!) as Float32Array;
		const images = await model.generate(identities[0]!, { steps: 5, count: 3, seed: 77, latents });
		expectSameImages(
			images.map(({ data }) => data),
			await imagesOf(recorded),
		);
	});

	test('from an identity of any length', async () => {
		const recorded = golden.case('dpm5_g1_s42');
		const long = identities[0]!.map((number) => 23.5 * number);
		const images = await model.generate(long, optionsOf(recorded));
		expectSameImages(
			images.map(({ data }) => data),
			await imagesOf(recorded),
		);
	});
});

describe('one seed gives one portrait', () => {
	const options = { steps: 4, seed: 11 } as const;

	test('alone or among others', async () => {
		const [, second] = await model.generate(identities[0]!, { ...options, count: 2 });
		const [alone] = await model.generate(identities[0]!, { ...options, seed: 12 });
		expect(second!.seed).toBe(12);
		// Another batch size may add in another order.
		expectSameImages([second!.data], alone!.data);
	});

	test('for each person in turn', async () => {
		const images = await model.generate([identities[0]!, identities[1]!], { ...options, count: 2 });
		expect(images.map(({ seed }) => seed)).toEqual([11, 12, 13, 14]);
		const [third] = await model.generate(identities[1]!, { ...options, seed: 13 });
		expectSameImages([images[2]!.data], third!.data);
	});

	test('again, when a random one is used as told', async () => {
		const [image] = await model.generate(identities[0]!, { steps: 2 });
		const [again] = await model.generate(identities[0]!, { steps: 2, seed: image!.seed });
		expect(Buffer.compare(image!.data, again!.data)).toBe(0);
	});
});

describe('with the tiny decoder', async () => {
	const own = temporaryFolder().path('bundle');
	await cp(bundle, own, { recursive: true });
	await cp(`${goldenFolder}taesd/tiny-taesd`, `${own}/taesd`, { recursive: true });
	const opened = await openBundle(own, { operators: 'standard', precision: 'fp32', decoder: 'taesd' });
	// Of the others there are no latents.
	const withLatents = plain.filter(({ tensors }) => tensors.latents !== undefined);
	expect(withLatents.length).toBeGreaterThan(3);

	test.each(withLatents)('it paints the latents that diffusers has: $name', async (recorded) => {
		await using model = await Arc2Face.load({ bundle: own, device: 'cpu', decoder: 'taesd' });
		expect(model.info.decoder).toBe('taesd');
		const people = recorded.identities.map((i: number) => identities[i]);
		const images = await model.generate(people, optionsOf(recorded));
		const pixels = images.map(({ data }) => data);
		expectSameImages(pixels, decodedBy(opened, 'tinyDecoder', recorded));
	});
});
