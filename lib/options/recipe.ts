// Recipes: how an image was made, as plain JSON, and the check of one that comes from outside.
import { Arc2FaceError } from '../errors.ts';
import type { Point } from '../geometry.ts';
import { say } from '../messages/wording.ts';
import type { GuidanceInterval } from '../samplers/guidance-interval.ts';
import type { SamplerName } from '../samplers/samplers.ts';
import { describe, integer, number, type Rule, rules } from './check.ts';
import { mannerRules, maxImages } from './manner.ts';
import type { NoiseMode } from './seeds.ts';
import type { Pose } from './steering.ts';

/**
 * How an image was made: plain JSON, from which `generate({ recipe })` makes the same image again.
 *
 * It has the identity, which is biometric data of a person. Where that must not be kept, delete it: `generate(identity, { recipe })` takes
 * it from elsewhere.
 */
export interface Recipe extends RecipeInputs {
	/** The form of the recipe. */
	format: 1;
	/** The version of this package that made the image. */
	package: string;
	/** The model that made it. */
	model: RecipeModel;
	/** Whom it was asked to show, for {@link Identity.from}. */
	identity?: {
		/** 512 numbers of length 1. */
		embedding: number[];
	};
	/** The options of `generate` that decide the image. */
	options: RecipeOptions;
	/** With `noise: "batch"`: what its generator drew for. */
	batch?: {
		/** How many images. */
		images: number;
		/** Which of them this one is, from 0. */
		place: number;
	};
	/** Its `latents`, if it was made from some: float32, little-endian, in base64. */
	latents?: string;
}

/**
 * What an image was made from besides identity and noise. Of photos a recipe has only digests (SHA-256 of width and height, as 32-bit
 * little-endian integers, and the RGB bytes): `generate({ recipe, image })` takes the photo again, and warns if it is another one.
 */
export interface RecipeInputs {
	/** Image-to-image, or with `mask` inpainting. */
	edit?: {
		/** The digest of the photo: pass it as `image`. */
		image: string;
		/** As the option. */
		strength: number;
		/** The digest of the mask: pass it as `mask`. */
		mask?: string;
		/** As the option. */
		overlay?: boolean;
	};
	/** As the option: a pose, or the digest of an image, to pass as `control.image`. */
	control?: {
		/** As the option. */
		pose?: Pose;
		/** The digest of the picture. */
		image?: string;
		/** As the option. */
		scale: number;
	};
	/** The numbers of `expression`, and `expressionScale`. */
	expression?: {
		/** 55 numbers. */
		numbers: number[];
		/** As `expressionScale`. */
		scale: number;
	};
	/** As the option. */
	reference?: {
		/** The digest of the photo: pass it as `reference.photo`. */
		photo: string;
		/** As the option. */
		scale: number;
		/** As the option. */
		align?: false;
		/** Of the face that it was aligned by. */
		keypoints?: readonly Point[];
		/** As the option. */
		landmarks?: readonly Point[];
		/** As the option, of this image: float32, little-endian, in base64. */
		noise?: string;
	};
}

/** The options of `generate` that decide an image, by their names there. */
export interface RecipeOptions {
	/** As the option. */
	sampler: SamplerName;
	/** As the option. */
	steps: number;
	/** As the option. */
	guidanceScale: number;
	/** As the option; absent if all steps were guided. */
	guidanceInterval?: GuidanceInterval;
	/** As the option; absent with another sampler. */
	eta?: number;
	/** Of this image. */
	seed: number;
	/** As the option. */
	noise: NoiseMode;
	/** In pixels. */
	width: number;
	/** In pixels. */
	height: number;
}

/** What a model was loaded with besides its bundle. */
export interface RecipeVariant {
	/** The LoRAs that were added to the UNet, in order; absent if there were none. */
	loras?: {
		/** The digest of its file. */
		sha256: string;
		/** How strongly it was added. */
		scale: number;
	}[];
	/** The digest of the expression adapter; absent if the image shows no `expression`. */
	expression?: string;
	/** The digest of the reference adapter; absent if the image has no `reference`. */
	reference?: string;
}

/** What of a model decides its images. Digests are SHA-256, in lower-case hexadecimal. */
export interface RecipeModel {
	/** The name of the bundle's folder, for people. */
	bundle: string;
	/** Of each network that paints, by its name: the digests of its files, in order. */
	weights: Record<string, string[]>;
	/** The digest of the bundle's noise schedule and prompt. */
	settings: string;
	/** What was loaded besides the bundle's own weights; empty if nothing was. */
	variant: RecipeVariant;
	/** The kind of device: `cpu` or `cuda`. */
	device: string;
	/** What ran the networks. */
	provider: string;
	/** The provider's version. */
	version: string;
	/** Arithmetic of the networks: `fp32` or `fp16`. */
	precision: string;
}

