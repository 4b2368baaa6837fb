// The square around eyes, nose and mouth: what is judged of a face, whoever it is.
import type { Point } from '../../lib/index.ts';

export type Square = Readonly<{ centre: Point; side: number }>;
/** RGB, 8 bits a channel, top row first. */
export type Pixels = Readonly<{ data: Uint8Array; width: number; height: number }>;

/** Its side, in the larger of two distances: between the eyes, and from them to the mouth. As in the recipe's `squares.py`. */
const sideInDistances = 2.4;

export function squareAround(keypoints: readonly Point[]): Square {
	const [left, right, , mouthLeft, mouthRight] = keypoints as [Point, Point, Point, Point, Point];
	const [eyes, mouth] = [between(left, right), between(mouthLeft, mouthRight)];
	const side = sideInDistances * Math.max(distance(left, right), distance(eyes, mouth));
	return { centre: between(eyes, mouth), side };
}

/** A point's place as shares of the square's side, 0 at its left and upper edge. */
export function within([x, y]: Point, { centre, side }: Square): Point {
	return [(x - centre[0]) / side + 0.5, (y - centre[1]) / side + 0.5];
}

/**
 * The square as `size` × `size` pixels, bilinear; outside of the image its edge goes on. Where the image is finer than
 * that, a pixel is the mean of as many samples as there are pixels in it.
 *
 * @returns [3, size, size], 0 to 255
 */
export function cut(image: Pixels, { centre, side }: Square, size: number): Float32Array {
	const fine = Math.max(1, Math.round(side / size));
	const place = (k: number, middle: number) => middle + side * ((k + 0.5) / (size * fine) - 0.5);
	const channels = new Float32Array(3 * size * size);
	for (let row = 0; row < size * fine; row++) {
		for (let column = 0; column < size * fine; column++) {
			const at = Math.floor(row / fine) * size + Math.floor(column / fine);
			const [x, y] = [place(column, centre[0]), place(row, centre[1])];
			for (let c = 0; c < 3; c++) channels[c * size * size + at]! += sample(image, x, y, c) / fine ** 2;
		}
	}
	return channels;
}

function sample({ data, width, height }: Pixels, x: number, y: number, channel: number): number {
	const [u, v] = [clamp(x, width - 1), clamp(y, height - 1)];
	const [x0, y0] = [Math.floor(u), Math.floor(v)];
	const [x1, y1] = [Math.min(x0 + 1, width - 1), Math.min(y0 + 1, height - 1)];
	const at = (column: number, row: number) => data[3 * (row * width + column) + channel]!;
	const upper = at(x0, y0) * (1 - u + x0) + at(x1, y0) * (u - x0);
	const lower = at(x0, y1) * (1 - u + x0) + at(x1, y1) * (u - x0);
	return upper * (1 - v + y0) + lower * (v - y0);
}

function clamp(value: number, most: number): number {
	return Math.min(Math.max(value, 0), most);
}

function between(a: Point, b: Point): Point {
	return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

export function distance(a: Point, b: Point): number {
	return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
