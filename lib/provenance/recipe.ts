// How an image was made: writing it down, and whether a model can make the image again.
import { basename } from 'node:path';
import { adapterNames } from '../bundle/adapters.ts';
import type { LoadedWeights } from '../bundle/digests.ts';
import { neededNames, networks, writtenNamesFor } from '../bundle/networks.ts';
import { Arc2FaceError, shortened } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import type { Identity } from '../identity.ts';
import type { ModelInfo } from '../load.ts';
import { toBase64 } from '../options/base64.ts';
import type { Decoder, Feature } from '../options/features.ts';
import type { Recipe, RecipeInputs, RecipeModel } from '../options/recipe.ts';
import { packageVersion } from '../package.ts';
import { type Warning, warning } from '../warnings.ts';

/** What an image was made from, besides the model. */
export type Ingredients = Readonly<{
	identity: Identity;
	/** What of the model is used besides what every image needs. */
	used: readonly Feature[];
	options: Recipe['options'];
	batch?: Recipe['batch'];
	/** Those of this image alone. */
	latents?: Float32Array | undefined;
	/** Whether noise that it depends on was drawn by the generator of another image, or for other photos, too. */
	isDrawnWithOthers: boolean;
}> &
	RecipeInputs;

/** What recipes tell of a model: of that part which images that use these features are made by. */
export type Describe = (used: readonly Feature[], signal?: AbortSignal) => Promise<RecipeModel>;

/** Makes the recipe when it is asked for. Keeps nothing but what it is given. */
export function recipeMaker(ingredients: Ingredients, describe: Describe): () => Promise<Recipe> {
	return async () => {
		if (ingredients.isDrawnWithOthers) throw drawnWithOthers();
		return recipeOf(ingredients, await describe(ingredients.used));
	};
}

function drawnWithOthers(): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		'No recipe tells this image: its noise was drawn together with that of others.',
		{
			remedy: 'Paint with one seed and noise "per-image": then each image is the same alone and among others.',
			details: { option: 'seed' },
		},
	);
}

function recipeOf({ identity, options, batch, latents, ...inputs }: Ingredients, model: RecipeModel): Recipe {
	const { edit, control, expression, reference } = inputs;
	return {
		format: 1,
		package: packageVersion(),
		model,
		identity: identity.toJSON(),
		options,
		...(batch && { batch }),
		...(latents && { latents: toBase64(latents) }),
		...(edit && { edit }),
		...(control && { control }),
		...(expression && { expression }),
		...(reference && { reference }),
	};
}

/** What decides a model's images, whatever runs it. */
export type ModelFiles = Pick<RecipeModel, 'weights' | 'settings' | 'variant'>;

/** @throws {Arc2FaceError} `FILE_FAILED` where the weights can't be read any more */
export async function describeFiles(
	loaded: LoadedWeights,
	{ used, decoder }: { used: readonly Feature[]; decoder: Decoder },
	signal?: AbortSignal,
): Promise<ModelFiles> {
	const { weights, adapters, settings, loras } = await loaded.digests(signal);
	const names = writtenNamesFor({ features: used, decoder });
	return {
		weights: Object.fromEntries(names.map((name) => [name, [...(weights[name] ?? [])]])),
		settings,
		variant: {
			...(loras.length > 0 && { loras: loras.map((one) => ({ ...one })) }),
			...Object.fromEntries(adapterNames.filter((name) => used.includes(name)).map((name) => [name, adapters[name]!])),
		},
	};
}

/** Its result rejects with `FILE_FAILED` where the weights can't be read any more. */
export function describer(
	{ device, provider, version, precision, bundle, decoder }: ModelInfo,
	loaded: LoadedWeights,
): Describe {
	return async (used, signal) => ({
		bundle: basename(bundle),
		...(await describeFiles(loaded, { used, decoder }, signal)),
		...{ device: device === 'cpu' ? 'cpu' : 'cuda', provider, version, precision },
	});
}

/**
 * Whether a model makes the image of a recipe.
 *
 * @returns a warning if it may be off by a little: on another kind of device, with another arithmetic or another version
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` if it is another model: weights, settings or variant differ
 */
export function compareModel({ model: made, package: packageMade }: Recipe, present: RecipeModel): Warning[] {
	// What the call uses beyond the recipe makes another image anyway.
	const names = [...new Set([...neededNames, ...Object.keys(made.weights)])];
	const others = names.filter((name) => !same(made.weights[name], present.weights[name])).map(labelOf);
	if (made.settings !== present.settings) others.push('noise schedule or prompt');
	if (!same(made.variant.loras, present.variant.loras)) others.push('choice of LoRAs');
	for (const name of adapterNames) {
		if (made.variant[name] !== undefined && made.variant[name] !== present.variant[name])
			others.push(`${name} adapter`);
	}
	if (others.length > 0) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`The recipe was made with another model than ${present.bundle}, which is loaded: with another ${others.join(', ')}.`,
			{
				remedy: ({ either }) =>
					`Load the one that it was made with, a bundle named ${shortened(made.bundle)}; or paint with this one by ` +
					`${either("the recipe's options: `generate(identity, recipe.options)`", "the recipe's options, without the recipe")}.`,
				details: { option: 'recipe' },
			},
		);
	}
	const [before, now] = [told(made, packageMade), told(present, packageVersion())];
	if (before === now) return [];
	const message = `The recipe was made ${before}. The image is painted ${now}: it may differ a little.`;
	return [warning('OTHER_DEVICE', message)];
}

function told({ device, precision, provider, version }: RecipeModel, packageVersion: string): string {
	const how = `on ${device} in ${precision}, by ${provider} ${version} and version ${packageVersion} of this package`;
	return shortened(how, 200);
}

function labelOf(name: string): string {
	return Object.hasOwn(networks, name) ? networks[name as keyof typeof networks].label : shortened(name);
}

/** Of JSON, whatever the order of its fields. */
function same(a: unknown, b: unknown): boolean {
	return canonical(a) === canonical(b);
}
