// A painted image: its pixels, and what is known of it.
import { type InspectOptions, inspect } from 'node:util';
import { Arc2FaceError } from './errors.ts';
import type { Size } from './geometry.ts';
import type { Recipe } from './options/recipe.ts';
import { Picture } from './picture.ts';
import type { Warning } from './warnings.ts';

/** What is known of a portrait besides its pixels. */
type Known = {
	similarity?: number | undefined;
	warnings?: readonly Warning[];
	recipe?: () => Promise<Recipe>;
};

/** One painted portrait. */
export class GeneratedImage extends Picture {
	/** The seed of its noise. With `noise: "batch"` the whole call has one. */
	readonly seed: number;
	/** Index among the images of its call, from 0. */
	readonly index: number;
	/**
	 * Cosine of the angle between the identity that was asked for and the one that the portrait shows, −1 to 1. Undefined unless `check` was
	 * asked for, and where no face was found in the portrait.
	 */
	readonly similarity: number | undefined;
	/** Whether its size is unlike the bundle's training images, and whether it is less alike than `check` asked for. */
	readonly warnings: readonly Warning[];
	readonly #recipe: () => Promise<Recipe>;

	/** @hidden */
	constructor(data: Uint8Array, size: Size, seed: number, index: number, known: Known = {}) {
		const { similarity, warnings = [], recipe = unknownRecipe } = known;
		super(data, size);
		this.seed = seed;
		this.index = index;
		this.similarity = similarity;
		this.warnings = warnings;
		this.#recipe = recipe;
	}

	/**
	 * How this image was made: plain JSON, from which `generate({ recipe })` makes the same image again, with the same weights on the same
	 * kind of device. It has the identity, which is biometric data. The first recipe of a model reads the weights, which takes seconds for
	 * the official ones, and remembers their digests in the cache folder.
	 *
	 * @throws {Arc2FaceError} `FILE_FAILED` when the weights can't be read any more, or were replaced since they were loaded
	 */
	async recipe(): Promise<Recipe> {
		return await this.#recipe();
	}

	/**
	 * What `console.log` shows, without the pixels.
	 *
	 * @internal
	 */
	[inspect.custom](_depth: number, options: InspectOptions): string {
		const { width, height, seed, index } = this;
		return `GeneratedImage ${inspect({ width, height, seed, index }, options)}`;
	}
}

async function unknownRecipe(): Promise<never> {
	throw new Arc2FaceError(
		'INVALID_ARGUMENT',
		'This image was not painted by a model, so nothing is known of how it was made.',
	);
}
