// Recipes of images for which faces are looked for, of either decoder, and of photos that are inpainted again: on the CPU, with the
// face networks that come with the package.
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import {
	Arc2Face,
	type Face,
	featureNames,
	type GeneratedImage,
	type GenerateOptions,
	type Identity,
	type Recipe,
} from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { differenceOf, everything, identity, mask, photo } from '../mixtures.ts';

const folder = temporaryFolder();
const bundle = folder.path('bundle');
const tiny = join(packageRoot, 'models/tiny');
const faces = join(packageRoot, 'test/fixtures/faces');
const difference = (a: readonly GeneratedImage[], b: readonly GeneratedImage[]) => differenceOf(a, b, false);
const recipeOf = async (image: GeneratedImage): Promise<Recipe> => JSON.parse(JSON.stringify(await image.recipe()));
const codesOf = ({ warnings }: GeneratedImage) => warnings.map(({ code }) => code);
const options = {
	...{ bundle, device: 'cpu' as const },
	...Object.fromEntries(featureNames.map((feature) => [feature, true])),
};

let model: Arc2Face;
beforeAll(async () => {
	await writeRandomBundle(bundle, { size: 'tiny', seed: 11, adapters: true, taesd: true });
	await rm(join(bundle, 'antelopev2'), { recursive: true });
	await cp(join(tiny, 'antelopev2'), join(bundle, 'antelopev2'), { recursive: true });
	model = await Arc2Face.load(options);
});
afterAll(() => model.dispose());

describe('of an image with a reference whose face was found', () => {
	const one = join(faces, 'person-00-0.jpg');

	test('have its keypoints, so that it is not looked for again', async () => {
		const [image] = await model.generate(identity, { seed: 1, steps: 3, reference: { photo: one } });
		const recipe = await recipeOf(image);
		const [found] = await model.detect(one);
		expect(recipe.reference).toMatchObject({ keypoints: found!.keypoints, scale: 0.8 });

		const [again] = await model.generate({ recipe, reference: { photo: await readFile(one) } });
		expect([codesOf(again), difference([again], [image])]).toEqual([[], 0]);
		expect(await recipeOf(again)).toEqual(recipe);
		// To a model that can't look for faces, too.
		const faceless = folder.path('faceless');
		await cp(bundle, faceless, { recursive: true });
		await rm(join(faceless, 'antelopev2'), { recursive: true });
		await using blind = await Arc2Face.load({ ...options, bundle: faceless });
		expect(difference(await blind.generate({ recipe, reference: { photo: one } }), [image])).toBe(0);
	});

	test('know which of several it was', async () => {
		const { scenes }: { scenes: { file: string; faces: Face[] }[] } = JSON.parse(
			await readFile(join(faces, 'faces.json'), 'utf8'),
		);
		const several = join(faces, scenes.find((scene) => scene.faces.length > 1)!.file);
		const painted: GeneratedImage[] = [];
		for (const face of [0, 1]) {
			const [image] = await model.generate(identity, { seed: 2, steps: 3, reference: { photo: several, face } });
			const recipe = await recipeOf(image);
			const again = await model.generate({ recipe, reference: { photo: several } });
			expect(difference(again, [image]), `face ${face}`).toBe(0);
			const [other] = await model.generate({ recipe, reference: { photo: several, face: 1 - face } });
			expect(difference([other], [image]), `face ${face}`).toBeGreaterThan(0);
			expect((await recipeOf(other)).reference!.keypoints).not.toEqual(recipe.reference!.keypoints);
			painted.push(image);
		}
		expect(difference([painted[0]!], [painted[1]!])).toBeGreaterThan(0);
	});
});

test('of images of the tiny decoder are for models with it alone', async () => {
	await using quick = await Arc2Face.load({ ...options, decoder: 'taesd' });
	const photos = { image: photo, mask, reference: { photo } };
	for (const how of [everything, {}]) {
		const [image] = await quick.generate(identity, { ...how, seed: 3, steps: 3 });
		const recipe = await recipeOf(image);
		const call = { recipe, ...('image' in how && photos) };
		const [again] = await quick.generate(call);
		expect([codesOf(again), difference([again], [image])]).toEqual([[], 0]);
		expect(await recipeOf(again)).toEqual(recipe);
		const refused = { code: 'INVALID_ARGUMENT', details: { option: 'recipe' } };
		await expect(model.generate(call)).rejects.toMatchObject({
			...{ ...refused, message: expect.stringContaining('another tiny decoder') },
		});
		const [slow] = await model.generate(identity, { ...how, seed: 3, steps: 3 });
		await expect(quick.generate({ ...call, recipe: await recipeOf(slow) })).rejects.toMatchObject({
			...{ ...refused, message: expect.stringContaining('another VAE') },
		});
	}
});

describe('of photos that are painted over until they are alike', () => {
	const people = [0, 1];
	const photos = people.map((person) => join(faces, `person-0${person}-0.jpg`));
	/** Each black in another part of its border. */
	const masks = photos.map((_, i) => ({
		...mask,
		data: mask.data.map((_, at) => (at % 200 < 20 * (i + 1) ? 0 : 255)),
	}));
	let trained: Arc2Face;
	let identities: Identity[];
	beforeAll(async () => {
		trained = await Arc2Face.load({ bundle: tiny, device: 'cpu', edit: true });
		identities = await Promise.all(people.map((one) => trained.encode(join(faces, `person-0${one}-1.jpg`))));
	});
	afterAll(() => trained.dispose());

	/** Which of the images have recipes. */
	type Told = 'all' | 'painted again' | 'none';
	test.each<[string, GenerateOptions, Told]>([
		['a seed', { seed: 1 }, 'all'],
		['a list of seeds, whose first draws are shared', { seed: [1, 2, 3, 4] }, 'painted again'],
		['one generator', { seed: 1, noise: 'batch' }, 'none'],
	])('with %s: each again as its own photo, under its own mask', async (_, how, told) => {
		const edit = { image: photos, mask: masks, count: 2, steps: 4, width: 96, height: 96, ...how };
		const first = await trained.generate(identities, { ...edit, check: { minSimilarity: -1, tries: 1 } });
		const [, , next, most] = first.map(({ similarity }) => similarity!).sort((a, b) => a - b);
		// So that all but one are painted again.
		const minSimilarity = (next! + most!) / 2;
		const images = await trained.generate(identities, { ...edit, check: { minSimilarity, tries: 5 } });
		const painted = images.filter(({ seed }, i) => seed !== first[i]!.seed);
		const kept = images.filter(({ seed }, i) => seed === first[i]!.seed);
		for (const image of kept) expect(difference([image], [first[image.index]!])).toBeLessThanOrEqual(1);
		expect(kept.length >= 1 && painted.length >= 2, `${kept.length} kept, ${painted.length} painted again`).toBe(true);
		for (const image of painted) {
			expect(image.similarity!).toBeGreaterThan(first[image.index]!.similarity!);
			const { seed } = image;
			// With one generator, among the others again.
			const all = told === 'none' && (await trained.generate(identities, { ...edit, seed }));
			if (all) expect(difference([all[image.index]!], [image])).toBeLessThanOrEqual(1);
		}
		for (const image of { all: images, 'painted again': painted, none: [] }[told]) {
			const own = { image: photos[image.index >> 1]!, mask: masks[image.index >> 1]! };
			const [again] = await trained.generate({ recipe: await recipeOf(image), ...own });
			expect([codesOf(again), difference([again], [image]) <= 1]).toEqual([[], true]);
		}
		for (const image of { all: [], 'painted again': kept, none: images }[told]) {
			await expect(image.recipe()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'seed' } });
		}
	});
});
