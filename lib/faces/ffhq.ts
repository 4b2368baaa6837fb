// Where FFHQ cuts a face out of a photo: by its eyes and mouth, upright (upstream's `image_align`,
// https://github.com/foivospar/Arc2Face, after https://github.com/NVlabs/ffhq-dataset).
import type { Point } from '../geometry.ts';

/** What the cut depends on, in pixels of the photo: the middles of the eyes, the corners of the mouth, at the face's own left first. */
export type Features = Readonly<Record<'leftEye' | 'rightEye' | 'leftCorner' | 'rightCorner', Point>>;

/** Of 68 landmarks in iBUG's order. */
export function featuresOfLandmarks(landmarks: readonly Point[]): Features {
	return {
		leftEye: mean(landmarks.slice(36, 42)),
		rightEye: mean(landmarks.slice(42, 48)),
		leftCorner: landmarks[48]!,
		rightCorner: landmarks[54]!,
	};
}

/** A detector's five keypoints, by 68 landmarks in iBUG's order. */
export function keypointsOfLandmarks(landmarks: readonly Point[]): readonly Point[] {
	const { leftEye, rightEye, leftCorner, rightCorner } = featuresOfLandmarks(landmarks);
	return [leftEye, rightEye, landmarks[30]!, leftCorner, rightCorner];
}

/** Of a detector's five keypoints: eyes, nose, mouth corners. */
export function featuresOfKeypoints([leftEye, rightEye, , leftCorner, rightCorner]: readonly Point[]): Features {
	return { leftEye: leftEye!, rightEye: rightEye!, leftCorner: leftCorner!, rightCorner: rightCorner! };
}

/** x and y of the square's top left, bottom left, bottom right and top right. */
export function ffhqSquare({ leftEye, rightEye, leftCorner, rightCorner }: Features): Float64Array {
	const eyes = mean([leftEye, rightEye]);
	const e = [rightEye[0] - leftEye[0], rightEye[1] - leftEye[1]] as const;
	const mouth = mean([leftCorner, rightCorner]);
	const m = [mouth[0] - eyes[0], mouth[1] - eyes[1]] as const;
	// Between the line of the eyes and a perpendicular to that from eyes to mouth, of half the square's side.
	const direction = [e[0] + m[1], e[1] - m[0]] as const;
	const half = Math.max(2 * Math.hypot(...e), 1.8 * Math.hypot(...m)) / Math.hypot(...direction);
	const u = [direction[0] * half, direction[1] * half] as const;
	const v = [-u[1], u[0]] as const;
	const centre = [eyes[0] + 0.1 * m[0], eyes[1] + 0.1 * m[1]] as const;
	const corner = (a: number, b: number) => [centre[0] + a * u[0] + b * v[0], centre[1] + a * u[1] + b * v[1]];
	return Float64Array.from([corner(-1, -1), corner(-1, 1), corner(1, 1), corner(1, -1)].flat());
}

function mean(points: readonly Point[]): Point {
	const sum = (axis: 0 | 1) => points.reduce((total, point) => total + point[axis], 0);
	return [sum(0) / points.length, sum(1) / points.length];
}
