// Chooses one of the faces in a photo, and warns about what may be wrong with it.
import { Arc2FaceError } from '../errors.ts';
import type { Box, EncodedFace } from '../geometry.ts';
import { type Sentence, say, type Wording } from '../messages/wording.ts';
import type { DetectedChoice } from '../options/faces.ts';
import type { Pixels } from '../photo.ts';
import { type Warning, type WarningCode, warning } from '../warnings.ts';
import type { FoundFaces } from './search.ts';

/**
 * Below this, the embedded bundle's detector sees faces in curls, beards and leaves; recognisable faces score higher. Other detectors have
 * other scales: it only makes a warning.
 */
const lowScore = 0.7;

/** Pixels: a face of the embedded bundle's photos has a similarity to itself of 0.99 at this width, 0.96 at 24, and 0.85 at 16. */
const smallWidth = 32;

/**
 * Margin needed between the face's box and the photo's edge, as a share of the box. With none, similarity to the face in the whole photo
 * falls to 0.4; with a tenth, to 0.88.
 */
const leastMargin = 0.05;

/** What a face is looked for: the name of the option that chooses it, and what helps where there is none. */
export interface FaceUse {
	option: 'face' | 'reference.face';
	unfound: Sentence;
}

const identityUse: FaceUse = {
	option: 'face',
	unfound: ({ option, either }) =>
		`For small faces raise ${option('detectionSize')}; for blurred or hidden ones lower ${option('threshold')}, or pass ` +
		`${either('their keypoints as `face`', 'the points of one with --keypoints')}.`,
};

export const referenceUse: FaceUse = {
	option: 'reference.face',
	unfound: ({ either }) =>
		either(
			'Or pass its five keypoints as `reference.face`, or `align: false` for one that is aligned.',
			'Or take one that is aligned as it is, with --reference-as-is.',
		),
};

/** @throws {Arc2FaceError} `NO_FACE`; `INVALID_ARGUMENT` for `"only"` with several faces */
export function chooseFace(
	found: FoundFaces,
	choice: DetectedChoice,
	photo: Pixels,
	use: FaceUse = identityUse,
): EncodedFace {
	const { faces } = found;
	const count = faces.length;
	if (count === 0) throw noFace(photo, use);
	if (choice === 'only' && count > 1) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			({ option }) => `Expected one face in ${photo.name}, as ${option(use.option)} is only, but found ${count}.`,
			{
				remedy: ({ option, either }) =>
					`Pass ${either('"largest"', 'largest')}, or an index from 0 (the largest) to ${count - 1}, for ${option(use.option)}; ` +
					`${detect(either)} tells where each is.`,
				details: { option: use.option, photo: photo.photo, faces: count },
			},
		);
	}
	const index = typeof choice === 'number' ? choice : 0;
	const face = faces[index];
	if (face === undefined) {
		throw new Arc2FaceError(
			'NO_FACE',
			({ option }) =>
				`Expected at least ${index + 1} faces in ${photo.name}, as ${option(use.option)} is ${index}, but found ${count}.`,
			{
				remedy: ({ option, either }) =>
					count === 1
						? `Leave ${option(use.option)} out, or pass 0.`
						: `Pass an index from 0 to ${count - 1} for ${option(use.option)}; ${detect(either)} tells where each face is.`,
				details: { photo: photo.photo, faces: count },
			},
		);
	}
	return { ...face, index, count };
}

function detect(either: Wording['either']): string {
	return either('`detect`', '`arc2face detect`');
}

function noFace({ name, photo, width, height }: Pixels, { unfound }: FaceUse): Arc2FaceError {
	return new Arc2FaceError(
		'NO_FACE',
		`Found no face in ${name} (${width} × ${height} pixels), neither as it is nor turned, nor with a border around it.`,
		{
			remedy: (wording) => `Use a photo in which a face is large, sharp and not cut off. ${say(unfound, wording)}`,
			details: { photo, faces: 0 },
		},
	);
}

/** Those of its warnings that matter where the face only tells where the photo is cut. */
export function doubtsOf(face: EncodedFace, photo: Pixels, chosen: boolean, use: FaceUse): Warning[] {
	const told: readonly WarningCode[] = ['SEVERAL_FACES', 'UNSURE_FACE', 'TURNED_FACE'];
	return faceWarnings(face, photo, { chosen, withBorder: false, use }).filter(({ code }) => told.includes(code));
}

/** Of a face found, not given: `chosen` by the caller or not, found with a border around the photo or without. */
export function faceWarnings(
	{ score, box, rotation, count }: EncodedFace,
	photo: Pixels,
	{ chosen, withBorder, use = identityUse }: { chosen: boolean; withBorder: boolean; use?: FaceUse },
): Warning[] {
	const { name } = photo;
	const warnings: Warning[] = [];
	const warn = (code: WarningCode, message: Sentence) => warnings.push(warning(code, message));
	if (!chosen && count !== undefined && count > 1) {
		warn(
			'SEVERAL_FACES',
			({ option, either }) =>
				`There are ${count} faces in ${name}, of which the largest was taken. Choose one with ${option(use.option)}: ` +
				`its index, or ${either('"largest"', 'largest')} if that is meant.`,
		);
	}
	if (score !== undefined && score < lowScore) {
		warn(
			'UNSURE_FACE',
			`The face in ${name} has a score of ${score.toFixed(2)}, below ${lowScore}: it may be none, or hidden or blurred. Look at its box, or use another photo.`,
		);
	}
	if (box !== undefined && Math.min(box.width, box.height) < smallWidth) {
		const size = `${Math.round(box.width)} × ${Math.round(box.height)}`;
		warn(
			'SMALL_FACE',
			`The face in ${name} has ${size} pixels; with fewer than ${smallWidth} in a direction the identity is vague. Use a larger photo.`,
		);
	}
	if (rotation !== undefined && rotation !== 0) {
		warn(
			'TURNED_FACE',
			`The face in ${name} was found with the photo turned by ${rotation}° clockwise. If that is wrong, turn the photo upright.`,
		);
	}
	if (withBorder || (box !== undefined && reachesEdge(box, photo))) {
		warn(
			'CUT_FACE',
			`The face in ${name} reaches the edge of the photo, and what is cut off is missing in the identity. Leave room around faces.`,
		);
	}
	return warnings;
}

function reachesEdge({ x, y, width, height }: Box, photo: Pixels): boolean {
	const across = Math.min(x, photo.width - x - width) / width;
	const down = Math.min(y, photo.height - y - height) / height;
	return !(Math.min(across, down) >= leastMargin);
}
