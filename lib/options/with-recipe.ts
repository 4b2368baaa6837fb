// A call's options, completed by its recipe.
import type { Arc2FaceError } from '../errors.ts';
import { fromBase64 } from './base64.ts';
import { invalid, rules } from './check.ts';
import type { GenerateOptions } from './generate.ts';
import { checkRecipe, type Recipe } from './recipe.ts';
import type { ControlOptions, ReferenceOptions } from './steering.ts';

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
	const own = said(rest);
	const { eta, ...all } = recipe.options;
	const others = own.preset === undefined ? all : withoutManner(all);
	const isDdim = (own.sampler ?? (own.preset === undefined && all.sampler)) === 'ddim';
	const latents = recipe.latents === undefined ? undefined : fromBase64(recipe.latents, 'recipe.latents');
	return {
		options: { ...others, ...(isDdim && { eta }), ...(latents && { latents }), ...own, ...inputsOf(recipe, own) },
		recipe,
		batch: own.noise === undefined ? recipe.batch : undefined,
	};
}

/** Options without those that are undefined, which say nothing. */
function said<Options extends object>(options: Options): Options {
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/** What a preset sets, the call's own says. */
function withoutManner({ sampler, steps, guidanceScale, guidanceInterval, ...others }: Recipe['options']) {
	return others;
}

/** The inputs of the recipe's image, with the photos of the call: a recipe has none. What the call says of each comes first. */
function inputsOf({ edit, control, expression, reference }: Recipe, own: GenerateOptions): GenerateOptions {
	if (edit && own.image === undefined) throw missing('image');
	if (edit?.mask !== undefined && own.mask === undefined) throw missing('mask');
	const { strength = edit?.strength, overlay = edit?.overlay } = own;
	return {
		...(edit && { strength, ...(overlay !== undefined && { overlay }) }),
		...(control && { control: controlOf(control, own.control) }),
		...(expression && own.expression === undefined && { expression: expression.numbers }),
		...(expression && { expressionScale: own.expressionScale ?? expression.scale }),
		...(reference && { reference: referenceOf(reference, own.reference) }),
	};
}

/** Without its pose, if the call has a picture. */
function controlOf({ pose, image, scale }: NonNullable<Recipe['control']>, own: ControlOptions = {}): ControlOptions {
	if (!rules.object.fits(own)) return own; // refused later, as any option is
	if (image !== undefined && own.image === undefined && own.pose === undefined) throw missing('control.image');
	return { scale, ...(pose && own.image === undefined && { pose }), ...said(own) };
}

/** Without its face, if the call says which. */
function referenceOf(
	{ scale, align, keypoints, landmarks, noise }: NonNullable<Recipe['reference']>,
	own: Partial<ReferenceOptions> = {},
): GenerateOptions['reference'] {
	if (!rules.object.fits(own)) return own as ReferenceOptions; // likewise
	if (own.photo === undefined) throw missing('reference.photo');
	const isElse = own.align !== undefined || own.face !== undefined || own.landmarks !== undefined;
	return {
		scale,
		...(noise !== undefined && { noise: fromBase64(noise, 'recipe.reference.noise') }),
		...(!isElse && align === false && { align }),
		...(!isElse && landmarks && { landmarks }),
		...(!isElse && keypoints && { face: { keypoints } }),
		...said(own),
	} as ReferenceOptions;
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
