// Recipes as they come from outside: which are taken, and what is said of the others.
import { describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import type { GenerateOptions } from '../../lib/options/generate.ts';
import { checkRecipe, type Recipe } from '../../lib/options/recipe.ts';
import { requireOne, withRecipe } from '../../lib/options/with-recipe.ts';
import { readArguments } from '../../lib/painting/arguments.ts';

const digest = 'ab'.repeat(32);
const embedding = Array.from({ length: 512 }, (_, i) => Math.fround(Math.sin(i) / 16));
const recipe: Recipe = {
	format: 1,
	package: '0.1.0',
	model: {
		...{ bundle: 'tiny', weights: { unet: [digest], vaeDecoder: [digest, digest] }, settings: digest, variant: {} },
		...{ device: 'cpu', provider: 'onnxruntime', version: '1.30.0', precision: 'fp32' },
	},
	identity: { embedding },
	options: {
		...{ sampler: 'dpm++2m', steps: 25, guidanceScale: 3, seed: 42, noise: 'per-image', width: 96, height: 96 },
	},
};
const batch: Recipe = { ...recipe, options: { ...recipe.options, noise: 'batch' }, batch: { images: 4, place: 3 } };
const optionsOf = (options: object) => withRecipe(options as GenerateOptions).options;

/** The recipe with what is at a path replaced; undefined: left out. */
function changed(path: string, value: unknown, from: Recipe = recipe): Recipe {
	const copy = structuredClone(from) as unknown as Record<string, unknown>;
	const names = path.split('.');
	const last = names.pop()!;
	const parent = names.reduce((part, name) => part[name] as Record<string, unknown>, copy);
	if (value === undefined) delete parent[last];
	else parent[last] = value;
	return copy as unknown as Recipe;
}

describe('is taken', () => {
	test.each<[string, Recipe]>([
		['whole', recipe],
		['of a batch', batch],
		['without an identity', changed('identity', undefined)],
		['with further options', changed('options.guidanceInterval', [0.28, 5.42])],
		['with latents', changed('latents', Buffer.from(Float32Array.of(1, -2).buffer).toString('base64'))],
		['of another variant', changed('model.variant', { loras: [{ sha256: digest, scale: 1 }] })],
		['with a word from elsewhere', { ...recipe, note: 'mine' } as Recipe],
	])('%s', (_, one) => {
		expect(checkRecipe(JSON.parse(JSON.stringify(one)))).toEqual(one);
	});
});

describe('is refused, naming the part', () => {
	const cases: [path: string, value: unknown, from?: Recipe][] = [
		['format', 2],
		['format', undefined],
		['package', ''],
		['model', 'tiny'],
		['model.bundle', 7],
		['model.weights', [digest]],
		['model.weights', { unet: digest }],
		['model.weights', { unet: ['AB'] }],
		['model.settings', digest.slice(1)],
		['model.variant', undefined],
		['model.device', null],
		['model.provider', undefined],
		['model.version', 1.3],
		['model.precision', {}],
		['identity', 'anna'],
		['options', undefined],
		['options.sampler', 'toString'],
		['options.steps', 0],
		['options.steps', '25'],
		['options.guidanceScale', undefined],
		['options.guidanceInterval', [5, 1]],
		['options.eta', 2],
		['options.seed', [42]],
		['options.seed', -1],
		['options.noise', undefined],
		['options.width', 2 ** 20],
		['options.height', null],
		['batch.images', undefined, batch],
		['batch.images', 1e9, batch],
		['batch.place', 4, batch],
		['batch.place', -1, batch],
		['latents', 'AAA='],
		['latents', 'AAAAAA'],
		['latents', '*'],
		['latents', ''],
		['latents', [1, 2]],
	];

	test.each(cases)('%s: %j', (path, value, from) => {
		expect(() => checkRecipe(changed(path, value, from))).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(`for \`${path}\` of the recipe but received`),
				details: { option: 'recipe' },
			}),
		);
	});

	test('a batch without its place', () => {
		expect(() => checkRecipe(changed('batch', undefined, batch))).toThrow('`batch.images` of the recipe');
	});

	test('an option that is not known, as a later version may have it', () => {
		const later = changed('options.pose', [30, 0, 0]);
		expect(() => checkRecipe(later)).toThrow(
			expect.objectContaining({ message: expect.stringContaining('"pose"'), remedy: expect.stringContaining('later') }),
		);
	});

	test.each([null, 7, 'a', [recipe]])('%j', (value) => {
		expect(() => optionsOf({ recipe: value })).toThrow('for `recipe` but received');
	});

	test('anything else without its contents', () => {
		expect(() => checkRecipe(['secret'])).toThrow('received a list');
		expect(() => checkRecipe({ password: 'secret' })).toThrow('for `format` of the recipe but received undefined');
	});
});

