// The invisible watermark: "made with this package", and 48 bits, in an image's luminance. What it survives and what it proves: docs/watermark.md.
import { awaitNative } from '../call.ts';
import { loadNative } from '../native.ts';
import type { Pixels } from '../photo.ts';

/** RGB, 8 bits, row-major: width · height · 3 bytes. */
export type ImagePixels = Pick<Pixels, 'data' | 'width' | 'height'>;

/** Bytes of a payload. */
export const watermarkBytes = 6;

/** Shortest side of images that carry a payload; smaller ones carry the code alone. */
export const watermarkPayloadSide = 256;

/** A mark that was found. */
export type Watermark = Readonly<{
	/** {@link watermarkBytes} bytes, zeros where none was set. Undefined: the image has the code alone, or too little is left of them. */
	payload: Uint8Array | undefined;
	/** Bound of the probability that an image without a mark looks this much like a marked one. At most one in a million. */
	falseAlarm: number;
}>;

/**
 * @param payload - {@link watermarkBytes} bytes (default: zeros, for none)
 * @returns a marked copy
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a payload of another length, `INVALID_IMAGE` for sides that no image has; the signal's reason when
 *   stopped
 */
export async function embedWatermark(
	{ data, width, height }: ImagePixels,
	payload: Uint8Array = new Uint8Array(watermarkBytes),
	signal?: AbortSignal,
): Promise<Uint8Array> {
	return await awaitNative(() => loadNative().embedWatermark({ data, width, height }, payload), signal);
}

/**
 * @returns undefined where there is no mark, or too little is left of it
 * @throws {Arc2FaceError} `INVALID_IMAGE` for sides that no image has; the signal's reason when stopped
 */
export async function readWatermark(
	{ data, width, height }: ImagePixels,
	signal?: AbortSignal,
): Promise<Watermark | undefined> {
	const found = await awaitNative(() => loadNative().readWatermark({ data, width, height }), signal);
	return found && { payload: found.payload, falseAlarm: found.falseAlarm };
}
