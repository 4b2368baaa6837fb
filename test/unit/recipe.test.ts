// Recipes as they come from outside: which are taken, and what is said of the others.
import { describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { featureNames } from '../../lib/options/features.ts';
import { checkGenerateOptions, type GenerateOptions } from '../../lib/options/generate.ts';
import { usualPresets } from '../../lib/options/presets.ts';
import { checkRecipe, type Recipe } from '../../lib/options/recipe.ts';
import { requireOne, withRecipe } from '../../lib/options/with-recipe.ts';
import { readArguments } from '../../lib/painting/arguments.ts';
import type { Model } from '../../lib/painting/model.ts';
import { preparePainting } from '../../lib/painting/painting.ts';
import { cumulateAlphas, makeBetas } from '../../lib/samplers/schedule.ts';

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
/** With all that an image may be made from. */
const inputs: Recipe = {
	...recipe,
	edit: { image: digest, strength: 0.5, mask: digest, overlay: true },
	control: { pose: { yaw: 20, pitch: -5, roll: 0 }, scale: 0.8 },
	expression: { numbers: Array.from({ length: 55 }, (_, i) => Math.fround(Math.sin(i))), scale: 0.5 },
	reference: {
		...{ photo: digest, scale: 0.7, noise: Buffer.from(Float32Array.of(1, -2).buffer).toString('base64') },
		keypoints: Array.from({ length: 5 }, (_, i) => [i, 2 * i] as const),
	},
};
const batch: Recipe = { ...recipe, options: { ...recipe.options, noise: 'batch' }, batch: { images: 4, place: 3 } };
const optionsOf = (options: object) => withRecipe(options as GenerateOptions).options;

/** Loaded with everything. */
const anyModel: Model = {
	bundle: {
		schedule: {
			alphaBars: cumulateAlphas(makeBetas('scaled_linear', 0.00085, 0.012, 1000)),
			...{ stepsOffset: 1, setAlphaToOne: false, predictionType: 'epsilon', clipSample: false, skipPrkSteps: true },
			...{ originalInferenceSteps: 50, timestepScaling: 10 },
		},
		...{ folder: 'bundle', geometry: { width: 96, height: 96, pixelsPerLatent: 8 } },
		...{ expressions: new Map(), framing: 'ffhq', latentColours: undefined },
	},
	geometry: { width: 96, height: 96, pixelsPerLatent: 8 },
	...{ features: featureNames, decoder: 'vae', presets: usualPresets, asksConsent: false },
	marking: { provenance: undefined, cacheDir: undefined },
};

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
		['with inputs', inputs],
		['with a picture for the ControlNet', changed('control', { image: digest, scale: 1 }, inputs)],
		['with a reference as it is', changed('reference', { photo: digest, scale: 1, align: false }, inputs)],
		['with a photo without a mask', changed('edit', { image: digest, strength: 1 }, inputs)],
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
		['edit', null, inputs],
		['edit.image', undefined, inputs],
		['edit.image', 'photo.png', inputs],
		['edit.strength', undefined, inputs],
		['edit.strength', 1.5, inputs],
		['edit.mask', 1, inputs],
		['edit.overlay', 'yes', inputs],
		['edit', { image: digest, strength: 1, start: 3 }, inputs],
		['control', [], inputs],
		['control.pose', 30, inputs],
		['control.image', digest.slice(1), inputs],
		['control.scale', undefined, inputs],
		['control', { scale: 1, pose: {}, end: 0.5 }, inputs],
		['expression', 'smile', inputs],
		['expression.numbers', 'smile', inputs],
		['expression.scale', undefined, inputs],
		['expression', { numbers: [], scale: 1, name: 'smile' }, inputs],
		['reference', digest, inputs],
		['reference.photo', undefined, inputs],
		['reference.photo', 'photo.png', inputs],
		['reference.scale', undefined, inputs],
		['reference.align', true, inputs],
		['reference.align', 'yes', inputs],
		['reference.keypoints', 'left', inputs],
		['reference.landmarks', {}, inputs],
		['reference.noise', 'AAA=', inputs],
		['reference', { photo: digest, scale: 1, style: 2 }, inputs],
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

	/** What only breaks the rules of the option that it becomes. */
	test.each<[path: string, value: unknown, option: string]>([
		['edit.strength', 0.01, 'strength'],
		['edit.mask', undefined, 'overlay'],
		['control.scale', 3, 'control.scale'],
		['control.scale', '1', 'control.scale'],
		['control.pose', undefined, 'control'],
		['control.pose', { yaw: 'left' }, 'control.pose.yaw'],
		['control.pose', { tilt: 1 }, 'tilt'],
		['expression.numbers', [1, 2], 'expression'],
		['expression.numbers', Array(55).fill('a'), 'expression'],
		['expression.scale', -1, 'expressionScale'],
		['reference.scale', null, 'reference.scale'],
		['reference.keypoints', [[1, 2]], 'reference.face'],
		['reference.landmarks', [[1, 2]], 'reference.landmarks'],
		['reference.noise', Buffer.from(Float32Array.of(Number.NaN).buffer).toString('base64'), 'reference.noise'],
	])('as the option that it becomes: %s: %j', (path, value, option) => {
		const photos = { image: 'a.png', ...(path !== 'edit.mask' && { mask: 'm.png' }), reference: { photo: 'r.png' } };
		const damaged = changed(path, value, inputs);
		expect(() => preparePainting(readArguments({ ...photos, recipe: damaged }, undefined), anyModel)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option } }),
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

	const photos = { image: 'photo.png', mask: 'mask.png', reference: { photo: 'friend.png' } };
	const noise = Float32Array.of(1, -2);

	test('with inputs, beside the photos of the call', () => {
		expect(optionsOf({ recipe: inputs, ...photos })).toEqual({
			...recipe.options,
			...{ image: 'photo.png', mask: 'mask.png', strength: 0.5, overlay: true },
			control: { pose: { yaw: 20, pitch: -5, roll: 0 }, scale: 0.8 },
			...{ expression: inputs.expression!.numbers, expressionScale: 0.5 },
			reference: { photo: 'friend.png', scale: 0.7, noise, face: { keypoints: inputs.reference!.keypoints } },
		});
	});

	test('with inputs, except where the call has its own', () => {
		const own = (options: object) => optionsOf({ recipe: inputs, ...photos, ...options });
		expect(own({ strength: 1, overlay: false })).toMatchObject({ strength: 1, overlay: false });
		expect(own({ control: { scale: 2 } }).control).toEqual({ pose: inputs.control!.pose, scale: 2 });
		expect(own({ control: { pose: { yaw: 1 } } }).control).toEqual({ pose: { yaw: 1 }, scale: 0.8 });
		expect(own({ control: { image: 'map.png' } }).control).toEqual({ image: 'map.png', scale: 0.8 });
		expect(own({ expression: 'smile' })).toMatchObject({ expression: 'smile', expressionScale: 0.5 });
		expect(own({ expressionScale: 2 })).toMatchObject({
			...{ expression: inputs.expression!.numbers, expressionScale: 2 },
		});
		const friend = { photo: 'friend.png', scale: 0.7, noise };
		expect(own({ reference: { photo: 'friend.png', face: 'only' } }).reference).toEqual({ ...friend, face: 'only' });
		expect(own({ reference: { photo: 'friend.png', align: false } }).reference).toEqual({ ...friend, align: false });
	});

	test('with inputs, also where the call has undefined', () => {
		const nothing = { scale: undefined, align: undefined, face: undefined, landmarks: undefined, noise: undefined };
		const asIs = changed('reference', { photo: digest, scale: 0.7, align: false }, inputs);
		const { control, reference } = optionsOf({
			...{ recipe: asIs, ...photos, strength: undefined },
			...{ control: { pose: undefined, scale: undefined }, reference: { photo: 'friend.png', ...nothing } },
		});
		expect(control).toEqual(inputs.control);
		expect(reference).toEqual({ photo: 'friend.png', scale: 0.7, align: false });
	});

	test.each([[[]], [null], ['left']])('but not with %j for an object, which is refused', (odd) => {
		const { control, reference } = optionsOf({
			recipe: inputs,
			...photos,
			control: odd as never,
			reference: odd as never,
		});
		expect([control, reference]).toEqual([odd, odd]);
		for (const [name, value] of Object.entries({ control, reference })) {
			const call = () => checkGenerateOptions({ [name]: value } as never);
			expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option: name } }));
		}
	});

	const picture = changed('control', { image: digest, scale: 1 }, inputs);
	test.each<[option: string, call: object, from?: Recipe]>([
		['image', { image: undefined }],
		['mask', { mask: undefined }],
		['control.image', {}, picture],
		['control.image', { control: { scale: 1 } }, picture],
		['reference.photo', { reference: undefined }],
		['reference.photo', { reference: { scale: 1 } }],
	])('but not with the photo of %s, which the call has to have: %j', (option, call, from = inputs) => {
		expect(() => optionsOf({ recipe: from, ...photos, ...call })).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(`the photo that the recipe was made with for \`${option}\` but received none`),
				remedy: expect.stringContaining('beside the recipe'),
				details: { option },
			}),
		);
	});

	test.each<[option: string, value: unknown]>([
		['control', null],
		['control', 7],
		['reference', null],
		['reference', 'friend.png'],
	])('but not what is no option at all: %s: %j', (option, value) => {
		const call = { ...photos, recipe: inputs, [option]: value };
		expect(() => preparePainting(readArguments(call as never, undefined), anyModel)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option } }),
		);
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
