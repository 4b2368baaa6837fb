// Tells whether a face has eyes, a nose and a mouth, by a network of its own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Point } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { cut, distance, type Pixels, squareAround, within } from './square.ts';

/** The reader of keypoints that only judges portraits. It says of each whether it is there at all. */
export const defaultReader = join(packageRoot, 'models', 'tiny', 'evaluation', 'keypoints.onnx');

/** Pixels of the side of what the network looks at. */
const size = 64;
/** Numbers that it gives of each point: its place, as shares of the square's side, and how sure it is. */
const values = 3;
/**
 * How far it may place a point from where the detector has it, in the square's side: about a quarter of the distance between the
 * eyes. On photos of held-out people 99 of 100 points are nearer than half of that.
 */
const reach = 0.1;

/** Which parts of a face are seen, and where the detector has them. */
export type Parts = Readonly<{ eyes: boolean; nose: boolean; mouth: boolean }>;

export class KeypointReader {
	readonly #session: InferenceSession;

	private constructor(session: InferenceSession) {
		this.#session = session;
	}

	/** @param file - ONNX file of the recipe's `networks/keypoint_reader.py` */
	static async load(file: string): Promise<KeypointReader> {
		if (!existsSync(file)) throw new Error(`Expected the reader of keypoints but there is no ${file}.`);
		return new KeypointReader(await InferenceSession.create(file));
	}

	/** @param keypoints - where the detector has them */
	async read(image: Pixels, keypoints: readonly Point[]): Promise<Parts> {
		const square = squareAround(keypoints);
		const input = cut(image, square, size).map((value) => value / 127.5 - 1);
		const { points } = await this.#session.run({ squares: new Tensor('float32', input, [1, 3, size, size]) });
		const numbers = Array.from(points!.data as Float32Array);
		const [left, right, nose, mouthLeft, mouthRight] = keypoints.map((point, k) => {
			const [x, y, sure] = numbers.slice(values * k, values * (k + 1)) as [number, number, number];
			return sure >= 0.5 && distance([x, y], within(point, square)) <= reach;
		}) as [boolean, boolean, boolean, boolean, boolean];
		return { eyes: left && right, nose, mouth: mouthLeft && mouthRight };
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#session.release();
	}
}
