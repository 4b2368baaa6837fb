// Image-to-image and inpainting as programs use them, on the CPU.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	Arc2Face,
	type GeneratedImage,
	type GenerateOptions,
	Identity,
	type RawPhoto,
	type Who,
} from '../../lib/index.ts';
import { goldenFolder, maxAbsError } from '../golden.ts';

const bundle = `${goldenFolder}tiny-sd`;
const someone = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i * i)));
const other = Identity.from(Array.from({ length: 512 }, (_, i) => Math.cos(3 * i)));
const photoOf = (width: number, height: number, seed = 0): RawPhoto => ({
	data: Uint8Array.from({ length: 3 * width * height }, (_, i) => 127 + 100 * Math.sin((seed + i / 3) / 40)),
	...{ width, height, channels: 3 },
});
const photo = photoOf(72, 64);
/** White on the right half. */
const mask: RawPhoto = {
	data: Uint8Array.from({ length: 72 * 64 }, (_, i) => (i % 72 < 36 ? 0 : 255)),
	...{ width: 72, height: 64, channels: 1 },
};
const quick = { steps: 4, seed: 5, strength: 0.75, image: photo } satisfies GenerateOptions;

let model: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu', edit: true });
});
afterAll(() => model.dispose());
const bytesOf = (images: readonly GeneratedImage[]) => images.map(({ data }) => Buffer.from(data).toString('base64'));

test('a model tells that it can edit', async () => {
	expect(model.info.features).toEqual(['edit']);
});

describe('sizes', () => {
	const sizeOf = async (options: GenerateOptions) => {
		const [{ width, height }] = await model.generate(someone, { ...quick, ...options });
		return [width, height];
	};

	test("image-to-image paints at the photo's size, cut to whole latents, or at the one that is asked for", async () => {
		expect(await sizeOf({})).toEqual([72, 64]);
		expect(await sizeOf({ image: photoOf(71, 41) })).toEqual([64, 40]);
		expect(await sizeOf({ width: 48 })).toEqual([48, 64]);
		expect(await sizeOf({ image: photoOf(3, 5), width: 40, height: 32 })).toEqual([40, 32]);
	});

	test("inpainting paints at the model's, or at the one that is asked for", async () => {
		expect(await sizeOf({ mask })).toEqual([128, 128]);
		expect(await sizeOf({ mask, width: 64, height: 72 })).toEqual([64, 72]);
	});
});

describe('several images', () => {
	test.each(['photo', 'photo and mask'])('equal those that each seed paints alone: %s', async (what) => {
		const options = { ...quick, ...(what === 'photo' ? {} : { mask, width: 72, height: 64 }) };
		const together = await model.generate([someone, other], { ...options, count: 2, sampler: 'euler-a' });
		expect(together.map(({ seed }) => seed)).toEqual([5, 6, 7, 8]);
		for (const [i, { data, seed }] of together.entries()) {
			const [alone] = await model.generate(i < 2 ? someone : other, { ...options, seed, sampler: 'euler-a' });
			// Another batch size may add in another order.
			expect(maxAbsError(data, alone.data), `image ${i}`).toBeLessThanOrEqual(1);
		}
	});

	test('begin as the photos of their identities, each with its own mask', async () => {
		const [first, second] = [photo, photoOf(72, 64, 900)];
		const inverse = { ...mask, data: mask.data.map((level) => 255 - level) };
		const options = { ...quick, width: 72, height: 64, overlay: true, sampler: 'ddim' } as const;
		const together = await model.generate([someone, other], {
			...{ ...options, count: 2, seed: 1 },
			...{ image: [first, second], mask: [mask, inverse] },
		});
		const alone = [
			...(await model.generate(someone, { ...options, count: 2, seed: 1, image: first, mask })),
			...(await model.generate(other, { ...options, count: 2, seed: 3, image: second, mask: inverse })),
		];
		for (const [i, { data }] of together.entries()) {
			expect(maxAbsError(data, alone[i]!.data), `image ${i}`).toBeLessThanOrEqual(1);
		}
		expect(new Set(bytesOf(together)).size).toBe(4);
	});

	test('paint the same again from the same seed', async () => {
		const options = { ...quick, mask, width: 72, height: 64, count: 2, noise: 'batch' } as const;
		expect(bytesOf(await model.generate(someone, options))).toEqual(bytesOf(await model.generate(someone, options)));
	});
});

