// A call's options, completed by its recipe.
import type { Arc2FaceError } from '../errors.ts';
import { fromBase64 } from './base64.ts';
import { invalid } from './check.ts';
import type { GenerateOptions } from './generate.ts';
import { checkRecipe, type Recipe } from './recipe.ts';
import type { ReferenceOptions } from './steering.ts';

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
	const { eta, ...all } = recipe.options;
	const others = own.preset === undefined ? all : withoutManner(all);
	const isDdim = (own.sampler ?? (own.preset === undefined && all.sampler)) === 'ddim';
	const latents = recipe.latents === undefined ? undefined : fromBase64(recipe.latents);
	return {
		options: { ...others, ...(isDdim && { eta }), ...(latents && { latents }), ...own, ...inputsOf(recipe, own) },
		recipe,
		batch: own.noise === undefined ? recipe.batch : undefined,
	};
}

/** What a preset sets, the call's own says. */
function withoutManner({ sampler, steps, guidanceScale, guidanceInterval, ...others }: Recipe['options']) {
	return others;
}

/** The inputs of the recipe's image, with the photos of the call: a recipe has none. What the call says of each comes first. */
function inputsOf({ edit, control, expression, reference }: Recipe, own: GenerateOptions): GenerateOptions {
	if (edit && own.image === undefined) throw missing('image');
	if (edit?.mask !== undefined && own.mask === undefined) throw missing('mask');
	if (control?.image !== undefined && own.control === undefined) throw missing('control.image');
	if (reference && own.reference === undefined) throw missing('reference.photo');
	const { strength = edit?.strength, overlay = edit?.overlay } = own;
	return {
		...(edit && { strength, ...(overlay !== undefined && { overlay }) }),
		...(control && {
			control: {
				...(own.control?.image === undefined && { pose: control.pose }),
				scale: control.scale,
				...own.control,
			},
		}),
		...(expression && own.expression === undefined && { expression: expression.numbers }),
		...(expression && { expressionScale: own.expressionScale ?? expression.scale }),
		...(reference && { reference: { ...referenceOf(reference, own.reference), ...own.reference! } }),
	};
}

/** Without its face, if the call says which. */
function referenceOf(
	{ scale, align, keypoints, landmarks, noise }: NonNullable<Recipe['reference']>,
	own: GenerateOptions['reference'],
): Partial<ReferenceOptions> {
	const isElse = own?.align !== undefined || own?.face !== undefined || own?.landmarks !== undefined;
	return {
		scale,
		...(noise !== undefined && { noise: fromBase64(noise) }),
		...(!isElse && align === false && { align }),
		...(!isElse && landmarks && { landmarks }),
		...(!isElse && keypoints && { face: { keypoints } }),
	};
}

function missing(option: string): Arc2FaceError {
	return invalid(
		'the photo that the recipe was made with',
		option,
		'none',
		'A recipe has no photos: pass it beside the recipe.',
	);
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for several images, of which a recipe of a batch tells the noise of one */
export function requireOne(batch: Recipe['batch'], images: number): void {
	if (batch === undefined || images === 1) return;
	throw invalid('one image with a recipe of noise "batch", unless `noise` is given,', 'count', `${images} images`);
}
