// How sharp a face is.
import type { Point } from '../../lib/index.ts';
import { type Pixels, squareAround } from './square.ts';

/**
 * The energy of a Laplacian (LAP1 of Pertuz et al. 2013, https://doi.org/10.1016/j.patcog.2012.11.011) over the square around eyes, nose
 * and mouth: the mean square of how far a pixel's brightness, taken four times, is from its four neighbours'. Compare images of one
 * size only.
 *
 * @returns in levels of 255, squared; NaN if the square has no pixel with four neighbours
 */
export function sharpness({ data, width, height }: Pixels, keypoints: readonly Point[]): number {
	const { centre, side } = squareAround(keypoints);
	const range = (middle: number, size: number) => [
		Math.max(Math.ceil(middle - side / 2), 1),
		Math.min(Math.floor(middle + side / 2), size - 2),
	];
	const [left, right] = range(centre[0], width) as [number, number];
	const [top, bottom] = range(centre[1], height) as [number, number];
	// Luma of ITU-R BT.601.
	const luma = (at: number) => 0.299 * data[3 * at]! + 0.587 * data[3 * at + 1]! + 0.114 * data[3 * at + 2]!;
	let [sum, count] = [0, 0];
	for (let y = top; y <= bottom; y++) {
		for (let x = left; x <= right; x++) {
			const at = y * width + x;
			sum += (luma(at - width) + luma(at + width) + luma(at - 1) + luma(at + 1) - 4 * luma(at)) ** 2;
			count++;
		}
	}
	return sum / count;
}
