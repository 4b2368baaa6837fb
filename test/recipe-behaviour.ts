// Recipes of images that are steered or begin as photos, whatever runs the model: a part of e2e/behaviour-steered.test.ts.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { Arc2Face, type GeneratedImage, type GenerateOptions, type Recipe } from '../lib/index.ts';
import type { Subject } from './generate-behaviour.ts';
import { everything, identity, keypoints, mask, numbers, otherIdentity, photo, reference } from './mixtures.ts';

/** As a file has it. */
const recipeOf = async (image: GeneratedImage): Promise<Recipe> => JSON.parse(JSON.stringify(await image.recipe()));
const codesOf = ({ warnings }: GeneratedImage) => warnings.map(({ code }) => code);

type Photos = Pick<GenerateOptions, 'image' | 'mask' | 'control' | 'reference'>;

/** What a recipe does not have, to be passed beside it. */
function photosOf({ image, mask, control, reference }: GenerateOptions): Photos {
	return {
		...{ image, mask },
		...(control?.image !== undefined && { control: { image: control.image } }),
		...(reference && { reference: { photo: reference.photo } }),
	};
}

/** The photo with a pixel of another colour. */
const otherPhoto = { ...photo, data: photo.data.with(0, photo.data[0]! ^ 1) };
const otherMask = { ...mask, data: mask.data.map((level) => 255 - level) };
const size = { width: 128, height: 128 };
const noise = Float32Array.from({ length: 4 * 16 * 16 }, (_, i) => Math.sin(i * i));
const landmarks = Array.from({ length: 68 }, (_, i) => [60 + 40 * Math.cos(i), 90 + 30 * Math.sin(i)] as const);
const noises = Float32Array.from([...noise, ...noise.toReversed()]);

