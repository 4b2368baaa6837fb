// The options of `generate` for what steers portraits besides their identity.
import type { Point } from '../geometry.ts';
import type { Photo } from '../photo/forms.ts';
import { isArrayLike, isFloat32Array } from './brands.ts';
import { check, invalid, number, type Rule, rules } from './check.ts';
import { type FaceChoice, faceRule, isPoint } from './faces.ts';

/** The options of `generate` for a model that was loaded with `control`, `expression` or `reference`. */
export interface SteeringOptions {
	/** A pose, or an image that says the same to the bundle's ControlNet. For a model that was loaded with `control: true`. */
	control?: ControlOptions | undefined;
	/**
	 * A name of `info.expressions`, or 55 numbers: 50 of the face, 2 of the eyelids, 3 of the jaw, as FLAME and SMIRK have them. For a model
	 * that was loaded with `expression: true`.
	 */
	expression?: string | ArrayLike<number> | undefined;
	/** How strongly the expression shows, 0–2 (default 1). */
	expressionScale?: number | undefined;
	/** Keep what else a photo shows: clothes, light, backdrop, and with the official weights hair. For a model that was loaded with `reference: true`. */
	reference?: ReferenceOptions | undefined;
}

/** What steers by a ControlNet: a pose or an image. */
export interface ControlOptions {
	/** How the head is turned. The normal map of a head is drawn for it, as the bundle's ControlNet expects. */
	pose?: Pose | undefined;
	/** Instead: a normal map, or whatever the bundle's ControlNet was trained on; resized to the portrait as diffusers does. */
	image?: Photo | undefined;
	/** How strongly it steers, 0–2 (default 1). */
	scale?: number | undefined;
}

/** How a head is turned, in degrees: it nods, then turns, then leans. */
export interface Pose {
	/** −90–90; positive: the face turns to the image's right, which is the person's left (default 0). */
	yaw?: number | undefined;
	/** −60–60; positive: the face looks up (default 0). */
	pitch?: number | undefined;
	/** −60–60; positive: the head leans clockwise in the image, to the person's left shoulder (default 0). */
	roll?: number | undefined;
}

/** A photo that portraits are to look like. */
export interface ReferenceOptions {
	/** A file, its bytes, or pixels. */
	photo: Photo;
	/** How strongly the adapter's layers act, 0–2 (default 0.8). Less leaves more to the expression and the pose. */
	scale?: number | undefined;
	/** Which face of the photo is aligned, as for `encode` (default: the largest). */
	face?: FaceChoice | undefined;
	/**
	 * Instead of a face: its 68 landmarks in iBUG's order, in pixels of the upright photo, such as face_alignment's, which upstream takes. Five
	 * keypoints cut the photo elsewhere by some pixels.
	 */
	landmarks?: readonly Point[] | undefined;
	/** Whether the photo is turned, cut and padded so that its face lies where FFHQ has faces (default true); false: as it is, resized. */
	align?: boolean | undefined;
	/**
	 * Standard normal noise of the photo's latents, [4, height / 8, width / 8] for all images or for each (default: a fixed draw, so that
	 * a photo always has the same latents).
	 */
	noise?: Float32Array | undefined;
}

const mostScale = 2;
const usualReferenceScale = 0.8; // of upstream's demo

const expressionLength = 55;
const scaleRule = number(0, mostScale);

export const steeringRules = {
	control: rules.object,
	expression: {
		expected: `a name, or ${expressionLength} finite numbers (50 of the face, 2 of the eyelids, 3 of the jaw)`,
		fits: (value) => (typeof value === 'string' ? value !== '' : isNumbers(value, expressionLength)),
	},
	expressionScale: scaleRule,
	reference: rules.object,
} as const satisfies Record<keyof SteeringOptions, Rule>;

const landmarksRule: Rule = {
	expected: '68 points [x, y]',
	fits: (value) => Array.isArray(value) && value.length === 68 && value.every(isPoint),
};

