// What is shown of images on the way.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { latentColoursName, readLatentColours } from '../../lib/bundle/latent-colours.ts';
import { resolvePreview } from '../../lib/options/preview.ts';
import { type Plan, type Register, registers, type Sum } from '../../lib/samplers/plan.ts';
import { withPreviews } from '../../lib/samplers/preview.ts';
import { makePlan, samplerNames } from '../../lib/samplers/samplers.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const alphaBars = Float64Array.from({ length: 1000 }, (_, i) => {
	let product = 1;
	for (let j = 0; j <= i; j++) {
		const root = Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * j) / 999;
		product *= 1 - root ** 2;
	}
	return product;
});
const schedule = {
	...{ alphaBars, stepsOffset: 1, setAlphaToOne: false, clipSample: false, skipPrkSteps: true },
	...{ originalInferenceSteps: 50, timestepScaling: 10 },
} as const;

/** Runs a plan over one number, with a network that knows what will come of it; tells the preview of each step. */
function run(plan: Plan, clean: number, type: 'epsilon' | 'v_prediction') {
	let values = Object.fromEntries(registers.map((name) => [name, 0])) as Record<Register, number>;
	values.x = plan.start.noise * 0.7;
	const previews: (number | undefined)[] = [];
	for (const { inputScale, noised, assign } of plan.steps) {
		const sigma = noised.noise / noised.latents;
		const alpha = 1 / Math.hypot(sigma, 1);
		const noise = (inputScale * values.x - alpha * clean) / (alpha * sigma);
		values.eps = type === 'epsilon' ? noise : alpha * noise - alpha * sigma * clean;
		values.noise = 0.3;
		const sum = (terms: Sum) =>
			Object.entries(terms).reduce((total, [name, weight]) => total + weight * values[name as Register], 0);
		const assigned = Object.entries(assign).map(([name, terms]) => [name, sum(terms)]);
		values = { ...values, ...Object.fromEntries(assigned) };
		previews.push('preview' in assign ? values.preview : undefined);
	}
	return { previews, latents: values.x };
}

describe('a plan that is shown', () => {
	const cases = samplerNames.flatMap((sampler) =>
		(['epsilon', 'v_prediction'] as const).map((type) => ({ sampler, type })),
	);

	test.each(cases)('shows after every third evaluation what comes of it: $sampler, $type', ({ sampler, type }) => {
		const config = { ...schedule, predictionType: type };
		const plan = makePlan(sampler, 10, config);
		const { previews, latents } = run(withPreviews(plan, 3, type), 1.25, type);
		expect(previews).toHaveLength(plan.steps.length);
		for (const [i, preview] of previews.entries()) {
			if ((i + 1) % 3 === 0) expect(preview, `evaluation ${i + 1}`).toBeCloseTo(1.25, 6);
			else expect(preview).toBeUndefined();
		}
		expect(latents).toBe(run(plan, 1.25, type).latents);
	});
});

describe('the colours of latents', () => {
	const folder = temporaryFolder();
	const usual = { scalingFactor: 0.18215, pixelsPerLatent: 8 };
	const read = (bundle: string, vae: object | undefined) => readLatentColours(folder.path(bundle), vae as never);

	test("are Stable Diffusion's for its VAE, and not known of another one", async () => {
		const colours = await read('none', usual);
		expect(colours).toHaveLength(15);
		// The first channel's red, green and blue; the second one's red.
		expect(Array.from(colours!.subarray(0, 4), (number) => number.toFixed(4))).toEqual([
			...['0.3512', '0.2297', '0.3227', '0.3250'],
		]);
		expect(await read('none', { ...usual, scalingFactor: 0.68 })).toBeUndefined();
		expect(await read('none', { ...usual, pixelsPerLatent: 4 })).toBeUndefined();
		expect(await read('none', undefined)).toBeUndefined();
	});

	test('are those of the bundle, if it has the file', async () => {
		await mkdir(folder.path('own'), { recursive: true });
		const file = join(folder.path('own'), latentColoursName);
		await writeFile(file, JSON.stringify({ red: [1, 2, 3, 4, 5], green: [6, 7, 8, 9, 10], blue: [0, 0, 0, 0, -1] }));
		expect(Array.from((await read('own', usual))!)).toEqual([1, 6, 0, 2, 7, 0, 3, 8, 0, 4, 9, 0, 5, 10, -1]);
	});

	test.each([
		['red', { green: [1, 2, 3, 4, 5], blue: [1, 2, 3, 4, 5] }],
		['green', { red: [1, 2, 3, 4, 5], green: [1, 2, 3, 4], blue: [1, 2, 3, 4, 5] }],
		['blue', { red: [1, 2, 3, 4, 5], green: [1, 2, 3, 4, 5], blue: [1, 2, 3, 4, '5'] }],
	])('of which %s is wrong are refused by name', async (field, colours) => {
		await mkdir(folder.path(field), { recursive: true });
		await writeFile(join(folder.path(field), latentColoursName), JSON.stringify(colours));
		await expect(read(field, usual)).rejects.toMatchObject({ code: 'INVALID_BUNDLE', details: { field } });
	});
});

describe('the options of previews', () => {
	const onPreview = () => {};
	test('ask for one after each evaluation, or after some', () => {
		expect(resolvePreview({})).toBeUndefined();
		expect(resolvePreview({ onPreview })).toBe(1);
		expect(resolvePreview({ onPreview, preview: {} })).toBe(1);
		expect(resolvePreview({ onPreview, preview: { every: 7 } })).toBe(7);
	});

	test.each([
		[{ preview: { every: 2 } }, 'onPreview'],
		[{ onPreview, preview: { every: 0 } }, 'preview.every'],
		[{ onPreview, preview: { every: 1.5 } }, 'preview.every'],
		[{ onPreview, preview: { every: '2' } as never }, 'preview.every'],
		[{ onPreview, preview: { each: 2 } as never }, 'each'],
	])('that make no sense are refused by name: %o', (options, option) => {
		expect(() => resolvePreview(options)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option } }),
		);
	});
});