describe('calls at once', () => {
	test('plain, from a photo, and with a mask, paint what each paints alone', async () => {
		const size = { width: 72, height: 64 };
		const calls: GenerateOptions[] = [
			{ ...size, steps: 5, seed: 1, sampler: 'euler-a' },
			{ ...quick, seed: 2, count: 2 },
			{ ...quick, seed: 3, mask, ...size, sampler: 'unipc', guidanceScale: 1 },
			{ ...quick, seed: 4, mask, ...size, strength: 1, sampler: 'dpm++2m-sde', overlay: true },
			{ ...quick, seed: 5, sampler: 'pndm' },
			{ ...quick, seed: 6, mask, ...size, sampler: 'heun' },
		];
		const alone = [];
		for (const options of calls) alone.push(await model.generate(someone, options));
		const together = await Promise.all(calls.map((options) => model.generate(someone, options)));
		for (const [i, images] of together.entries()) {
			for (const [j, { data }] of images.entries()) {
				// Another batch size may add in another order.
				expect(maxAbsError(data, alone[i]![j]!.data), `call ${i}`).toBeLessThanOrEqual(1);
			}
		}
	});
});

describe('progress and stopping', () => {
	test('the steps are those that are run', async () => {
		const steps: string[] = [];
		const onStep = ({ step, steps: of }: { step: number; steps: number }) => steps.push(`${step}/${of}`);
		await model.generate(someone, { ...quick, steps: 10, strength: 0.35, onStep });
		expect(steps).toEqual(['1/3', '2/3', '3/3']);
	});

	test('a call stops when its signal aborts, before and while it reads photos and paints', async () => {
		const reason = new Error('enough');
		await expect(model.generate(someone, { ...quick, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		for (const wait of [0, 1, 30]) {
			const abort = new AbortController();
			const call = model.generate(someone, { ...quick, steps: 1000, mask, signal: abort.signal });
			setTimeout(() => abort.abort(reason), wait);
			await expect(call).rejects.toBe(reason);
		}
		expect(await model.generate(someone, quick)).toHaveLength(1);
	});

	test('a model may be disposed meanwhile', async () => {
		const own = await Arc2Face.load({ bundle, device: 'cpu', edit: true });
		const calls = [1, 2].map((seed) => own.generate(someone, { ...quick, seed, steps: 1000, mask }));
		const outcomes = Promise.allSettled(calls);
		await own.dispose();
		for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'DISPOSED' } });
		await expect(own.generate(someone, quick)).rejects.toMatchObject({ code: 'DISPOSED' });
	});
});

describe('is refused', () => {
	const refusal = async (options: object, people: Who = someone, on = model) =>
		await on.generate(people, { ...quick, ...options } as GenerateOptions).then(
			() => 'painted',
			({ code, message, details }: { code: string; message: string; details: object }) => ({ code, message, details }),
		);

	test.each(['image', 'mask'])('by a model that was loaded without it: %s', async (option) => {
		await using plain = await Arc2Face.load({ bundle, device: 'cpu' });
		expect(plain.info.features).toEqual([]);
		expect(await refusal(option === 'mask' ? { mask } : {}, someone, plain)).toEqual({
			code: 'INVALID_ARGUMENT',
			message: 'Expected a model that was loaded with `edit` for `image`. Load the model with `edit: true`.',
			details: { option: 'image' },
		});
		expect(await plain.generate(someone, { steps: 1 })).toHaveLength(1);
	});

	test.each<[string, object, string, RegExp]>([
		['a strength that runs no step', { strength: 0.2 }, 'strength', /at least 0.25 with 4 steps .* received 0.2/],
		['more photos than identities', { image: [photo, photo] }, 'image', /1, one for each identity .* received 2/],
		['a list of masks for one photo', { mask: [mask] }, 'mask', /received 1 for one photo/],
		['a photo larger than any image', { image: photoOf(2100, 8) }, 'image', /Pass `width` and `height`/],
		['a photo smaller than a latent', { image: photoOf(100, 7) }, 'image', /100 × 7/],
		['a width of parts of latents', { width: 60 }, 'width', /a multiple of 8/],
		['latents as well', { latents: new Float32Array(4 * 9 * 8) }, 'latents', /no image/],
		['more steps than its sampler has', { sampler: 'lcm', steps: 60 }, 'steps', /1 to 50/],
	])('%s', async (_, options, option, message) => {
		expect(await refusal(options)).toEqual({
			...{ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) },
			details: expect.objectContaining({ option }),
		});
	});
});
