// The formats that images are written in. sharp is only named here, not loaded: the command line works without it.
import type { AvifOptions, JpegOptions, PngOptions, WebpOptions } from 'sharp';

/** sharp's options of each format that an image can be written in. */
export interface ImageFormats {
	png: PngOptions;
	jpg: JpegOptions;
	/** The same as `jpg`. */
	jpeg: JpegOptions;
	webp: WebpOptions;
	avif: AvifOptions;
}
export type ImageFormat = keyof ImageFormats;

/**
 * What images are written as; also the extensions of their files.
 *
 * @internal
 */
export const imageFormats: readonly string[] = ['png', 'jpg', 'jpeg', 'webp', 'avif'] satisfies ImageFormat[];
