// Cuts faces out of photos as FFHQ does, so that images are compared in one framing.
import sharp from 'sharp';
import { featuresOfKeypoints, ffhqSquare } from '../faces/ffhq.ts';
import type { Point } from '../geometry.ts';
import type { Pixels } from '../photo.ts';

type Plain = Pick<Pixels, 'data' | 'width' | 'height'>;

/**
 * FFHQ's square around the face, upright. What lies beyond the photo's edges is mirrored; FFHQ's blur there, which needs the rest of its
 * pipeline, is left out. The photo is shrunk first, by sharp's Lanczos filter, so that nothing is sampled too coarsely; then pixels lie between its
 * own by Keys' cubic (1981, https://doi.org/10.1109/TASSP.1981.1163711, a = −½).
 *
 * @param keypoints - eyes, nose, mouth corners, in pixels of the photo
 * @param side - of the result, in pixels
 */
export async function cutFace(photo: Pixels, keypoints: readonly Point[], side: number): Promise<Pixels> {
	return await cutSquare(photo, ffhqSquare(featuresOfKeypoints(keypoints)), side);
}

/** @param square - x and y of its top left, bottom left, bottom right and top right; 0 is the middle of the first pixel */
export async function cutSquare(photo: Pixels, square: Float64Array, side: number): Promise<Pixels> {
	const own = Math.hypot(square[6]! - square[0]!, square[7]! - square[1]!); // along its upper edge
	const factor = Math.min(1, side / own);
	const source = factor === 1 ? photo : await shrunk(photo, factor);
	const [fx, fy] = [source.width / photo.width, source.height / photo.height];
	// As upstream has it, keypoints are at the middles of pixels.
	const corners = Array.from(square, (value, i) => (value + 0.5) * (i % 2 === 0 ? fx : fy));
	return { ...photo, data: sampled(source, corners, side), width: side, height: side };
}

/** The whole image in another size, unless it has it. */
export async function stretched(image: Pixels, side: number): Promise<Pixels> {
	if (image.width === side && image.height === side) return image;
	return { ...image, ...(await resized(image, side, side)) };
}

function shrunk(photo: Plain, factor: number): Promise<Plain> {
	return resized(photo, Math.max(1, Math.round(photo.width * factor)), Math.max(1, Math.round(photo.height * factor)));
}

async function resized({ data, width, height }: Plain, toWidth: number, toHeight: number): Promise<Plain> {
	const pixels = await sharp(data, { raw: { width, height, channels: 3 } })
		.resize(toWidth, toHeight, { fit: 'fill' })
		.raw()
		.toBuffer();
	return { data: pixels, width: toWidth, height: toHeight };
}

/** @param corners - x and y of top left, bottom left, bottom right and top right: a square, turned */
function sampled({ data, width, height }: Plain, corners: readonly number[], side: number): Uint8Array {
	const [x0, y0, x1, y1, , , x3, y3] = corners as [number, number, number, number, number, number, number, number];
	const [acrossX, acrossY] = [(x3 - x0) / side, (y3 - y0) / side];
	const [downX, downY] = [(x1 - x0) / side, (y1 - y0) / side];
	const result = new Uint8Array(3 * side * side);
	const [columns, rows] = [new Int32Array(4), new Int32Array(4)];
	const [wx, wy] = [new Float64Array(4), new Float64Array(4)];
	for (let row = 0; row < side; row++) {
		for (let column = 0; column < side; column++) {
			// Pixels are squares whose middles are half a pixel in.
			const x = x0 + (column + 0.5) * acrossX + (row + 0.5) * downX - 0.5;
			const y = y0 + (column + 0.5) * acrossY + (row + 0.5) * downY - 0.5;
			const [left, top] = [Math.floor(x), Math.floor(y)];
			for (let k = 0; k < 4; k++) {
				columns[k] = mirrored(left + k - 1, width);
				rows[k] = mirrored(top + k - 1, height);
				wx[k] = keys(x - left - (k - 1));
				wy[k] = keys(y - top - (k - 1));
			}
			for (let channel = 0; channel < 3; channel++) {
				let sum = 0;
				for (let j = 0; j < 4; j++) {
					const from = rows[j]! * width;
					let line = 0;
					for (let i = 0; i < 4; i++) line += wx[i]! * data[3 * (from + columns[i]!) + channel]!;
					sum += wy[j]! * line;
				}
				result[3 * (row * side + column) + channel] = Math.min(255, Math.max(0, Math.round(sum)));
			}
		}
	}
	return result;
}

function mirrored(at: number, length: number): number {
	const period = 2 * length;
	const within = ((at % period) + period) % period;
	return within < length ? within : period - 1 - within;
}

function keys(distance: number): number {
	const d = Math.abs(distance);
	if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
	return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}
