// How much one request may ask for.
import { maxImages } from '../options/manner.ts';

/** The most that one request may have; more is refused before it is read or decoded. */
export type Limits = Readonly<{
	/** Bytes of a request's body (default 32 MiB). */
	bodyBytes: number;
	/** Pixels of a photo (default 50 million). */
	photoPixels: number;
	/** Images that are painted for one request (default 64). */
	images: number;
	/** Pixels of all images of one request (default 64 of 1024 × 1024). */
	imagePixels: number;
}>;

/** Unless the server is told otherwise. */
export const usualLimits: Limits = {
	bodyBytes: 32 * 2 ** 20,
	photoPixels: 50_000_000,
	images: Math.min(64, maxImages),
	imagePixels: 64 * 1024 * 1024,
};