const { object } = rules;
const digest: Rule = {
	expected: 'a SHA-256 in hexadecimal',
	fits: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
};
const weights: Rule = {
	expected: 'a list of digests for each network',
	fits: (value) =>
		object.fits(value) &&
		Object.values(value as object).every((list) => Array.isArray(list) && list.every(digest.fits)),
};
const anything: Rule = { expected: 'a number', fits: (value) => value !== undefined };
const list: Rule = { expected: 'a list of numbers', fits: Array.isArray };
const points: Rule = { expected: 'a list of points [x, y]', fits: Array.isArray };
const base64: Rule = {
	expected: 'float32 numbers in base64',
	fits: (value) => {
		if (typeof value !== 'string') return false;
		const bytes = Buffer.from(value, 'base64'); // which skips what is none
		return bytes.length > 0 && bytes.length % 4 === 0 && bytes.toString('base64') === value;
	},
};

const { eta, guidanceInterval, ...manner } = mannerRules;
const options = { ...manner, seed: integer(0, Number.MAX_SAFE_INTEGER) };
const model = {
	...{ bundle: rules.text, weights, settings: digest, variant: object },
	...{ device: rules.text, provider: rules.text, version: rules.text, precision: rules.text },
};

/** By their names, or their paths in a recipe. */
type Fields = Readonly<Record<string, Rule>>;
type InputRules = Readonly<Record<keyof RecipeInputs, Fields>>;
/** What a recipe has to tell of its inputs. The options that these become are checked as such. */
const inputs: InputRules = {
	edit: { image: digest, strength: number(0, 1) },
	control: { scale: anything },
	expression: { numbers: list, scale: anything },
	reference: { photo: digest, scale: anything },
};
/** What it may tell of them. */
const optionalInputs: InputRules = {
	edit: { mask: digest, overlay: rules.flag },
	control: { pose: object, image: digest },
	expression: {},
	reference: {
		...{ align: { expected: 'false', fits: (value) => value === false }, noise: base64 },
		...{ keypoints: points, landmarks: points },
	},
};

/** What has to be in a recipe, and what may be, from the whole to its parts. */
const required: Fields = {
	...{ package: rules.text, model: object, options: object },
	...within('model', model),
	...within('options', options),
};
const optional: Fields = {
	...{ identity: object, latents: base64 },
	...within('options', { eta, guidanceInterval }),
	...{ edit: object, control: object, expression: object, reference: object },
};

export const recipeRule: Rule = { ...object, expected: 'a recipe, as an image gives it' };

/**
 * A recipe from outside, whole and of known form. Its identity is checked when it is used.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkRecipe(value: unknown): Recipe {
	if (!recipeRule.fits(value)) throw unfit(recipeRule, '', value);
	const { format } = value as Partial<Recipe>;
	if (format !== 1) throw unfit({ expected: '1', fits: () => false }, 'format', format, otherForm);
	requireFits(value, required, optional);
	requireKnown(value, 'options', { ...options, eta, guidanceInterval });
	for (const part of Object.keys(inputs) as (keyof RecipeInputs)[]) {
		if (at(value, part) === undefined) continue;
		const [needed, possible] = [inputs[part], optionalInputs[part]];
		requireFits(value, within(part, needed), within(part, possible));
		requireKnown(value, part, { ...needed, ...possible });
	}
	const recipe = value as Recipe;
	if (recipe.options.noise === 'batch') {
		requireFit(value, 'batch.images', integer(1, maxImages));
		requireFit(value, 'batch.place', integer(0, recipe.batch!.images - 1));
	}
	return recipe;
}

const otherForm = 'It may be of a later version of this package: use that one.';

function within(part: string, fields: Fields): Record<string, Rule> {
	return Object.fromEntries(Object.entries(fields).map(([name, rule]) => [`${part}.${name}`, rule]));
}

function at(recipe: unknown, path: string): unknown {
	return path.split('.').reduce((part, name) => (object.fits(part) ? (part as never)[name] : undefined), recipe);
}

function requireFits(recipe: unknown, needed: Fields, possible: Fields): void {
	for (const [path, rule] of Object.entries(needed)) requireFit(recipe, path, rule);
	for (const [path, rule] of Object.entries(possible)) {
		if (at(recipe, path) !== undefined) requireFit(recipe, path, rule);
	}
}

function requireFit(recipe: unknown, path: string, rule: Rule): void {
	if (!rule.fits(at(recipe, path))) throw unfit(rule, path, at(recipe, path));
}

/** What decides an image and is not known would be left out of it. */
function requireKnown(recipe: unknown, part: string, known: Fields): void {
	const names = Object.keys(known);
	const odd = Object.keys(at(recipe, part) as object).find((name) => !names.includes(name));
	if (odd !== undefined) throw unfit({ ...object, expected: names.join(', ') }, part, odd, otherForm);
}

/** What is wrong with a recipe. Its fields have one name for all readers. */
function unfit({ expected }: Rule, path: string, received: unknown, remedy?: string): Arc2FaceError {
	const place = path === '' ? '`recipe`' : `\`${path}\` of the recipe`;
	// A whole that is none may be anybody's file, which no message repeats.
	const told = path === '' && Array.isArray(received) ? 'a list' : describe(received);
	const problem = `Expected ${say(expected)} for ${place} but received ${told}.`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'recipe' } });
}
