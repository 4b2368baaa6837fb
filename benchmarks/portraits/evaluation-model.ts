// Recognises people in portraits, independently of the bundle under test.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ChangedModel, loadChanged } from '../../lib/evaluation/changed-model.ts';
import type { Identity, Photo, Point } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';

/** The embedder that only judges portraits: trained apart from the embedded bundle's, with another architecture. */
export const defaultEvaluator = join(packageRoot, 'models', 'tiny', 'evaluation', 'evaluator.onnx');

/** A face as the evaluation sees it. */
export type Sight = Readonly<{ keypoints: readonly Point[]; identity: Identity }>;

/** The bundle's detector with the evaluation embedder instead of the bundle's own. */
export class EvaluationModel {
	readonly #changed: ChangedModel;

	private constructor(changed: ChangedModel) {
		this.#changed = changed;
	}

	/**
	 * @param bundle - folder of the bundle under test
	 * @param evaluator - ONNX file with ArcFace's interface
	 */
	static async load(bundle: string, evaluator: string): Promise<EvaluationModel> {
		if (!existsSync(evaluator)) {
			throw new Error(`Expected the evaluation embedder but there is no ${evaluator}.`);
		}
		return new EvaluationModel(await loadChanged(bundle, { recogniser: evaluator }));
	}

	/** The largest face of an image, if any. */
	async see(image: Photo): Promise<Sight | undefined> {
		const [largest] = await this.#changed.model.detect(image);
		return largest && { keypoints: largest.keypoints, identity: await this.identify(image, largest.keypoints) };
	}

	/** The identity of a face at a known place. */
	identify(image: Photo, keypoints: readonly Point[]): Promise<Identity> {
		return this.#changed.model.encode(image, { face: keypoints });
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#changed[Symbol.asyncDispose]();
	}
}
