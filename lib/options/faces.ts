// The options of `detect` and `encode`.
import type { EncodedFace, Point } from '../geometry.ts';
import { check, integer, number, type Rule, rules } from './check.ts';
import { detectionSizeRule, usualDetectionSize } from './sizes.ts';

/** The options of `detect`. */
export interface DetectOptions {
	/**
	 * Side of the square that the photo is fitted into, a multiple of 32, 32–4096 (default: that of `load`, 640). Larger finds smaller
	 * faces. A GPU supports only that of `load`.
	 */
	detectionSize?: number | undefined;
	/** Least score, 0–1 (default 0.5). */
	threshold?: number | undefined;
	/** When it aborts, the call rejects with its reason. */
	signal?: AbortSignal | undefined;
}

/**
 * `"only"` fails when there are several faces; a number counts from the largest, 0; a face from `detect` or five keypoints, in pixels of
 * the upright photo, need no detection.
 */
export type FaceChoice = 'largest' | 'only' | number | Pick<EncodedFace, 'keypoints'> | readonly Point[];

/** The options of `encode`. */
export interface EncodeOptions extends DetectOptions {
	/** Which face of the photo (default: the largest, with a warning if there are several). */
	face?: FaceChoice | undefined;
}

/** Which of the detected faces; `undefined` if not chosen. @internal */
export type DetectedChoice = 'largest' | 'only' | number | undefined;

/** @internal */
export function resolveDetectOptions(options: DetectOptions = {}, usualSize = usualDetectionSize) {
	check('detect', options, detectRules);
	const { detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { detectionSize, threshold, signal };
}

/** @internal */
export function resolveEncodeOptions(options: EncodeOptions = {}, usualSize = usualDetectionSize) {
	check('encode', options, { ...detectRules, face: faceRule });
	const { face, detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { face: typeof face === 'object' ? given(face) : face, detectionSize, threshold, signal };
}

/** A face that needs no detection; it keeps its box and score if it has them, as those from `detect` do. */
function given(face: Exclude<FaceChoice, DetectedChoice>): EncodedFace {
	if (!('keypoints' in face)) return { keypoints: face };
	const { keypoints, box, score, rotation }: EncodedFace = face;
	const isWhole = number(0, 1).fits(score) && Number.isFinite(box?.width) && Number.isFinite(box?.height);
	return isWhole ? { keypoints, box, score, rotation } : { keypoints };
}

const detectRules = {
	detectionSize: detectionSizeRule,
	threshold: number(0, 1),
	signal: rules.signal,
} satisfies Record<string, Rule>;

const mostFaces = 65_535;

export const faceRule: Rule = {
	expected: ({ either }) =>
		either(
			'"largest", "only", an index from 0, a face or five keypoints [x, y]',
			`largest, only or an index from 0 to ${mostFaces}`,
		),
	fits: (value) => {
		if (value === 'largest' || value === 'only') return true;
		if (typeof value !== 'object' || value === null) return integer(0, mostFaces).fits(value);
		const keypoints: unknown = 'keypoints' in value ? value.keypoints : value;
		return Array.isArray(keypoints) && keypoints.length === 5 && keypoints.every(isPoint);
	},
};

export function isPoint(value: unknown): boolean {
	return Array.isArray(value) && value.length === 2 && value.every((number) => Number.isFinite(number));
}
