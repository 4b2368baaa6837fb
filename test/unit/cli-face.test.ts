// What commands say about the face that they took.
import { expect, test } from 'vitest';
import type { Arc2Face } from '../../lib/arc2face.ts';
import { encodeFace, faceChoice, faceText } from '../../lib/cli/face.ts';
import { faceWarnings } from '../../lib/faces/choice.ts';
import type { EncodedFace, Point } from '../../lib/geometry.ts';
import { Identity } from '../../lib/identity.ts';
import type { EncodeOptions } from '../../lib/options/faces.ts';

const keypoints = Array<Point>(5).fill([1, 2]);
const box = { x: 39.6, y: 31.2, width: 212.4, height: 286.7 };
const face: EncodedFace = { keypoints, box, score: 0.614, rotation: 0, index: 0, count: 3 };

test('is where it is, of how many, and how sure', () => {
	expect(faceText(face)).toBe('face 0 of 3, 212 × 287 pixels at 40, 31, score 0.61');
	expect(faceText({ ...face, rotation: 90 })).toBe(
		'face 0 of 3, 212 × 287 pixels at 40, 31, score 0.61, in the photo turned by 90°',
	);
	expect(faceText({ keypoints })).toBe('by its keypoints');
});

test('and what may be wrong with it, once each', async () => {
	const photo = { name: 'the photo anna.png', photo: 'anna.png', data: new Uint8Array(), width: 500, height: 500 };
	const warnings = faceWarnings(face, photo, { chosen: false, withBorder: false });
	const asked: (EncodeOptions | undefined)[] = [];
	const model = {
		encode: async (_: unknown, options?: EncodeOptions) => {
			asked.push(options);
			return Identity.ofFace(
				Float32Array.from({ length: 512 }, () => 1),
				face,
				warnings,
			);
		},
	} as unknown as Arc2Face;
	const notes: string[] = [];
	const context = {
		signal: new AbortController().signal,
		note: (text: string) => notes.push(text),
		report() {},
		endEarly() {},
		continuable() {},
		progress() {},
	};
	const identity = await encodeFace(model, 'anna.png', { face: 'only', threshold: 0.3, context });
	expect(identity.face).toBe(face);
	expect(asked).toEqual([{ face: 'only', threshold: 0.3, signal: context.signal }]);
	expect(notes).toEqual([
		expect.stringMatching(/There are 3 faces.*--face: its index, or largest/),
		expect.stringContaining('score of 0.61'),
	]);
});

test('none is asked for unless an option does: a word about several is said then', () => {
	expect(faceChoice({ face: undefined, keypoints: undefined })).toBeUndefined();
	expect(faceChoice({ face: 'largest', keypoints: undefined })).toBe('largest');
});
