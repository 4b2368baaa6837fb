// Turns and frames nobody's head. What the embedded bundle's ControlNet was trained on is drawn alike, by models/tiny/recipe/render/camera.py.
import type { Framing } from '../bundle/framing.ts';
import type { Size } from '../geometry.ts';
import type { Pose } from '../options/steering.ts';
import type { NeutralHead } from './head.ts';

/** Turned points in head space [n, 3] to x and y in pixels, whose centres are whole numbers, and nearness, which grows towards the viewer. */
export type Camera = (points: Float64Array) => Float64Array;

/** Where heads turn, their height and what is put at the middle of the image, in head units. */
const neckPivot = [0, -0.75, -0.2] as const;
const headUnits = 2.25;
const headMiddle = [0, -0.18, 0.3] as const;

type Matrix = readonly [readonly number[], readonly number[], readonly number[]];

/** Points [n, 3] turned about the neck: nod, then turn, then lean. */
export function turned(points: ArrayLike<number>, { yaw = 0, pitch = 0, roll = 0 }: Pose): Float64Array {
	const matrix = product(lean(roll), product(turn(yaw), nod(pitch)));
	const result = new Float64Array(points.length);
	for (let i = 0; i < points.length; i += 3) {
		for (let row = 0; row < 3; row++) {
			let sum = neckPivot[row]!;
			for (let k = 0; k < 3; k++) sum += matrix[row]![k]! * (points[i + k]! - neckPivot[k]!);
			result[i + row] = sum;
		}
	}
	return result;
}

/** The camera for a pose. An image that is not square shows the middle square of its shorter side, and more around it. */
export function cameraFor(head: NeutralHead, pose: Pose, framing: Framing, { width, height }: Size): Camera {
	const side = Math.min(width, height);
	const [left, top] = [(width - side) / 2, (height - side) / 2];
	const project = framing === 'ffhq' ? ffhqCamera(head, pose, side) : pinhole(pose, framing, side);
	return (points) => {
		const screen = project(points);
		for (let i = 0; i < screen.length; i += 3) {
			screen[i]! += left;
			screen[i + 1]! += top;
		}
		return screen;
	};
}

function pinhole(pose: Pose, { cameraDistance, headHeight }: Exclude<Framing, 'ffhq'>, side: number): Camera {
	const [x, y, z] = turned(headMiddle, pose) as unknown as [number, number, number];
	const focal = (side * headHeight * (cameraDistance - z)) / headUnits;
	const scale = focal / (cameraDistance - z);
	const [x0, y0] = [side / 2 - 0.5 - scale * x, side / 2 - 0.5 + scale * y];
	return (points) =>
		mapped(points, (px, py, pz) => {
			const nearness = 1 / (cameraDistance - pz);
			return [x0 + focal * px * nearness, y0 - focal * py * nearness, nearness];
		});
}

/** The square that `image_align` cuts out around these eyes and mouth, but not leaning with the head; see faces/ffhq.ts. */
function ffhqCamera(head: NeutralHead, pose: Pose, side: number): Camera {
	const middle = (two: Float32Array) => {
		const [x1, y1, , x2, y2] = turned(two, pose) as unknown as number[];
		return [(x1! + x2!) / 2, (y1! + y2!) / 2] as const;
	};
	const [ax, ay, , bx, by] = turned(head.eyes, pose) as unknown as number[];
	const [eyes, mouth] = [middle(head.eyes), middle(head.mouth)];
	const half = Math.max(2 * Math.hypot(bx! - ax!, by! - ay!), 1.8 * Math.hypot(mouth[0] - eyes[0], mouth[1] - eyes[1]));
	const scale = side / (2 * half);
	const centre = [eyes[0] + 0.1 * (mouth[0] - eyes[0]), eyes[1] + 0.1 * (mouth[1] - eyes[1])] as const;
	// Nearness has to be above 0, and nothing is further away than this.
	const behind = 10;
	return (points) =>
		mapped(points, (x, y, z) => [
			side / 2 - 0.5 + scale * (x - centre[0]),
			side / 2 - 0.5 - scale * (y - centre[1]),
			z + behind,
		]);
}

function mapped(
	points: Float64Array,
	project: (x: number, y: number, z: number) => readonly [number, number, number],
): Float64Array {
	const result = new Float64Array(points.length);
	for (let i = 0; i < points.length; i += 3) result.set(project(points[i]!, points[i + 1]!, points[i + 2]!), i);
	return result;
}

function radians(degrees: number): [sin: number, cos: number] {
	const angle = (degrees * Math.PI) / 180;
	return [Math.sin(angle), Math.cos(angle)];
}

/** The face to the image's right. */
function turn(yaw: number): Matrix {
	const [sin, cos] = radians(yaw);
	return [
		[cos, 0, sin],
		[0, 1, 0],
		[-sin, 0, cos],
	];
}

/** The face upwards. */
function nod(pitch: number): Matrix {
	const [sin, cos] = radians(pitch);
	return [
		[1, 0, 0],
		[0, cos, sin],
		[0, -sin, cos],
	];
}

/** Clockwise. */
function lean(roll: number): Matrix {
	const [sin, cos] = radians(roll);
	return [
		[cos, sin, 0],
		[-sin, cos, 0],
		[0, 0, 1],
	];
}

function product(a: Matrix, b: Matrix): Matrix {
	return a.map((row) =>
		[0, 1, 2].map((column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0)),
	) as unknown as Matrix;
}
