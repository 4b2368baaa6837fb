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
import { checkProvenance, type Provenance, resolveProvenance } from './options/provenance.ts';
import type { Recipe } from './options/recipe.ts';
import { markedFile, type Origin, unknownOrigin } from './provenance/marks.ts';
import type { Warning } from './warnings.ts';

/** What is known of a portrait besides its pixels. */
type Known = {
	similarity?: number | undefined;
	warnings?: readonly Warning[];
	recipe?: () => Promise<Recipe>;
	origin?: Origin;
	/** What its model and its call say of marks. */
	provenance?: Provenance;
};

/** The options of a file, besides sharp's of its format. */
export interface FileOptions {
	/**
	 * How the file is marked as one of a generated image; `false` for no marks (default: what `generate` and `load` say, so with all marks).
	 * They are in the file alone: `data` stays as it is.
	 */
	provenance?: Provenance | undefined;
}

/** One painted portrait. */
export class GeneratedImage {
	/** RGB, row-major, the top row first: a view of memory that the native side wrote, yours to change. It has no marks; files have. */
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
	readonly #origin: Origin;
	readonly #provenance: Provenance | undefined;

	/** @hidden */
	constructor(data: Uint8Array, size: Size, seed: number, index: number, known: Known = {}) {
		const { similarity, warnings = [], recipe = unknownRecipe, origin = unknownOrigin, provenance } = known;
		this.data = data;
		this.width = size.width;
		this.height = size.height;
		this.seed = seed;
		this.index = index;
		this.similarity = similarity;
		this.warnings = warnings;
		this.#recipe = recipe;
		this.#origin = origin;
		this.#provenance = provenance;
	}

	/** A sharp instance of the pixels, for everything else that sharp can do. What it writes has no marks. */
	sharp(): Sharp {
		return sharp(this.data, { raw: { width: this.width, height: this.height, channels: 3 } });
	}

	/**
	 * The bytes of an image file, marked as one of a generated image: see `provenance`.
	 *
	 * @param format - `png` (default, lossless but for the watermark), `jpg` or `jpeg`, `webp` or `avif`
	 * @param options - sharp's options of that format, and how the file is marked
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for an unknown format, or options that sharp refuses; `SIGNING_FAILED`
	 */
	async toBuffer<F extends ImageFormat = 'png'>(format?: F, options?: ImageFormats[F] & FileOptions): Promise<Buffer> {
		const chosen = format ?? 'png';
		if (!imageFormats.includes(chosen)) {
			throw invalid(`one of ${imageFormats.join(', ')}`, 'format', describe(format));
		}
		const { provenance: own, ...encoding } = options ?? {};
		checkProvenance(own);
		const provenance = resolveProvenance(this.#provenance, own);
		const encode = (image: Sharp) => image.toFormat(chosen === 'jpg' ? 'jpeg' : chosen, encoding);
		let image: Sharp;
		try {
			image = encode(this.sharp());
		} catch (cause) {
			throw new Arc2FaceError('INVALID_ARGUMENT', `${(cause as Error).message}.`, {
				remedy: `The options are those of sharp for ${chosen}.`,
				details: { option: 'options' },
				cause,
			});
		}
		return provenance === false ? await image.toBuffer() : await markedFile(this, encode, this.#origin, provenance);
	}

	/**
	 * Writes the image to a file, in the format of its extension (`.png`, `.jpg`, `.jpeg`, `.webp`, `.avif`), marked as by {@link toBuffer}.
	 * Readers of the file find the old one or the whole new one: it is written under another name and renamed.
	 *
	 * @param path - or a `file:` URL
	 * @param options - sharp's options of that format, and how the file is marked
	 * @returns the absolute path
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another extension; `FILE_FAILED` when it can't be written, also for want of its folder, which is not
	 *   made; `SIGNING_FAILED`
	 */
	async toFile(path: string | URL, options?: ImageFormats[ImageFormat] & FileOptions): Promise<string> {
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
