// A call's options, completed by its recipe.
import { invalid } from './check.ts';
import type { GenerateOptions } from './generate.ts';
import { checkRecipe, type Recipe } from './recipe.ts';

/** The options without a recipe, and what the recipe has besides options. */
export type WithRecipe = Readonly<{
	options: GenerateOptions;
	recipe: Recipe | undefined;
	/** The image's place in the batch that its generator drew for. */
	batch: Recipe['batch'];
}>;

/**
 * What the call says itself comes before what the recipe says.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a recipe that is none
 */
export function withRecipe(options: GenerateOptions): WithRecipe {
	if (options?.recipe === undefined) return { options, recipe: undefined, batch: undefined };
	const { recipe: given, ...rest } = options;
	const recipe = checkRecipe(given);
	const own: GenerateOptions = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
	const { eta, ...others } = recipe.options;
	const isDdim = (own.sampler ?? others.sampler) === 'ddim';
	const latents = recipe.latents === undefined ? undefined : floatsOf(recipe.latents);
	return {
		options: { ...others, ...(isDdim && { eta }), ...(latents && { latents }), ...own },
		recipe,
		batch: own.noise === undefined ? recipe.batch : undefined,
	};
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for several images, of which a recipe of a batch tells the noise of one */
export function requireOne(batch: Recipe['batch'], images: number): void {
	if (batch === undefined || images === 1) return;
	throw invalid('one image with a recipe of noise "batch", unless `noise` is given,', 'count', `${images} images`);
}

function floatsOf(base64: string): Float32Array {
	const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
	return new Float32Array(bytes.buffer);
}
