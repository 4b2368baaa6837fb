// The formats that images are written in. Only sharp's types are imported: the command line works without it.
import type { AvifOptions, JpegOptions, PngOptions, WebpOptions } from 'sharp';

/** sharp's options of each format that an image can be written in. */
export interface ImageFormats {
	/** Lossless. */
	png: PngOptions;
	/** Lossy. */
	jpg: JpegOptions;
	/** The same as `jpg`. */
	jpeg: JpegOptions;
	/** Lossy, unless with `lossless`. */
	webp: WebpOptions;
	/** Lossy, unless with `lossless`. */
	avif: AvifOptions;
}
/** A format that an image can be written in. */
export type ImageFormat = keyof ImageFormats;

/**
 * Image formats, which are also their files' extensions.
 *
 * @internal
 */
export const imageFormats: readonly string[] = ['png', 'jpg', 'jpeg', 'webp', 'avif'] satisfies ImageFormat[];
