// Image-to-image and inpainting: what is made of a call's options and photos before any work of networks.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type AskedEdit, askedEdit, editPlan, geometryOf, readEdit } from '../../lib/editing/edit.ts';
import type { RawPhoto } from '../../lib/index.ts';
import { firstStep, photosOf } from '../../lib/options/edit.ts';
import { makePlan } from '../../lib/samplers/samplers.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { maxAbsError } from '../golden.ts';
import { imageToImage, inpainting } from '../recorded-edits.ts';
import { schedule } from '../recorded-plans.ts';

const folder = temporaryFolder();
const invalid = (option: string, message: string | RegExp) =>
	expect.objectContaining({
		code: 'INVALID_ARGUMENT',
		message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
		details: { option },
	});
const plain = (width: number, height: number, level = 9): RawPhoto => ({
	...{ data: new Uint8Array(3 * width * height).fill(level), width, height },
	channels: 3,
});
const photo = plain(20, 10);

describe('the photos of a call', () => {
	test('are one for all identities, or one for each, and so are masks of a list', () => {
		expect(photosOf({ image: photo }, 3)).toEqual({ images: [photo], masks: [] });
		expect(photosOf({ image: [photo, photo] }, 2).images).toHaveLength(2);
		expect(photosOf({ image: [photo, photo], mask: photo }, 2).masks).toHaveLength(1);
		expect(photosOf({ image: [photo, photo], mask: [photo, photo] }, 2).masks).toHaveLength(2);
		expect(photosOf({ image: [photo], mask: [photo] }, 1).masks).toHaveLength(1);
	});

	test.each([
		[{ image: [photo, photo] }, 3, 'image', 'a photo, or 3, one for each identity for `image` but received 2'],
		[{ image: [photo] }, 2, 'image', 'received 1'],
		[
			{ image: photo, mask: [photo] },
			1,
			'mask',
			'one for each photo of a list for `mask` but received 1 for one photo',
		],
		[{ image: [photo, photo], mask: [photo] }, 2, 'mask', 'received 1 for 2 photos'],
	])('of other numbers are refused: %#', (options, identities, option, message) => {
		expect(() => photosOf(options, identities)).toThrow(invalid(option, message));
	});

	test('are read upright and without alpha, masks over black', async () => {
		const turned = await sharp({ create: { width: 20, height: 10, channels: 3, background: '#102030' } })
			.jpeg({ quality: 100 })
			.withMetadata({ orientation: 6 })
			.toBuffer();
		const clear = { data: new Uint8Array(4 * 6).fill(200), width: 3, height: 2, channels: 4 } as const;
		clear.data.forEach((_, i) => {
			if (i % 4 === 3) clear.data[i] = 0;
		});
		const read = await readEdit(askedEdit({ image: turned, mask: clear }, 1)!);
		expect(read.photos).toMatchObject([{ width: 10, height: 20 }]);
		expect(read.masks).toMatchObject([{ width: 3, height: 2 }]);
		expect(read.masks[0]!.data.every((level) => level === 0)).toBe(true);
		const [opened] = (await readEdit(askedEdit({ image: clear }, 1)!)).photos;
		expect(opened.data.every((level) => level === 255)).toBe(true);
	});

	test.each([
		[{ image: 7 }, 'INVALID_ARGUMENT', /for `image` but received 7/],
		[{ image: null }, 'INVALID_ARGUMENT', /for `image` but received null/],
		[{ image: [photo, {}] }, 'INVALID_ARGUMENT', /for `image`/],
		[{ image: 'https://example.org/a.png' }, 'INVALID_IMAGE', /an address/],
		[{ image: 'missing.png' }, 'INVALID_IMAGE', /missing\.png/],
		[{ image: { ...photo, width: 21 } }, 'INVALID_IMAGE', /630 bytes/],
		[{ image: new Uint8Array(100) }, 'INVALID_IMAGE', /100 bytes/],
		[{ image: photo, mask: [] as never }, 'INVALID_ARGUMENT', /`mask`/],
		[{ image: photo, mask: true }, 'INVALID_ARGUMENT', /for `mask` but received true/],
		[{ image: photo, mask: 'none.png' }, 'INVALID_IMAGE', /none\.png/],
		[{ image: photo, mask: Promise.resolve(photo) }, 'INVALID_ARGUMENT', /for `mask`.*Await it first/],
	])('that are none are refused by the name of their option: %#', async (options, code, message) => {
		const { image } = options;
		const identities = Array.isArray(image) ? image.length : 1;
		await expect((async () => await readEdit(askedEdit(options as never, identities)!))()).rejects.toMatchObject({
			code,
			message: expect.stringMatching(message),
		});
	});

	test('may be files', async () => {
		const path = folder.path('photo.png');
		await sharp({ create: { width: 8, height: 8, channels: 3, background: 'white' } })
			.png()
			.toFile(path);
		expect((await readEdit(askedEdit({ image: path, mask: path }, 1)!)).masks[0]!.data[0]).toBe(255);
	});
});

