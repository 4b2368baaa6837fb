// A preview of an image that is being painted.
import { type InspectOptions, inspect } from 'node:util';
import type { Size } from './geometry.ts';
import type { StepProgress } from './options/generate.ts';
import { Picture } from './picture.ts';

/** Where an image is that a preview shows. */
type Place = StepProgress & { index: number; seed: number };

/**
 * What an image is expected to become, as far as it is painted: smooth at first, and ever nearer to the image. As large as the image where
 * the model was loaded with the tiny decoder; else one pixel for each of the latents, an eighth of the image's sides.
 */
export class Preview extends Picture {
	/** Index of the image among those of its call, from 0. */
	readonly index: number;
	/** The seed of the image's noise, in this round. */
	readonly seed: number;
	/** Network evaluations that this image has had, from 1. */
	readonly step: number;
	/** Network evaluations of each image in this round. */
	readonly steps: number;
	/** 1, and with `check` 2 and so on where the image is painted again. */
	readonly round: number;

	/** @hidden */
	constructor(data: Uint8Array, size: Size, { index, seed, step, steps, round }: Place) {
		super(data, size);
		this.index = index;
		this.seed = seed;
		this.step = step;
		this.steps = steps;
		this.round = round;
	}

	/**
	 * What `console.log` shows, without the pixels.
	 *
	 * @internal
	 */
	[inspect.custom](_depth: number, options: InspectOptions): string {
		const { width, height, index, seed, step, steps } = this;
		return `Preview ${inspect({ width, height, index, seed, step, steps }, options)}`;
	}
}
