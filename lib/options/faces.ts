// What `detect` and `encode` accept.
import type { Face, Point } from '../geometry.ts';
import { check, integer, number, type Rule, rules } from './check.ts';
import { detectionSizeRule, usualDetectionSize } from './sizes.ts';

export interface DetectOptions {
	/**
	 * Side of the square that the photo is fitted into, a multiple of 32, 32–4096 (default: that of `load`, 640). Larger finds smaller
	 * faces. A GPU has that of `load` only.
	 */
	detectionSize?: number | undefined;
	/** Least score, 0–1 (default 0.5). */
	threshold?: number | undefined;
	signal?: AbortSignal | undefined;
}

/** `"only"` fails when there are several faces; a number counts from the largest, 0; keypoints need no detection. */
export type FaceChoice = 'largest' | 'only' | number | Pick<Face, 'keypoints'> | readonly Point[];

export interface EncodeOptions extends DetectOptions {
	/** Which face of the photo (default `"largest"`). */
	face?: FaceChoice | undefined;
}

/** @internal */
export function resolveDetectOptions(options: DetectOptions = {}, usualSize = usualDetectionSize) {
	check('detect', options, detectRules);
	const { detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { detectionSize, threshold, signal };
}

/** @internal */
export function resolveEncodeOptions(options: EncodeOptions = {}, usualSize = usualDetectionSize) {
	check('encode', options, { ...detectRules, face: faceRule });
	const { face = 'largest', detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { face: nativeFaceChoice(face, detectionSize, threshold), signal };
}

function nativeFaceChoice(face: FaceChoice, detectionSize: number, threshold: number) {
	if (typeof face === 'object') {
		const keypoints = 'keypoints' in face ? face.keypoints : face;
		return Float32Array.from(keypoints.flat());
	}
	return { detectionSize, threshold, index: typeof face === 'number' ? face : 0, only: face === 'only' };
}

const detectRules = {
	detectionSize: detectionSizeRule,
	threshold: number(0, 1),
	signal: rules.signal,
} satisfies Record<string, Rule>;

const faceRule: Rule = {
	expected: '"largest", "only", an index from 0, a face or five keypoints [x, y]',
	fits: (value) => {
		if (value === 'largest' || value === 'only') return true;
		if (typeof value !== 'object' || value === null) return integer(0, 65_535).fits(value);
		const keypoints: unknown = 'keypoints' in value ? value.keypoints : value;
		return Array.isArray(keypoints) && keypoints.length === 5 && keypoints.every(isPoint);
	},
};

function isPoint(value: unknown): boolean {
	return Array.isArray(value) && value.length === 2 && value.every((number) => Number.isFinite(number));
}
