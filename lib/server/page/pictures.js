// Photos, made fit to be sent.

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
 * The largest part of a photo that has the proportions of `size`, around a face or in the middle.
 *
 * @param {Blob} photo
 * @param {{ width: number, height: number }} size
 * @param {{ x: number, y: number, width: number, height: number }} [box] - of the face
 * @returns {Promise<Blob>} of that size
 */
export async function cropped(photo, size, box) {
	const bitmap = await createImageBitmap(photo);
	const wide = bitmap.width / bitmap.height > size.width / size.height;
	let width = wide ? (bitmap.height * size.width) / size.height : bitmap.width;
	if (box !== undefined) {
		// About as much around a face as portraits have.
		const around = 2 * Math.max(box.width, (box.height * size.width) / size.height);
		width = Math.min(width, around);
	}
	const height = (width * size.height) / size.width;
	const centre =
		box === undefined
			? { x: bitmap.width / 2, y: bitmap.height / 2 }
			: { x: box.x + box.width / 2, y: box.y + box.height / 2 };
	const x = Math.min(Math.max(centre.x - width / 2, 0), bitmap.width - width);
	const y = Math.min(Math.max(centre.y - height / 2, 0), bitmap.height - height);
	return await drawn(bitmap, { x, y, width, height }, size, 'image/png');
}

/** Not larger than this in either direction. */
export async function shrunk(photo, most) {
	const bitmap = await createImageBitmap(photo).catch(() => undefined);
	if (bitmap === undefined || Math.max(bitmap.width, bitmap.height) <= most) return photo;
	const { width, height } = bitmap;
	const scale = most / Math.max(width, height);
	return await drawn(
		bitmap,
		{ x: 0, y: 0, width, height },
		{ width: Math.round(width * scale), height: Math.round(height * scale) },
	);
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
