// Finds the faces in a photo, even one that is on its side or upside down, or that a face fills to the edge.

import sharp from 'sharp';
import type { Box, Face, Point, Rotation } from '../geometry.ts';
import type { NativeFaces } from '../native.ts';
import type { Pixels } from '../photo.ts';
import type { Doubt } from './doubt.ts';

/** Faces, largest first, and what was done to the photo to find them. */
export type FoundFaces = Readonly<{ faces: readonly Face[]; withBorder: boolean }>;

/** Finds upright faces. */
export type Detect = (photo: Pixels) => Promise<readonly Face[]>;

/** Against grey rather than black, detectors are surer of a face and place its keypoints better. */
const grey = '#7f7f7f';

/** Share of the smaller of two boxes that makes them one face, seen in two orientations. */
const sameFace = 0.4;

/**
 * Tries the photo as it is; if no face is found, or only doubtful ones, also turned by 90°, 180° and 270°; and if there is none at all,
 * with a border, because detectors miss faces that reach from edge to edge. An upright face only makes room for a surer one in its place.
 *
 * @param side - of the square that the detector fits photos into, in pixels: copies need be no larger
 * @param doubt - of the detector's upright faces
 */
export async function findFaces(photo: Pixels, side: number, detect: Detect, doubt: Doubt): Promise<FoundFaces> {
	const upright = await detect(photo);
	if (upright.length > 0 && bestScore(upright) >= doubt.sure) return { faces: upright, withBorder: false };
	let turned: readonly Face[] = [];
	for (const rotation of [90, 180, 270] as const) {
		const faces = await findTurned(photo, rotation, side, detect);
		if (bestScore(faces) > bestScore(turned)) turned = faces;
	}
	const faces = isSurer(turned, upright, doubt) ? merged(upright, turned) : upright;
	if (faces.length > 0) return { faces, withBorder: false };
	return { faces: await findWithBorder(photo, side, detect), withBorder: true };
}

function isSurer(turned: readonly Face[], upright: readonly Face[], { clear, farSurer }: Doubt): boolean {
	const [best, before] = [bestScore(turned), bestScore(upright)];
	return best > before && (best >= clear || best - before > farSurer);
}

/** Largest first; where both have a face, the surer one. */
function merged(upright: readonly Face[], turned: readonly Face[]): Face[] {
	const outdone = (face: Face, others: readonly Face[]) =>
		others.some((other) => other.score > face.score && shared(other.box, face.box) > sameFace);
	const kept = [
		...upright.filter((face) => !outdone(face, turned)),
		...turned.filter((face) => !outdone(face, upright)),
	];
	return kept.sort((a, b) => area(b.box) - area(a.box));
}

/** What two boxes share, as a share of the smaller. */
function shared(a: Box, b: Box): number {
	const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
	const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
	return (Math.max(0, width) * Math.max(0, height)) / Math.min(area(a), area(b));
}

function area({ width, height }: Box): number {
	return width * height;
}

function bestScore(faces: readonly Face[]): number {
	return Math.max(0, ...faces.map(({ score }) => score));
}

async function findTurned(photo: Pixels, rotation: Rotation, side: number, detect: Detect): Promise<Face[]> {
	const small = await fitted(photo, side);
	const { data, info } = await rgb(small).rotate(rotation).raw().toBuffer({ resolveWithObject: true });
	const found = await detect({ ...photo, data, width: info.width, height: info.height });
	// The detector's coordinates are pixel indices, from 0 to size − 1.
	const [right, bottom] = [small.width - 1, small.height - 1];
	const back = ([x, y]: Point): Point => {
		if (rotation === 90) return [y, bottom - x];
		return rotation === 180 ? [right - x, bottom - y] : [right - y, x];
	};
	return found.map((face) => ({ ...moved(face, (point) => scaled(back(point), small, photo)), rotation }));
}

async function findWithBorder(photo: Pixels, side: number, detect: Detect): Promise<Face[]> {
	const small = await fitted(photo, Math.ceil(side / 2));
	const border = Math.ceil(Math.max(small.width, small.height) / 2);
	const { data, info } = await rgb(small)
		.extend({ top: border, bottom: border, left: border, right: border, background: grey })
		.raw()
		.toBuffer({ resolveWithObject: true });
	const found = await detect({ ...photo, data, width: info.width, height: info.height });
	return found.map((face) => moved(face, ([x, y]) => scaled([x - border, y - border], small, photo)));
}

/** The photo, no larger than the detector's square. */
async function fitted(photo: Pixels, side: number): Promise<Pixels> {
	if (Math.max(photo.width, photo.height) <= side) return photo;
	const size = { width: side, height: side, fit: 'inside' } as const;
	const { data, info } = await rgb(photo).resize(size).raw().toBuffer({ resolveWithObject: true });
	return { ...photo, data, width: info.width, height: info.height };
}

function rgb({ data, width, height }: Pixels) {
	return sharp(data, { raw: { width, height, channels: 3 } });
}

function scaled([x, y]: Point, from: Pixels, to: Pixels): Point {
	return [(x * to.width) / from.width, (y * to.height) / from.height];
}

/** The face with its points moved by `place`. */
function moved(face: Face, place: (point: Point) => Point): Face {
	const { x, y, width, height } = face.box;
	const corners = [place([x, y]), place([x + width, y + height])] as const;
	const [left, right] = corners.map(([at]) => at).sort((a, b) => a - b) as [number, number];
	const [top, bottom] = corners.map(([, at]) => at).sort((a, b) => a - b) as [number, number];
	return {
		...face,
		box: { x: left, y: top, width: right - left, height: bottom - top },
		keypoints: face.keypoints.map(place),
	};
}

/** As the core gives them. */
export function facesOf({ boxes, keypoints, scores }: NativeFaces): Face[] {
	return Array.from(scores, (score, i) => {
		const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
		return {
			box: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
			keypoints: Array.from(
				{ length: 5 },
				(_, k) => [keypoints[10 * i + 2 * k]!, keypoints[10 * i + 2 * k + 1]!] as const,
			),
			score,
			rotation: 0,
		};
	});
}
