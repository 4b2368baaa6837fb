// Faces on the command line: options to choose one, and what is said about the one taken.
import type { Arc2Face } from '../arc2face.ts';
import type { EncodedFace } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import { type FaceChoice, resolveDetectOptions } from '../options/faces.ts';
import type { Photo } from '../photo/forms.ts';
import { type Context, UsageError } from './command.ts';
import { parseNumber } from './values.ts';
import { warningsOf } from './wording.ts';

/** The options of every command that looks for faces. */
export const detectOptions = {
	threshold: { type: 'number', value: 'X', help: 'least score of a face, 0 to 1 (default: 0.5)' },
} as const;

/** The options of every command that encodes a photo. */
export const faceOptions = {
	...detectOptions,
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

/**
 * @returns undefined when none was made
 * @throws {UsageError} for both options at once, or for what is no choice of a face
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a threshold out of its range
 */
export function faceChoice({
	face,
	keypoints,
	threshold,
}: {
	face: string | undefined;
	keypoints: string | undefined;
	threshold?: number | undefined;
}): FaceChoice | undefined {
	resolveDetectOptions({ threshold });
	if (face !== undefined && keypoints !== undefined) {
		throw new UsageError('Expected either --face or --keypoints but received both.');
	}
	if (keypoints !== undefined) return parseKeypoints(keypoints);
	return face === undefined ? undefined : parseFace(face, '--face');
}

/** @throws {UsageError} for what is no choice of a face */
export function parseFace(face: string, flag: string): Extract<FaceChoice, string | number> {
	if (face === 'largest' || face === 'only') return face;
	if (/^\d+$/.test(face)) return Number(face);
	throw new UsageError(`Expected largest, only or an index for ${flag} but received "${face}".`);
}

function parseKeypoints(text: string): [number, number][] {
	const numbers = text.split(',').map((part) => parseNumber(part, '--keypoints'));
	if (numbers.length !== 10) {
		throw new UsageError(`Expected 10 numbers for --keypoints but received ${numbers.length}.`);
	}
	return Array.from({ length: 5 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
}

/** Encodes a photo, and tells the user what may be wrong with its face. */
export async function encodeFace(
	model: Arc2Face,
	photo: Photo,
	{ face, threshold, context }: { face?: FaceChoice | undefined; threshold: number | undefined; context: Context },
): Promise<Identity> {
	const identity = await model.encode(photo, { face, threshold, signal: context.signal });
	for (const { message } of warningsOf(identity)) context.note(message);
	return identity;
}

/** The face in words: `face 0 of 3, 212 × 287 pixels at 40, 31, score 0.91`. */
export function faceText({ index, count, box, score, rotation }: EncodedFace): string {
	if (box === undefined || score === undefined) return 'by its keypoints';
	const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(Math.round);
	const turned = rotation === undefined || rotation === 0 ? '' : `, in the photo turned by ${rotation}°`;
	return `face ${index} of ${count}, ${width} × ${height} pixels at ${x}, ${y}, score ${score.toFixed(2)}${turned}`;
}
