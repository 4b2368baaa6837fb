// Photos, made fit to be sent.
import { Problem } from './problems.js';

/**
 * The photo as it is, unless the server takes none that large: then a smaller one.
 *
 * @param {Blob} photo
 * @param {{ bodyBytes?: number, photoPixels?: number }} limits
 */
export async function fitting(photo, { bodyBytes = Infinity, photoPixels = Infinity }) {
	const bitmap = await createImageBitmap(photo).catch(() => undefined);
	// What this browser can't read, the server may.
	if (bitmap === undefined) return photo;
	const { width, height } = bitmap;
	// A form has a little more than its photo.
	const isSmall = width * height <= photoPixels && photo.size < bodyBytes - 4096;
	if (isSmall) return photo;
	const scale = Math.min(1, 2048 / Math.max(width, height));
	return await drawn(
		bitmap,
		{ x: 0, y: 0, width, height },
		{ width: Math.round(width * scale), height: Math.round(height * scale) },
	);
}

/**
 * The largest part of a photo that has the proportions of `size`, from its middle.
 *
 * @param {Blob} photo
 * @param {{ width: number, height: number }} size
 * @returns {Promise<Blob>} of that size
 */
export async function cropped(photo, size) {
	const bitmap = await createImageBitmap(photo).catch(() => {
		throw new Problem({
			code: 'INVALID_IMAGE',
			detail: 'This browser can’t read the photo.',
			remedy: 'Use a JPEG, PNG or WebP file.',
		});
	});
	const scale = Math.min(bitmap.width / size.width, bitmap.height / size.height);
	const [width, height] = [size.width * scale, size.height * scale];
	const from = { x: (bitmap.width - width) / 2, y: (bitmap.height - height) / 2, width, height };
	return await drawn(bitmap, from, size, 'image/png');
}

async function drawn(bitmap, from, size, type = 'image/jpeg') {
	const canvas = new OffscreenCanvas(size.width, size.height);
	const context = canvas.getContext('2d');
	context.imageSmoothingQuality = 'high';
	context.drawImage(bitmap, from.x, from.y, from.width, from.height, 0, 0, size.width, size.height);
	return await canvas.convertToBlob({ type, quality: 0.95 });
}

/** As the API takes it in JSON. */
export function dataUrl(blob) {
	return new Promise((done, fail) => {
		const reader = new FileReader();
		reader.onload = () => done(reader.result);
		reader.onerror = () => fail(reader.error);
		reader.readAsDataURL(blob);
	});
}

/** @param {string} data - base64 */
export async function blobOf(data, mediaType) {
	const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
	return new Blob([bytes], { type: mediaType });
}
