// The arguments of a call that paints: who, and how; either may come from a recipe.
import { Identity, type IdentityLike } from '../identity.ts';
import { isPlainObject } from '../options/brands.ts';
import { invalid } from '../options/check.ts';
import type { GenerateOptions } from '../options/generate.ts';
import type { Recipe } from '../options/recipe.ts';
import { type WithRecipe, withRecipe } from '../options/with-recipe.ts';

/** Whom to paint. */
export type Who = IdentityLike | readonly IdentityLike[];
/** The one argument of a call whose recipe says who. */
export type RecipeCall = GenerateOptions & {
	/** Made by `recipe()` of an image. */
	recipe: Recipe;
};

export type Asked = WithRecipe & Readonly<{ identities: readonly Identity[] }>;

/**
 * @param first - whom to paint; or the options, if a recipe in them says it
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function readArguments(first: Who | RecipeCall, second: GenerateOptions | undefined): Asked {
	const isAlone = second === undefined && isRecipeCall(first);
	const asked = withRecipe((isAlone ? first : second) ?? {});
	const who = isAlone ? asked.recipe?.identity : (first as Who);
	if (who === undefined && isAlone) {
		throw invalid('one, as the recipe has none,', 'identity', 'none', 'Call `generate(identity, { recipe })`.');
	}
	// Copies: the embedding of an identity can be written to.
	return { ...asked, identities: listOf(who as Who).map((one) => Identity.from(Identity.from(one).embedding)) };
}

function isRecipeCall(value: Who | RecipeCall): value is RecipeCall {
	return typeof value === 'object' && value !== null && isPlainObject(value) && 'recipe' in value;
}

/** 512 numbers are one identity, not a list of 512. */
function listOf(identity: Who): readonly IdentityLike[] {
	if (!Array.isArray(identity) || typeof identity[0] === 'number') return [identity as IdentityLike];
	if (identity.length === 0) {
		throw invalid('at least one', 'identity', 'an empty list');
	}
	return identity;
}