describe('completes options', () => {
	test('that say nothing', () => {
		expect(optionsOf({ recipe })).toEqual(recipe.options);
		expect(optionsOf({ recipe, steps: undefined, seed: undefined })).toEqual(recipe.options);
	});

	test('and gives way to those that do', () => {
		const own = { steps: 4, seed: [1, 2], count: 2, onStep: () => {} };
		expect(optionsOf({ recipe, ...own })).toEqual({ ...recipe.options, ...own });
	});

	test('with the place in a batch, unless other noise is asked for', () => {
		expect(withRecipe({ recipe: batch }).batch).toEqual({ images: 4, place: 3 });
		expect(withRecipe({ recipe: batch, noise: undefined }).batch).toEqual({ images: 4, place: 3 });
		expect(() => requireOne(batch.batch, 2)).toThrow('one image with a recipe of noise "batch"');
		requireOne(batch.batch, 1);
		for (const noise of ['batch', 'per-image'] as const)
			expect(withRecipe({ recipe: batch, noise }).batch).toBeUndefined();
		expect(withRecipe({ recipe }).batch).toBeUndefined();
	});

	test('with the share of noise of DDIM, which other samplers have not', () => {
		const ddim = changed('options', { ...recipe.options, sampler: 'ddim', eta: 0.5 });
		expect(optionsOf({ recipe: ddim })).toMatchObject({ sampler: 'ddim', eta: 0.5 });
		expect(optionsOf({ recipe: ddim, sampler: 'euler' })).not.toHaveProperty('eta');
		expect(optionsOf({ recipe: ddim, eta: 0.1 })).toMatchObject({ eta: 0.1 });
	});

	test('with latents, to the last bit', () => {
		const latents = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i));
		const given = changed('latents', Buffer.from(latents.buffer).toString('base64'));
		expect(optionsOf({ recipe: given }).latents).toEqual(latents);
		expect(optionsOf({ recipe: given, latents: latents.subarray(1) }).latents).toEqual(latents.subarray(1));
	});

	test('and without a recipe nothing changes', () => {
		expect(optionsOf({ steps: 4 })).toEqual({ steps: 4 });
	});
});

describe('says who is painted', () => {
	const person = { embedding: embedding.map((x) => -x) };

	test('where nobody else does', () => {
		expect(readArguments({ recipe }, undefined).identities.map((one) => one.toJSON())).toEqual([
			{ embedding: [...readArguments(recipe.identity!, undefined).identities[0]!.embedding] },
		]);
		const { identities } = readArguments(person, { recipe });
		expect(identities[0]!.similarity(person)).toBeCloseTo(1, 5);
		expect(readArguments([person, embedding], { recipe }).identities).toHaveLength(2);
	});

	test('whatever happens to the identity afterwards', () => {
		const anna = Identity.from(embedding);
		const { identities } = readArguments([anna, anna], undefined);
		anna.embedding.fill(1);
		for (const one of identities) expect(one.embedding).toEqual(Identity.from(embedding).embedding);
	});

	test('or is missed', () => {
		const without = changed('identity', undefined);
		expect(() => readArguments({ recipe: without }, undefined)).toThrow('as the recipe has none, for `identity`');
		expect(() => readArguments({ recipe: changed('identity.embedding', [1]) }, undefined)).toThrow('512 numbers');
		expect(readArguments(person, { recipe: without }).identities).toHaveLength(1);
	});
});
