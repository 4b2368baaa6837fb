// A painted image: its pixels, and saving them as a file.
import { extname, resolve } from 'node:path';
import { type InspectOptions, inspect } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { Arc2FaceError } from './errors.ts';
import { writeWhole } from './files/write.ts';
import type { Size } from './geometry.ts';
import { describe, invalid } from './options/check.ts';
import { type ImageFormat, type ImageFormats, imageFormats } from './options/image-formats.ts';
import { pathOf } from './options/path.ts';
import type { Recipe } from './options/recipe.ts';
import type { Warning } from './warnings.ts';

/** What is known of a portrait besides its pixels. */
type Known = {
	similarity?: number | undefined;
	warnings?: readonly Warning[];
	recipe?: () => Promise<Recipe>;
};

/** One painted portrait. */
export class GeneratedImage {
	/** RGB, row-major, the top row first: a view of memory that the native side wrote, yours to change. */
	readonly data: Uint8Array;
	/** In pixels. */
	readonly width: number;
	/** In pixels. */
	readonly height: number;
	/** Numbers per pixel in `data`: red, green and blue. */
	readonly channels = 3;
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
		this.data = data;
		this.width = size.width;
		this.height = size.height;
		this.seed = seed;
		this.index = index;
		this.similarity = similarity;
		this.warnings = warnings;
		this.#recipe = recipe;
	}

	/** A sharp instance of the pixels, for everything else that sharp can do. */
	sharp(): Sharp {
		return sharp(this.data, { raw: { width: this.width, height: this.height, channels: 3 } });
	}

	/**
	 * The bytes of an image file.
	 *
	 * @param format - `png` (default, lossless), `jpg` or `jpeg`, `webp` or `avif`
	 * @param options - sharp's options of that format
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for an unknown format, or options that sharp refuses
	 */
	async toBuffer<F extends ImageFormat = 'png'>(format?: F, options?: ImageFormats[F]): Promise<Buffer> {
		const chosen = format ?? 'png';
		if (!imageFormats.includes(chosen)) {
			throw invalid(`one of ${imageFormats.join(', ')}`, 'format', describe(format));
		}
		let image: Sharp;
		try {
			image = this.sharp().toFormat(chosen === 'jpg' ? 'jpeg' : chosen, options);
		} catch (cause) {
			throw new Arc2FaceError('INVALID_ARGUMENT', `${(cause as Error).message}.`, {
				remedy: `The options are those of sharp for ${chosen}.`,
				details: { option: 'options' },
				cause,
			});
		}
		return await image.toBuffer();
	}

	/**
	 * Writes the image to a file, in the format of its extension (`.png`, `.jpg`, `.jpeg`, `.webp`, `.avif`). Readers of the
	 * file find the old one or the whole new one: it is written under another name and renamed.
	 *
	 * @param path - or a `file:` URL
	 * @param options - sharp's options of that format
	 * @returns the absolute path
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another extension; `FILE_FAILED` when it can't be written, also for want of its folder, which is not made
	 */
	async toFile(path: string | URL, options?: ImageFormats[ImageFormat]): Promise<string> {
		const file = pathOf(path, 'path');
		const format = extname(file).slice(1).toLowerCase();
		if (!imageFormats.includes(format)) {
			throw invalid(`a name that ends in .${imageFormats.join(', .')}`, 'path', describe(file));
		}
		const bytes = await this.toBuffer(format as ImageFormat, options);
		const target = resolve(file);
		await writeWhole(target, bytes);
		return target;
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
