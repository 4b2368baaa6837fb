// Image-to-image and inpainting, against diffusers' pipelines.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Arc2Face, type RawPhoto } from '../../lib/index.ts';
import { exactly, type GoldenCase, maxAbsError } from '../golden.ts';
import { imageToImage, inpainting } from '../recorded-edits.ts';
import { bundle, lcmLora } from '../recorded-pipeline.ts';

let model: Arc2Face;
let consistent: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu', edit: true });
	consistent = await Arc2Face.load({ bundle, device: 'cpu', edit: true, loras: [lcmLora] });
});
afterAll(() => Promise.all([model.dispose(), consistent.dispose()]));
const modelFor = ({ lora }: GoldenCase) => (lora ? consistent : model);

/** float32 and float64 runs of the same network differ by 1 level in up to 2e-4 of the values (test/golden/README.md). */
function expectSameImages(got: readonly { data: Uint8Array }[], expected: Uint8Array) {
	const values = Buffer.concat(got.map(({ data }) => data));
	expect(values.length).toBe(expected.length);
	const levels = values.map((value, i) => Math.abs(value - expected[i]!));
	expect(Math.max(...levels)).toBeLessThanOrEqual(1);
	expect(levels.filter((level) => level > 0).length / values.length).toBeLessThan(0.001);
}

describe.each([
	['image-to-image', imageToImage],
	['inpainting', inpainting],
])('%s paints what diffusers painted', (_, { cases, golden, peopleOf, optionsOf }) => {
	test.each(cases)('$name', async (recorded) => {
		let evaluations = 0;
		const images = await modelFor(recorded).generate(peopleOf(recorded), {
			...optionsOf(recorded),
			onStep: ({ step, steps }) => {
				evaluations = step;
				expect(steps).toBe(recorded.calls);
			},
		});
		expect(evaluations).toBe(recorded.calls);
		for (const { width, height } of images) expect([width, height]).toEqual([recorded.width, recorded.height]);
		expectSameImages(images, golden.tensor(recorded.tensors.image!).data as Uint8Array);
	});
});

describe('an overlay', () => {
	const { golden, peopleOf, optionsOf, picture } = inpainting;
	const cases = exactly(
		2,
		inpainting.cases.filter(({ tensors }) => tensors.overlay !== undefined),
		'cases with an overlay',
	);

	test.each(cases)("is upstream's: $name", async (recorded) => {
		const [image] = await model.generate(peopleOf(recorded), { ...optionsOf(recorded), overlay: true });
		const expected = golden.tensor(recorded.tensors.overlay!).data as Uint8Array;
		// Pillow composes in several roundings to 8 bits.
		expect(maxAbsError(image.data, expected)).toBeLessThanOrEqual(2);
	});

	test('changes nothing where the mask is black', async () => {
		const recorded = golden.case('dpm_large_all');
		const [photo, mask] = [picture(recorded.inputs.image[0]), picture(recorded.inputs.mask)];
		const kept = (data: RawPhoto['data']) => data.filter((_, i) => mask.data[Math.floor(i / 3)] === 0);
		const [image] = await model.generate(peopleOf(recorded), { ...optionsOf(recorded), overlay: true });
		expect(kept(photo.data).length).toBeGreaterThan(10_000);
		expect(maxAbsError(kept(image.data), kept(photo.data))).toBe(0);
		const [without] = await model.generate(peopleOf(recorded), optionsOf(recorded));
		expect(maxAbsError(kept(without.data), kept(photo.data)), 'as upstream, which lays nothing over').toBeGreaterThan(
			0,
		);
	});
});
