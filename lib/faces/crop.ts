// Cuts a face out of a photo as recognisers are trained on it: InsightFace's `norm_crop`.
import { awaitNative } from '../call.ts';
import type { Point } from '../geometry.ts';
import type { NativeAddon } from '../native.ts';
import type { Pixels } from '../photo.ts';

/**
 * @param native - of `loadNative()`; no model is needed
 * @param keypoints - eyes, nose, mouth corners, in pixels of the photo
 * @returns RGB, 112 × 112 pixels, row-major; black beyond the photo
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for keypoints that do not spread; the signal's reason when stopped
 */
export async function cropFace(
	native: Pick<NativeAddon, 'cropFace'>,
	{ data, width, height }: Pick<Pixels, 'data' | 'width' | 'height'>,
	keypoints: readonly Point[],
	signal?: AbortSignal,
): Promise<Uint8Array> {
	const request = { photo: { data, width, height }, keypoints: Float32Array.from(keypoints.flat()) };
	return await awaitNative(() => native.cropFace(request), signal);
}
