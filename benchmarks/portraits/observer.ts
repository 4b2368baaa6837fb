// Reads pose and expression off a face, by a network that no part of the bundle was trained with.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Point } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import type { Pixels } from './square.ts';

const evaluation = join(packageRoot, 'models', 'tiny', 'evaluation');
/** The recipe's `networks/observer.py`. */
export const defaultObserver = join(evaluation, 'observer.onnx');
/** What it sees in photos of held-out people with each named expression: the recipe's `export_adapters.py`. */
const namedLooks = join(evaluation, 'expressions.json');

/** Side of ArcFace's crop in pixels, and where it has eyes, nose and corners of the mouth: insightface's arcface_dst. */
const side = 112;
const template: readonly Point[] = [
	[38.2946, 51.6963],
	[73.5318, 51.5014],
	[56.0252, 71.7366],
	[41.5493, 92.3655],
	[70.7299, 92.2041],
];

/** Degrees; yaw to the image's right, pitch upwards, roll clockwise. */
export type Observed = Readonly<{ yaw: number; pitch: number; roll: number; blendshapes: readonly number[] }>;

export class Observer {
	readonly #session: InferenceSession;
	/** Blendshapes of each named expression. */
	readonly #looks: Readonly<Record<string, readonly number[]>>;

	private constructor(session: InferenceSession, looks: Readonly<Record<string, readonly number[]>>) {
		this.#session = session;
		this.#looks = looks;
	}

	static async load(file: string): Promise<Observer> {
		for (const needed of [file, namedLooks]) {
			if (!existsSync(needed))
				throw new Error(`Expected the reader of poses and expressions but there is no ${needed}.`);
		}
		return new Observer(await InferenceSession.create(file), JSON.parse(await readFile(namedLooks, 'utf8')));
	}

	/** @param keypoints - where the detector has them */
	async observe(image: Pixels, keypoints: readonly Point[]): Promise<Observed> {
		const alignment = align(keypoints);
		const input = new Tensor('float32', crop(image, alignment), [1, 3, side, side]);
		const { observed } = await this.#session.run({ [this.#session.inputNames[0]!]: input });
		const [yaw, pitch, roll, ...blendshapes] = Array.from(observed!.data as Float32Array) as [number, number, number];
		const leaning = -Math.atan2(alignment.b, alignment.a) * (180 / Math.PI);
		return { yaw, pitch, roll: roll + leaning, blendshapes };
	}

	/** The named expression that blendshapes are nearest to. */
	nameOf({ blendshapes }: Observed): string {
		const distance = (look: readonly number[]) =>
			look.reduce((sum, value, k) => sum + (value - blendshapes[k]!) ** 2, 0);
		return Object.entries(this.#looks).reduce((best, one) => (distance(one[1]) < distance(best[1]) ? one : best))[0];
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#session.release();
	}
}

/** Of a point of the photo to the crop: [a −b; b a] · point + (x, y). */
type Alignment = Readonly<{ a: number; b: number; x: number; y: number }>;

/** The similarity with the least squares (Umeyama 1991), without reflection. */
function align(keypoints: readonly Point[]): Alignment {
	const [from, to] = [middle(keypoints), middle(template)];
	let [a, b, spread] = [0, 0, 0];
	for (const [k, [px, py]] of keypoints.entries()) {
		const [qx, qy] = template[k]!;
		const [dx, dy, ex, ey] = [px - from[0], py - from[1], qx - to[0], qy - to[1]];
		a += dx * ex + dy * ey;
		b += dx * ey - dy * ex;
		spread += dx * dx + dy * dy;
	}
	a /= spread;
	b /= spread;
	return { a, b, x: to[0] - (a * from[0] - b * from[1]), y: to[1] - (b * from[0] + a * from[1]) };
}

function middle(points: readonly Point[]): Point {
	const sum = (axis: 0 | 1) => points.reduce((total, point) => total + point[axis], 0) / points.length;
	return [sum(0), sum(1)];
}

/** −1 to 1 [3, side, side], bilinear; black outside of the image. */
function crop({ data, width, height }: Pixels, { a, b, x, y }: Alignment): Float32Array {
	const planes = new Float32Array(3 * side * side);
	const scale = a * a + b * b;
	const at = (column: number, row: number, channel: number) =>
		column < 0 || row < 0 || column >= width || row >= height ? 0 : data[3 * (row * width + column) + channel]!;
	for (let row = 0; row < side; row++) {
		for (let column = 0; column < side; column++) {
			const [u, v] = [column - x, row - y];
			const [px, py] = [(a * u + b * v) / scale, (a * v - b * u) / scale];
			const [x0, y0] = [Math.floor(px), Math.floor(py)];
			const [fx, fy] = [px - x0, py - y0];
			for (let c = 0; c < 3; c++) {
				const upper = at(x0, y0, c) * (1 - fx) + at(x0 + 1, y0, c) * fx;
				const lower = at(x0, y0 + 1, c) * (1 - fx) + at(x0 + 1, y0 + 1, c) * fx;
				planes[(c * side + row) * side + column] = (upper * (1 - fy) + lower * fy) / 127.5 - 1;
			}
		}
	}
	return planes;
}
