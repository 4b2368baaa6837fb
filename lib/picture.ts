// A picture's pixels, and saving them as a file.
import { extname, resolve } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { Arc2FaceError } from './errors.ts';
import { writeWhole } from './files/write.ts';
import type { Size } from './geometry.ts';
import { describe, invalid } from './options/check.ts';
import { type ImageFormat, type ImageFormats, imageFormats } from './options/image-formats.ts';
import { pathOf } from './options/path.ts';

/** Pixels that can be saved. */
export class Picture {
	/** RGB, row-major, the top row first: a view of memory that the native side wrote, yours to change. */
	readonly data: Uint8Array;
	/** In pixels. */
	readonly width: number;
	/** In pixels. */
	readonly height: number;
	/** Numbers per pixel in `data`: red, green and blue. */
	readonly channels = 3;

	/** @hidden */
	constructor(data: Uint8Array, { width, height }: Size) {
		this.data = data;
		this.width = width;
		this.height = height;
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
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another extension; `FILE_FAILED` when it can't be written
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
}