const poseRule: Rule = {
	...rules.object,
	remedy: () => "Pass degrees, such as `{ yaw: 30 }`, which turns the face to the image's right.",
};
const poseRules = { yaw: number(-90, 90), pitch: number(-60, 60), roll: number(-60, 60) };

/** Options of options that may be taken for those of `generate`, or of `control`: how to pass them. @internal */
export const steeringPlaces = {
	pose: 'control: { pose }',
	...Object.fromEntries(Object.keys(poseRules).map((angle) => [angle, `control: { pose: { ${angle} } }`])),
};

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for options that break their rules, or do not go together */
export function checkSteeringOptions(options: SteeringOptions): void {
	const { control, expression, expressionScale, reference } = options;
	if (control !== undefined) checkControl(control);
	if (expressionScale !== undefined && expression === undefined) {
		throw invalid('an expression', 'expressionScale', 'none with it');
	}
	if (reference !== undefined) checkReference(reference);
}

function checkControl(control: ControlOptions): void {
	const photo: Rule = { expected: 'a photo', fits: (value) => value !== null };
	check('control', control, { pose: poseRule, image: photo, scale: scaleRule }, 'control.', steeringPlaces);
	const { pose, image } = control;
	if ((pose === undefined) === (image === undefined)) {
		throw invalid('either a pose or an image', 'control', pose === undefined ? 'neither' : 'both');
	}
	if (pose !== undefined) check('control.pose', pose, poseRules, 'control.pose.');
}

function checkReference(reference: ReferenceOptions): void {
	const photo: Rule = { expected: 'a photo', fits: (value) => value !== null };
	const known = {
		...{ photo, scale: scaleRule, face: faceRule, landmarks: landmarksRule, align: rules.flag },
		noise: { expected: 'a Float32Array of finite numbers', fits: isFinite32 },
	};
	check('reference', reference, known, 'reference.');
	const { face, landmarks, align } = reference;
	if (reference.photo === undefined) throw invalid('a photo', 'reference.photo', 'none');
	if (align === false && face !== undefined) throw invalid('no face', 'reference.face', 'one, with `align: false`');
	if (landmarks === undefined) return;
	if (align === false) throw invalid('no landmarks', 'reference.landmarks', 'some, with `align: false`');
	if (face !== undefined) throw invalid('either a face or landmarks', 'reference.landmarks', 'both');
}

/** Checked options with their defaults, apart from what their caller may change; photos are as they were given. @internal */
export function resolveControl({ pose, image, scale = 1 }: ControlOptions) {
	if (pose === undefined) return { image: image!, scale };
	const { yaw = 0, pitch = 0, roll = 0 } = pose;
	return { pose: { yaw, pitch, roll }, scale };
}

/** As {@link resolveControl}. @internal */
export function resolveReference({
	photo,
	scale = usualReferenceScale,
	face,
	landmarks,
	align = true,
	noise,
}: ReferenceOptions) {
	return {
		...{ photo, scale, align },
		...(face !== undefined && {
			face: typeof face === 'object' ? pointsOf('keypoints' in face ? face.keypoints : face) : face,
		}),
		...(landmarks && { landmarks: pointsOf(landmarks) }),
		...(noise && { noise: noise.slice() }),
	};
}

/** What they resolve to. @internal */
export type ResolvedSteering = Readonly<{
	control?: ReturnType<typeof resolveControl>;
	expression?: Readonly<{ numbers: Float32Array; scale: number }>;
	reference?: ReturnType<typeof resolveReference>;
}>;

function pointsOf(points: readonly Point[]): Point[] {
	return points.map(([x, y]) => [x, y]);
}

function isNumbers(value: unknown, length: number): boolean {
	return isArrayLike(value) && value.length === length && Array.from(value).every(Number.isFinite);
}

function isFinite32(value: unknown): boolean {
	return isFloat32Array(value) && value.every(Number.isFinite);
}
