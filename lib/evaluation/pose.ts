// How a head is turned, estimated from the five keypoints of its face.
import type { Point } from '../geometry.ts';

/** Degrees: yaw positive when the face turns to the image's right, pitch when it looks up, roll when it leans clockwise in the image. */
export type PoseEstimate = Readonly<{ yaw: number; pitch: number; roll: number }>;

export const angles = ['yaw', 'pitch', 'roll'] as const satisfies (keyof PoseEstimate)[];

/**
 * How far the tip of the nose is in front of the eyes, in eye distances. From far away, eyes a distance e apart and a nose d in front of
 * them appear e · cos(yaw) wide and d · sin(yaw) aside, so the quotient is d/e · tan(yaw). This d/e fits the known poses of
 * `test/fixtures/faces` best: the estimate is off by 4.7° there (root mean square).
 */
const noseLength = 0.6;

/**
 * Likewise from the eyes down to the mouth: the nose of a level face is at this share of the way, and this share of the way in front. Off by
 * 6.0°, most of which is that noses differ, so that it says more of one person's portraits among themselves than of a face alone.
 */
const noseHeight = 0.515;
const noseReach = 0.74;

/** @param keypoints - eyes, nose, mouth corners, left before right */
export function estimatePose(keypoints: readonly Point[]): PoseEstimate {
	const [left, right, nose, mouthLeft, mouthRight] = keypoints as [Point, Point, Point, Point, Point];
	const eyes = between(left, right);
	const across = from(left, right);
	const down = from(eyes, between(mouthLeft, mouthRight));
	const out = from(eyes, nose);
	const aside = dot(out, across) / dot(across, across);
	// Perpendicular to the line of the eyes, whatever the roll.
	const upright = [-across[1], across[0]] as const;
	const below = dot(out, upright) / dot(down, upright);
	return {
		yaw: degrees(Math.atan(aside / noseLength)),
		pitch: degrees(Math.atan((noseHeight - below) / noseReach)),
		roll: degrees(Math.atan2(across[1], across[0])),
	};
}

function between(a: Point, b: Point): Point {
	return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function from(a: Point, b: Point): Point {
	return [b[0] - a[0], b[1] - a[1]];
}

function dot(a: Point, b: Point): number {
	return a[0] * b[0] + a[1] * b[1];
}

function degrees(radians: number): number {
	return radians * (180 / Math.PI);
}
