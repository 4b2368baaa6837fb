// What previews show: of the embedded bundle, and of a model with the tiny decoder.
import { cp, rm } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Arc2Face, type GeneratedImage, type GenerateOptions, type Preview, type Who } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

const photo = new URL('../fixtures/faces/person-00-0.jpg', import.meta.url);

/** The image at the size of its preview: each pixel the mean of the square that it stands for. */
function shrunk({ data, width }: GeneratedImage, preview: Preview): Uint8Array {
	const side = width / preview.width;
	const small = new Float64Array(preview.data.length);
	data.forEach((level, i) => {
		const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
		const at = Math.floor(y / side) * preview.width + Math.floor(x / side);
		small[3 * at + (i % 3)]! += level / side ** 2;
	});
	return Uint8Array.from(small, Math.round);
}

/** In levels, on average. */
function distance(a: Uint8Array, b: Uint8Array): number {
	expect(a).toHaveLength(b.length);
	return a.reduce((sum, level, i) => sum + Math.abs(level - b[i]!), 0) / a.length;
}

async function paint(model: Arc2Face, identity: Who, how: GenerateOptions) {
	const previews: Preview[] = [];
	const onPreview = (preview: Preview) => previews.push(preview);
	const [image] = await model.generate(identity, { seed: 3, ...how, onPreview });
	return { image, previews };
}

describe('of the embedded bundle', () => {
	const folder = temporaryFolder();
	let model: Arc2Face;
	beforeAll(async () => {
		model = await Arc2Face.load({ bundle: 'tiny', device: 'cpu', edit: true });
	});
	afterAll(() => model.dispose());

	test.each(['dpm++2m', 'euler-a', 'unipc', 'lcm'] as const)('come ever nearer to the image: %s', async (sampler) => {
		const { image, previews } = await paint(model, await model.encode(photo), { steps: 10, sampler });
		expect(previews.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
		const distances = previews.map((preview) => distance(preview.data, shrunk(image, preview)));
		// Fifteen numbers are not a decoder. How far away another image is, is told below.
		expect(distances.at(-1), distances.join(', ')).toBeLessThan(18);
		expect(distances[0], distances.join(', ')).toBeGreaterThan(1.5 * distances.at(-1)!);
		const last = previews.at(-1)!;
		const { image: another } = await paint(model, await model.encode(photo), { steps: 10, sampler, seed: 4 });
		expect(distance(last.data, shrunk(another, last))).toBeGreaterThan(2 * distances.at(-1)!);
	});

	test('keep what a mask keeps, from the first step on', async () => {
		const { width, height } = model.info.imageSize;
		const mask = {
			data: new Uint8Array(width * height).fill(255, 0, (width * height) / 2),
			...{ width, height, channels: 1 as const },
		};
		const { image, previews } = await paint(model, await model.encode(photo), { steps: 4, image: photo, mask });
		const [first] = previews;
		const half = first!.data.length / 2 + 3 * first!.width; // below the border, which the shrunk image blends
		const final = shrunk(image, first!);
		expect(distance(first!.data.subarray(half), final.subarray(half))).toBeLessThan(18);
	});

	test('can be saved', async () => {
		const { previews } = await paint(model, await model.encode(photo), { steps: 2, preview: { every: 2 } });
		expect(previews).toHaveLength(1);
		const { data, width, height } = previews[0]!;
		const file = folder.path('preview.png');
		await sharp(data, { raw: previews[0]! }).png().toFile(file);
		expect(await sharp(file).metadata()).toMatchObject({ width, height, channels: 3 });
	});

	test('are refused where nothing tells how latents look, and what to do is said', async () => {
		const own = folder.path('without colours');
		await cp(`${packageRoot}/models/tiny`, own, { recursive: true, filter: (file) => !/recipe|evaluation/.test(file) });
		await rm(`${own}/latent_rgb.json`);
		await using other = await Arc2Face.load({ bundle: own, device: 'cpu' });
		await expect(paint(other, await other.encode(photo), { steps: 2 })).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			problem: expect.stringContaining('latent_rgb.json'),
			remedy: expect.stringContaining("`decoder: 'taesd'`"),
		});
	});
});

test('of a model with the tiny decoder are images, and the last one is the image', async () => {
	const own = temporaryFolder().path('bundle');
	await cp(`${goldenFolder}tiny-sd`, own, { recursive: true });
	await cp(`${goldenFolder}taesd/tiny-taesd`, `${own}/taesd`, { recursive: true });
	await using model = await Arc2Face.load({ bundle: own, device: 'cpu', decoder: 'taesd' });
	const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
	const { image, previews } = await paint(model, identity, { steps: 4 });
	expect(previews.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
	for (const { width, height } of previews) expect({ width, height }).toEqual({ ...model.info.imageSize });
	// The last step's sum is that of the preview, in another order: a level may be rounded the other way.
	expect(distance(previews[3]!.data, image.data)).toBeLessThan(0.05);
	expect(distance(previews[0]!.data, image.data)).toBeGreaterThan(1);
});
