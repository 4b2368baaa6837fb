// What a model has done since it was loaded, and what it has to do.
import type { Size } from '../geometry.ts';
import type { NativeModel } from '../native.ts';

/** What a model has done since it was loaded, and what it has to do; of a pool, what its models have together. */
export type Usage = Readonly<{
	/**
	 * Images that take memory now: those that are painted or wait for it. Those of a call that was cancelled until the evaluation is over that
	 * they were in.
	 */
	images: number;
	/** How many images one evaluation of the noise predictor takes, of the usual size and with guidance; 0 after `dispose`. */
	batch: number;
	/** Evaluations of the noise predictor. */
	evaluations: number;
	/** Rows that these had of images: an image has two with guidance, else one. */
	rows: number;
	/** Rows that these could have had: `rows / places` is how well batches were filled. */
	places: number;
	/** Steps of images: an evaluation is one step of each image in it. */
	steps: number;
	/** How long things took, in all. */
	seconds: Readonly<{
		/** Of each call, until its work began. */
		waiting: number;
		/** Preparing what steers images: identities, photos, references. */
		conditioning: number;
		/** Steps, of however many images at once. */
		denoising: number;
		/** From latents to images, previews among them. */
		decoding: number;
	}>;
}>;

/** @param size - of the images unless a call asks for another */
export function usageOf(native: NativeModel, size: Size): Usage {
	const { mostRows, ...counted } = native.usage(size);
	return { ...counted, batch: Math.min(mostRows, Math.max(1, Math.floor(mostRows / 2))) };
}

/** Of several models together, at least one. */
export function sumOf(usages: readonly Usage[]): Usage {
	const sum = (value: (usage: Usage) => number) => usages.reduce((total, usage) => total + value(usage), 0);
	return {
		images: sum(({ images }) => images),
		batch: sum(({ batch }) => batch),
		evaluations: sum(({ evaluations }) => evaluations),
		rows: sum(({ rows }) => rows),
		places: sum(({ places }) => places),
		steps: sum(({ steps }) => steps),
		seconds: {
			waiting: sum(({ seconds }) => seconds.waiting),
			conditioning: sum(({ seconds }) => seconds.conditioning),
			denoising: sum(({ seconds }) => seconds.denoising),
			decoding: sum(({ seconds }) => seconds.decoding),
		},
	};
}