export function remembersInputs({ runtime, options, model, difference }: Subject): void {
	const { tolerance, provider } = runtime;

	test.each<[string, GenerateOptions]>([
		['are painted without any', {}],
		['begin as a photo', { image: photo, ...size }],
		['begin as a photo, with a list of seeds', { image: photo, ...size, seed: [3, 4] }],
		['begin as one photo, with one generator for all', { image: photo, ...size, noise: 'batch' }],
		['are inpainted', { image: photo, mask, strength: 0.7, sampler: 'euler-a' }],
		['are inpainted, under an overlay', { image: photo, mask, overlay: true }],
		['are inpainted, with one generator for all', { image: photo, mask, noise: 'batch' }],
		['have a pose', { control: { pose: { yaw: 30, roll: 5 } } }],
		['have a control image', { control: { image: photo, scale: 0.6 } }],
		['have an expression by name', { expression: 'frown' }],
		['have an expression by numbers', { expression: numbers, expressionScale: 0.5 }],
		['have a reference, by five keypoints', { reference: { ...reference, scale: 1.2 } }],
		['have a reference, by landmarks', { reference: { photo, landmarks } }],
		['have a reference as it is, with noise', { reference: { photo, align: false, noise } }],
		['have a reference with noise for each', { reference: { photo, face: { keypoints }, noise: noises } }],
		['have everything', everything],
		['are read and have everything', { ...everything, check: { minSimilarity: 1, tries: 2 } }],
	])('of images that %s give them again, and the same recipe', async (_, how) => {
		const images = await model().generate([identity, otherIdentity], { seed: 7, steps: 3, ...how });
		expect(images).toHaveLength(2);
		for (const image of images) {
			const recipe = await recipeOf(image);
			const call = { recipe, ...photosOf(how) };
			const [again, ...others] = await model().generate(call);
			expect(others).toEqual([]);
			expect([again.seed, again.width, again.height]).toEqual([image.seed, image.width, image.height]);
			// Painted in a batch of another size.
			expect(difference([again], [image])).toBeLessThanOrEqual(tolerance);
			expect(codesOf(again)).toEqual([]);
			expect(await recipeOf(again)).toEqual(recipe);
			expect(difference(await model().generate(call), [again])).toBe(0);
		}
	});

	test('of images that are inpainted, each on its own photo, with a list of seeds, give them again', async () => {
		const [photos, masks] = [
			[photo, otherPhoto],
			[mask, otherMask],
		];
		const how = { image: photos, mask: masks, seed: [3, 4], steps: 3 };
		const images = await model().generate([identity, otherIdentity], how);
		expect(images).toHaveLength(2);
		for (const [i, image] of images.entries()) {
			const [again] = await model().generate({ recipe: await recipeOf(image), image: photos[i]!, mask: masks[i]! });
			expect(codesOf(again)).toEqual([]);
			expect(difference([again], [image])).toBeLessThanOrEqual(tolerance);
		}
	});

	test('of an image with everything that was painted alone give its bytes, also to a model that was loaded anew', async () => {
		for (const seed of [21, [21]]) {
			const [image] = await model().generate(identity, { ...everything, seed, steps: 4 });
			const call = { recipe: await recipeOf(image), ...photosOf(everything) };
			expect(difference(await model().generate(call), [image])).toBe(0);
			await using other = await Arc2Face.load(options);
			expect(difference(await other.generate(call), [image])).toBe(0);
		}
	});

	test('have no photos: without them they are refused before any work, by the name of the option', async () => {
		const how = { ...everything, control: { image: photo }, seed: 22, steps: 3 };
		const [image] = await model().generate(identity, how);
		const recipe = await recipeOf(image);
		expect(JSON.stringify(recipe).length).toBeLessThan(40_000);
		const photos = photosOf(how);
		for (const option of ['image', 'mask', 'control.image', 'reference.photo']) {
			const others = { ...photos, [option.split('.')[0]!]: undefined };
			let steps = 0;
			await expect(model().generate({ recipe, ...others, onStep: () => steps++ })).rejects.toMatchObject({
				...{ code: 'INVALID_ARGUMENT', details: { option } },
			});
			expect(steps).toBe(0);
		}
		expect(difference(await model().generate({ recipe, ...photos }), [image])).toBe(0);
	});

	test('know their photos, in whatever file: others are followed with a warning', async () => {
		const how = { ...everything, control: { image: photo }, seed: 23, steps: 3 };
		const [image] = await model().generate(identity, how);
		const recipe = await recipeOf(image);
		const png = await sharp(photo.data, { raw: photo }).png().toBuffer();
		const asFiles = { ...photosOf(how), image: png, control: { image: png }, reference: { photo: png } };
		const [same] = await model().generate({ recipe, ...asFiles });
		expect([codesOf(same), difference([same], [image])]).toEqual([[], 0]);

		const others: [Photos, string][] = [
			[{ image: otherPhoto }, 'another photo for image'],
			[{ mask: otherMask }, 'another photo for mask'],
			[{ control: { image: otherPhoto } }, 'another photo for control'],
			[{ reference: { photo: otherPhoto } }, 'another photo for reference'],
			[{ image: otherPhoto, mask: otherMask }, 'other photos for image, mask'],
		];
		for (const [other, told] of others) {
			const [again] = await model().generate({ recipe, ...photosOf(how), ...other });
			expect(again.warnings.map(({ code, message }) => [code, message])).toEqual([
				['OTHER_PHOTO', expect.stringContaining(`${told}.`)],
			]);
			const asked = { ...how, ...other, reference: { ...reference, ...other.reference } };
			expect(difference([again], await model().generate(identity, asked)), told).toBe(0);
		}
	});

	test('of plain images are for models with features and without, those of steered images only for those with', async () => {
		const { edit, control, expression, reference, ...plainly } = options;
		await using plain = await Arc2Face.load(plainly);
		const how = { seed: 24, steps: 3 };
		const [[image], [plainImage]] = [await model().generate(identity, how), await plain.generate(identity, how)];
		const [recipe, plainRecipe] = [await recipeOf(image), await recipeOf(plainImage)];
		expect(plainRecipe).toEqual(recipe);
		const again = [await model().generate({ recipe: plainRecipe }), await plain.generate({ recipe })];
		expect(again.map(([one]) => codesOf(one!))).toEqual([[], []]);
		expect(difference(again[0]!, [image])).toBe(0);
		expect(difference(again[1]!, [plainImage])).toBe(0);
		// The stand-in's engines compute with whatever inputs they have.
		if (provider !== 'stand-in') expect(difference(again[1]!, [image])).toBeLessThanOrEqual(Math.max(tolerance, 1));

		for (const [option, one] of Object.entries({
			image: { image: photo, ...size },
			control: { control: { pose: { yaw: 10 } } },
			expression: { expression: 'smile' },
			reference: { reference: { photo, face: keypoints } },
		})) {
			const [steered] = await model().generate(identity, { ...one, ...how });
			const call = { ...photosOf(one), recipe: await recipeOf(steered) };
			await expect(plain.generate(call)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { option } });
		}
	});

	describe('are not there', () => {
		const people = [identity, otherIdentity];
		const alone = { seed: 25, steps: 2 };
		const refused = { code: 'INVALID_ARGUMENT', details: { option: 'seed' } };

		test.each<[string, GenerateOptions]>([
			['a list of seeds and a mask', { image: photo, mask, seed: [1, 2] }],
			['two photos and one generator', { image: [photo, otherPhoto], ...size, noise: 'batch' }],
			['two photos with masks and one generator', { image: [photo, otherPhoto], mask, noise: 'batch' }],
		])('for images whose noise was drawn together: %s', async (_, how) => {
			for (const image of await model().generate(people, { ...alone, ...how })) {
				await expect(image.recipe()).rejects.toMatchObject(refused);
			}
		});
	});
}
