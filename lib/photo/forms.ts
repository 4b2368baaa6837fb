// The forms in which programs hold photos.
import type { Sharp } from 'sharp';

/**
 * A path, a `file:` URL, the bytes of an image file (also as `Blob` or `File`), pixels, or a sharp instance.
 *
 * Files: JPEG, PNG, WebP, AVIF, GIF and TIFF, up to 200 million pixels; and whatever else your build of sharp reads.
 */
export type Photo = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer | Blob | RawPhoto | Sharp;

/** Pixels: 8 bits, row-major, the top row first. */
export interface RawPhoto {
	/** width · height · channels numbers. */
	data: Uint8Array | Uint8ClampedArray;
	/** In pixels, at least 1. */
	width: number;
	/** In pixels, at least 1. */
	height: number;
	/** Numbers per pixel: grey, RGB, or RGB and alpha. */
	channels: 1 | 3 | 4;
}
