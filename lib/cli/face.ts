// The choice of a face, as options say it.
import type { FaceChoice } from '../options/faces.ts';
import { UsageError } from './command.ts';
import { parseNumber } from './values.ts';

/** The options of every command that encodes a photo. */
export const faceOptions = {
	face: {
		type: 'string',
		value: 'FACE',
		help: 'largest, only, or an index counted from the largest (default: largest)',
	},
	keypoints: {
		type: 'string',
		value: 'X,Y,…',
		help: 'eyes, nose and mouth corners in pixels (10 numbers), instead of detection',
	},
} as const;

/** @throws {UsageError} for both options at once, or for what is no choice of a face */
export function faceChoice({
	face,
	keypoints,
}: {
	face: string | undefined;
	keypoints: string | undefined;
}): FaceChoice {
	if (face !== undefined && keypoints !== undefined) {
		throw new UsageError('Expected either --face or --keypoints but received both.');
	}
	if (keypoints !== undefined) return parseKeypoints(keypoints);
	if (face === undefined || face === 'largest' || face === 'only') return face ?? 'largest';
	if (/^\d+$/.test(face)) return Number(face);
	throw new UsageError(`Expected largest, only or an index for --face but received "${face}".`);
}

function parseKeypoints(text: string): [number, number][] {
	const numbers = text.split(',').map((part) => parseNumber(part, '--keypoints'));
	if (numbers.length !== 10) {
		throw new UsageError(`Expected 10 numbers for --keypoints but received ${numbers.length}.`);
	}
	return Array.from({ length: 5 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
}
