// Draws the normal map of nobody's head in a pose: what a ControlNet for poses is steered by. In the official one's colours
// (https://github.com/foivospar/Arc2Face/blob/3154749/gradio_demo/app_controlnet.py, where EMOCA draws FLAME's head with the renderer of
// https://github.com/yfeng95/DECA/blob/97555fb/decalib/utils/renderer.py): normals in camera space, x right, y up, z to the viewer, from
// −1 to 1 as 1 to 255, and mid-grey where there is no head.
import { setImmediate } from 'node:timers/promises';
import type { Framing } from '../bundle/framing.ts';
import type { Size } from '../geometry.ts';
import type { Pose } from '../options/steering.ts';
import { cameraFor, turned } from './camera.ts';
import { type NeutralHead, neutralHead } from './head.ts';

/** Each pixel is the mean of as many by as many. */
const supersampling = 2;
/** Triangles or rows of pixels, after which others get a turn: a millisecond or two. */
const share = { triangles: 1000, rows: 64 };

/** RGB, row-major: [height, width, 3]. Gives the event loop its turns. */
export async function drawPose(pose: Pose, framing: Framing, { width, height }: Size): Promise<Uint8Array> {
	const head = await neutralHead();
	const positions = turned(head.positions, pose);
	const triangles = trianglesOf(head);
	const normals = vertexNormals(positions, triangles);
	const screen = cameraFor(head, pose, framing, { width, height })(positions);
	for (let i = 0; i < screen.length; i += 3) {
		screen[i] = (screen[i]! + 0.5) * supersampling - 0.5;
		screen[i + 1] = (screen[i + 1]! + 0.5) * supersampling - 0.5;
	}
	const fine = { width: width * supersampling, height: height * supersampling };
	const seen = await rasterised(screen, triangles, normals, fine);
	const map = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		if (y % share.rows === 0) await setImmediate();
		for (let x = 0; x < width; x++) colour(seen, fine.width, x, y, map, 3 * (y * width + x));
	}
	return map;
}

/** Two for each cell of the grid, counter-clockwise as seen from outside. */
function trianglesOf({ rows, columns }: NeutralHead): Uint32Array {
	const triangles = new Uint32Array(6 * (rows - 1) * columns);
	let at = 0;
	for (let row = 0; row + 1 < rows; row++) {
		for (let column = 0; column < columns; column++) {
			const [left, right] = [row * columns + column, row * columns + ((column + 1) % columns)];
			triangles.set([left, left + columns, right, right, left + columns, right + columns], at);
			at += 6;
		}
	}
	return triangles;
}

/** Unit normals, weighted by area. */
function vertexNormals(positions: Float64Array, triangles: Uint32Array): Float64Array {
	const normals = new Float64Array(positions.length);
	for (let t = 0; t < triangles.length; t += 3) {
		const corners = [3 * triangles[t]!, 3 * triangles[t + 1]!, 3 * triangles[t + 2]!] as const;
		const [a, b, c] = corners;
		const edge = (to: number, axis: number) => positions[to + axis]! - positions[a + axis]!;
		for (let axis = 0; axis < 3; axis++) {
			const [next, last] = [(axis + 1) % 3, (axis + 2) % 3];
			const area = edge(b, next) * edge(c, last) - edge(b, last) * edge(c, next);
			for (const corner of corners) normals[corner + axis]! += area;
		}
	}
	for (let i = 0; i < normals.length; i += 3) {
		const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!) || 1;
		for (let axis = 0; axis < 3; axis++) normals[i + axis]! /= length;
	}
	return normals;
}

/** The unit normal of what each pixel sees [height, width, 3]; zeros for nothing. */
async function rasterised(
	screen: Float64Array,
	triangles: Uint32Array,
	normals: Float64Array,
	{ width, height }: Size,
): Promise<Float32Array> {
	const nearest = new Float32Array(width * height);
	const seen = new Float32Array(3 * width * height);
	for (let t = 0; t < triangles.length; t += 3) {
		if (t % (3 * share.triangles) === 0) await setImmediate();
		const [a, b, c] = [3 * triangles[t]!, 3 * triangles[t + 1]!, 3 * triangles[t + 2]!];
		const [ax, bx, cx] = [screen[a]!, screen[b]!, screen[c]!];
		const [ay, by, cy] = [screen[a + 1]!, screen[b + 1]!, screen[c + 1]!];
		const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
		if (!(area < 0)) continue; // from behind; y goes down
		const [x0, x1] = [
			Math.max(0, Math.ceil(Math.min(ax, bx, cx))),
			Math.min(width - 1, Math.floor(Math.max(ax, bx, cx))),
		];
		const [y0, y1] = [
			Math.max(0, Math.ceil(Math.min(ay, by, cy))),
			Math.min(height - 1, Math.floor(Math.max(ay, by, cy))),
		];
		for (let y = y0; y <= y1; y++) {
			for (let x = x0; x <= x1; x++) {
				// Barycentric coordinates, linear on the screen: triangles are a few pixels large.
				const u = (bx * cy - by * cx + x * (by - cy) + y * (cx - bx)) / area;
				const v = (cx * ay - cy * ax + x * (cy - ay) + y * (ax - cx)) / area;
				const w = 1 - u - v;
				if (u < 0 || v < 0 || w < 0) continue;
				const nearness = u * screen[a + 2]! + v * screen[b + 2]! + w * screen[c + 2]!;
				const pixel = y * width + x;
				if (nearness <= nearest[pixel]!) continue;
				nearest[pixel] = nearness;
				const nx = u * normals[a]! + v * normals[b]! + w * normals[c]!;
				const ny = u * normals[a + 1]! + v * normals[b + 1]! + w * normals[c + 1]!;
				const nz = u * normals[a + 2]! + v * normals[b + 2]! + w * normals[c + 2]!;
				const length = Math.hypot(nx, ny, nz) || 1;
				seen[3 * pixel] = nx / length;
				seen[3 * pixel + 1] = ny / length;
				seen[3 * pixel + 2] = nz / length;
			}
		}
	}
	return seen;
}

/** The mean of the fine pixels under one of the map: of those that see the head, if half of them do. */
function colour(seen: Float32Array, fineWidth: number, x: number, y: number, map: Uint8Array, to: number): void {
	const sum = [0, 0, 0];
	let covered = 0;
	for (let fine = 0; fine < supersampling ** 2; fine++) {
		const row = y * supersampling + Math.floor(fine / supersampling);
		const at = 3 * (row * fineWidth + x * supersampling + (fine % supersampling));
		if (seen[at] !== 0 || seen[at + 1] !== 0 || seen[at + 2] !== 0) covered += 1;
		for (let axis = 0; axis < 3; axis++) sum[axis]! += seen[at + axis]!;
	}
	const isHead = 2 * covered >= supersampling ** 2;
	const length = Math.hypot(sum[0]!, sum[1]!, sum[2]!) || 1;
	for (let axis = 0; axis < 3; axis++) map[to + axis] = isHead ? Math.round((127 * sum[axis]!) / length + 128) : 128;
}