describe('the strength', () => {
	test('is that of diffusers if none is given', () => {
		expect(askedEdit({}, 1)).toBeUndefined();
		expect(askedEdit({ image: photo }, 1)).toMatchObject({ strength: 0.8, overlay: false });
		expect(askedEdit({ image: photo, mask: photo }, 1)).toMatchObject({ strength: 1, overlay: false });
		expect(askedEdit({ image: photo, mask: photo, strength: 0.3 }, 1)).toMatchObject({ strength: 0.3 });
	});

	test('runs as many steps as the product has whole ones, cut off as diffusers does', () => {
		expect(firstStep(10, 0.3)).toBe(7);
		expect(firstStep(100, 0.29)).toBe(72); // 28.999…
		expect(firstStep(25, 1)).toBe(0);
		expect(firstStep(1, 1)).toBe(0);
	});

	test('that runs no step is refused with the least that runs one', () => {
		expect(() => firstStep(10, 0.05)).toThrow(
			invalid('strength', 'Expected at least 0.1 with 10 steps for `strength` but received 0.05'),
		);
		expect(() => firstStep(1, 0.9)).toThrow(invalid('strength', 'at least 1 with 1 step for'));
		for (let steps = 1; steps <= 1000; steps++) {
			const least = /at least ([\d.]+) with/.exec(messageOf(() => firstStep(steps, 0)))![1];
			expect(firstStep(steps, Number(least)), `${steps} steps`).toBe(steps - 1);
		}
	});
});

function messageOf(work: () => unknown): string {
	try {
		work();
	} catch (error) {
		return (error as Error).message;
	}
	throw new Error('nothing was thrown');
}

const edit = (photos: readonly RawPhoto[], masks: readonly RawPhoto[] = [], strength = 0.5) => {
	const [first, ...rest] = photos as readonly [RawPhoto, ...RawPhoto[]];
	return { photos: [first, ...rest], masks, strength, overlay: false, drawsOnce: false } satisfies AskedEdit;
};

describe('the size of the images', () => {
	const model = { width: 512, height: 384, pixelsPerLatent: 8 };

	test('is the photo\u2019s, cut to whole latents, or with a mask the model\u2019s', () => {
		expect(geometryOf(edit([plain(100, 77)]), model, {})).toEqual({ width: 96, height: 72, pixelsPerLatent: 8 });
		expect(geometryOf(edit([plain(64, 8), plain(96, 96)]), model, {})).toMatchObject({ width: 64, height: 8 });
		expect(geometryOf(edit([plain(100, 77)], [photo]), model, {})).toBe(model);
	});

	test.each([
		[plain(7, 100), {}],
		[plain(100, 7), { width: 64 }],
		[plain(2056, 8), { height: 64 }],
		[plain(2056, 2056), {}],
	])('that no image has is refused, unless another is asked for: %#', (large, asked) => {
		expect(() => geometryOf(edit([large]), model, asked)).toThrow(
			invalid('image', /Expected a photo of 8 to 2048 pixels a side for `image` but .*Pass `width` and `height`/),
		);
		expect(geometryOf(edit([large]), model, { width: 64, height: 64 })).toBeDefined();
	});
});

describe('the plan', () => {
	test('of a photo begins noised, at the step that the strength says', () => {
		const whole = makePlan('dpm++2m', 10, schedule());
		const plan = editPlan(edit([photo]), 'dpm++2m', 10, schedule(), { eta: 0 });
		expect(plan.steps.map(({ timestep }) => timestep)).toEqual(whole.steps.slice(5).map(({ timestep }) => timestep));
		expect(plan.start).toEqual(whole.steps[5]!.noised);
		expect(plan.start.latents).toBeGreaterThan(0);
	});

	test('begins with noise alone only at full strength and with a mask', () => {
		for (const sampler of ['dpm++2m', 'euler'] as const) {
			const plans = [edit([photo], [photo], 1), edit([photo], [photo], 0.9), edit([photo], [], 1)].map((one) =>
				editPlan(one, sampler, 10, schedule(), { eta: 0 }),
			);
			expect(plans.map(({ start }) => start.latents > 0)).toEqual([false, true, true]);
			expect(plans[0]).toEqual(makePlan(sampler, 10, schedule()));
		}
	});

	test.each([
		...imageToImage.cases.map((one) => [one.name, one, imageToImage] as const),
		...inpainting.cases.map((one) => [one.name, one, inpainting] as const),
	])('has the timesteps of diffusers, and its start: %s', (_, recorded, { golden, optionsOf }) => {
		const { sampler, steps, strength, mask } = optionsOf(recorded);
		const asked = edit([photo], mask === undefined ? [] : [photo], strength);
		const plan = editPlan(asked, sampler!, steps!, schedule(), { eta: 0 });
		// Euler's are fractional, and recorded in float32.
		expect(plan.steps.map(({ timestep }) => Math.fround(timestep))).toEqual(
			Array.from(golden.tensor(recorded.tensors.timesteps!).data, Number),
		);
		const latents = golden.floats(recorded.tensors.init_latents!);
		const noise = golden.floats(recorded.tensors.noise!);
		const start = latents.map((value, i) => plan.start.latents * value + plan.start.noise * noise[i]!);
		expect(maxAbsError(start, golden.floats(recorded.tensors.start!))).toBeLessThanOrEqual(
			recorded.accuracy_start.atol,
		);
	});
});

test('draws are once for each photo where diffusers has them so: with a mask and a list of seeds', () => {
	const drawsOnce = (options: Parameters<typeof askedEdit>[0]) => askedEdit(options, 2)!.drawsOnce;
	expect(drawsOnce({ image: photo, mask: photo, seed: [1, 2] })).toBe(true);
	expect(drawsOnce({ image: photo, mask: photo, seed: 1 })).toBe(false);
	expect(drawsOnce({ image: photo, seed: [1, 2] })).toBe(false);
});
