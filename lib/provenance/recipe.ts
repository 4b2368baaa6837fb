// How an image was made: writing it down, and whether a model can make the image again.
import { basename } from 'node:path';
import type { LoadedWeights } from '../bundle/digests.ts';
import { networks } from '../bundle/networks.ts';
import { Arc2FaceError, shortened } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { ModelInfo } from '../load.ts';
import type { Recipe, RecipeModel } from '../options/recipe.ts';
import { packageVersion } from '../package.ts';
import { type Warning, warning } from '../warnings.ts';

/** What an image was made from, besides the model. */
export type Ingredients = Readonly<{
	identity: Identity;
	options: Recipe['options'];
	batch?: Recipe['batch'];
	/** Those of this image alone. */
	latents?: Float32Array | undefined;
}>;

/** What recipes tell of a model. */
export type Describe = (signal?: AbortSignal) => Promise<RecipeModel>;

/** Makes the recipe when it is asked for. Keeps nothing but what it is given. */
export function recipeMaker(ingredients: Ingredients, describe: Describe): () => Promise<Recipe> {
	return async () => recipeOf(ingredients, await describe());
}

function recipeOf({ identity, options, batch, latents }: Ingredients, model: RecipeModel): Recipe {
	return {
		format: 1,
		package: packageVersion(),
		model,
		identity: identity.toJSON(),
		options,
		...(batch && { batch }),
		...(latents && { latents: Buffer.from(latents.buffer, latents.byteOffset, latents.byteLength).toString('base64') }),
	};
}

/** Its result rejects with `FILE_FAILED` where the weights can't be read any more. */
export function describer(
	{ device, provider, version, precision, bundle }: ModelInfo,
	loaded: LoadedWeights,
): Describe {
	return async (signal) => {
		const { weights, settings, loras } = await loaded.digests(signal);
		return {
			bundle: basename(bundle),
			weights: Object.fromEntries(Object.entries(weights).map(([name, digests]) => [name, [...digests]])),
			settings,
			variant: loras.length > 0 ? { loras: loras.map((one) => ({ ...one })) } : {},
			...{ device: device === 'cpu' ? 'cpu' : 'cuda', provider, version, precision },
		};
	};
}

/**
 * Whether a model makes the image of a recipe.
 *
 * @returns a warning if it may be off by a little: on another kind of device, with another arithmetic or another version
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` if it is another model: weights, settings or variant differ
 */
export function compareModel({ model: made, package: packageMade }: Recipe, present: RecipeModel): Warning[] {
	const names = [...new Set([...Object.keys(made.weights), ...Object.keys(present.weights)])];
	const others = names.filter((name) => !same(made.weights[name], present.weights[name])).map(labelOf);
	if (made.settings !== present.settings) others.push('noise schedule or prompt');
	if (!same(made.variant, present.variant)) others.push('choice of LoRAs or other adapters');
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
	const sorted = (_: string, value: unknown) =>
		typeof value === 'object' && value !== null && !Array.isArray(value)
			? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
			: value;
	return JSON.stringify(a, sorted) === JSON.stringify(b, sorted);
}
