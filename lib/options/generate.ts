// The options of `generate`.
import { randomInt } from 'node:crypto';
import { type ImageGeometry, latentChannels } from '../geometry.ts';
import { say } from '../messages/wording.ts';
import { type SamplerName, samplerNames } from '../samplers/samplers.ts';
import { isFloat32Array } from './brands.ts';
import { check, integer, invalid, number, oneOf, type Rule, rules } from './check.ts';
import { checkEditOptions, type EditOptions, editRules } from './edit.ts';
import { maxImageSide, requireSides } from './sizes.ts';
import { checkSteeringOptions, type SteeringOptions, steeringRules } from './steering.ts';

/** The options of `generate`. */
export interface GenerateOptions extends EditOptions, SteeringOptions {
	/** Portraits of each identity, at least 1 (default 1); they share batches, so memory grows with it. */
	count?: number | undefined;
	/**
	 * Network evaluations per portrait, 1–1000 (default 25, with the LoRA `lcm` 4); time grows with it. Some samplers need more: see
	 * `sampler`; with `image` fewer are run: see `strength`.
	 */
	steps?: number | undefined;
	/** How strongly the identity steers, at least 1 (default 3, with the LoRA `lcm` 1); 1 leaves out the unconditional half, and takes half the time. */
	guidanceScale?: number | undefined;
	/**
	 * A non-negative integer: image `i` of the call uses `seed + i`; or one for each image (default: random, and reported
	 * by each image). The noise is that of `torch.Generator("cpu").manual_seed(seed)`, whatever the device. With a list and `mask` the first
	 * generators also draw what belongs to the photos, for all images, as diffusers has it.
	 */
	seed?: number | readonly number[] | undefined;
	/** `"per-image"` (default): a generator for each image. `"batch"`: one generator draws for all of them, as diffusers does. */
	noise?: NoiseMode | undefined;
	/** Default `"dpm++2m"`, with the LoRA `lcm` `"lcm"`. `"heun"` evaluates the network 2 · steps − 1 times, `"pndm"` steps + 1 times. */
	sampler?: SamplerName | undefined;
	/** Only with the sampler `"ddim"`: share of fresh noise in every step, 0–1 (default 0, deterministic). */
	eta?: number | undefined;
	/**
	 * Pixels, a multiple of the bundle's pixels per latent (8), at most 2048 (default: that of `load`, the bundle's; with `image`
	 * and no `mask` that of the photo, cut to a multiple). A GPU supports only the `imageSizes` of `load`.
	 */
	width?: number | undefined;
	/** As `width`. */
	height?: number | undefined;
	/** Initial noise, standard normal, [images, 4, height / 8, width / 8], instead of the generators' first draw. */
	latents?: Float32Array | undefined;
	/**
	 * Called each time that all images of the call have had one more network evaluation.
	 *
	 * @param progress - how many, of how many
	 */
	onStep?: ((progress: StepProgress) => void) | undefined;
	/** When it aborts, the call stops within one step and rejects with its reason. */
	signal?: AbortSignal | undefined;
}
export const noiseModes = ['per-image', 'batch'] as const;
/** How the noise of a call's images is drawn: see `noise` of {@link GenerateOptions}. */
export type NoiseMode = (typeof noiseModes)[number];
/** The progress of `generate`. */
export type StepProgress = {
	/** Network evaluations that all images have had, from 1. */
	step: number;
	/** Network evaluations of each image in all. */
	steps: number;
};

/** What `generate` does unless a call says otherwise. */
export type GenerateDefaults = Readonly<{
	/** As the option of that name. */
	sampler: SamplerName;
	/** As the option of that name. */
	steps: number;
	/** As the option of that name. */
	guidanceScale: number;
}>;
/** @internal */
export const usualDefaults: GenerateDefaults = { sampler: 'dpm++2m', steps: 25, guidanceScale: 3 };
/** With the LoRA of latent consistency, as its authors use it: https://huggingface.co/latent-consistency/lcm-lora-sdv1-5. @internal */
export const lcmDefaults: GenerateDefaults = { sampler: 'lcm', steps: 4, guidanceScale: 1 };

const maxImages = 1024;

/**
 * Checks those of generate's options that need no model.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkGenerateOptions(options: GenerateOptions, defaults: GenerateDefaults = usualDefaults): void {
	check('generate', options, {
		count: integer(1, maxImages),
		steps: integer(1, 1000),
		guidanceScale: number(1, 1000),
		seed: seedRule,
		noise: oneOf(noiseModes),
		sampler: oneOf(samplerNames),
		eta: number(0, 1),
		width: integer(1, maxImageSide),
		height: integer(1, maxImageSide),
		latents: latentsRule,
		...editRules,
		...steeringRules,
		onStep: rules.callback,
		signal: rules.signal,
	});
	checkEditOptions(options);
	checkSteeringOptions(options);
	const { eta, sampler = defaults.sampler } = options;
	if (eta !== undefined && sampler !== 'ddim') throw invalid('the sampler ddim', 'eta', `${sampler} with it`);
}

/** @internal */
export function resolveGenerateOptions(
	options: GenerateOptions = {},
	identities: number,
	{ pixelsPerLatent, ...size }: ImageGeometry,
	defaults: GenerateDefaults = usualDefaults,
) {
	checkGenerateOptions(options, defaults);
	const { steps = defaults.steps, guidanceScale = defaults.guidanceScale, sampler = defaults.sampler } = options;
	const { count = 1, noise = 'per-image', eta = 0 } = options;
	const { width = size.width, height = size.height, latents, onStep, signal } = options;

	const images = count * identities;
	if (images > maxImages) {
		throw invalid(`at most ${maxImages} images`, 'count', `${count} for each of ${identities} identities`);
	}
	requireSides({ width, height }, pixelsPerLatent);
	if (latents !== undefined) {
		const shape = [images, latentChannels, height / pixelsPerLatent, width / pixelsPerLatent];
		const length = shape.reduce((product, side) => product * side);
		if (latents.length !== length) {
			throw invalid(`${length} numbers ([${shape.join(', ')}])`, 'latents', `${latents.length}`);
		}
		const odd = latents.findIndex((value) => !Number.isFinite(value));
		if (odd >= 0) throw invalid('finite numbers', 'latents', `${latents[odd]} at index ${odd}`);
	}
	const seeds = seedsOf(options.seed ?? randomInt(2 ** 32), noise, images);
	return { count, images, steps, guidanceScale, seeds, noise, sampler, eta, width, height, latents, onStep, signal };
}

/** The seed of each image; the same for all with `noise: "batch"`. */
function seedsOf(seed: number | readonly number[], noise: NoiseMode, images: number): number[] {
	if (typeof seed === 'number') {
		if (noise === 'batch') return Array.from({ length: images }, () => seed);
		if (seed > Number.MAX_SAFE_INTEGER - (images - 1)) {
			throw invalid(`at most ${Number.MAX_SAFE_INTEGER - images + 1} with ${images} images`, 'seed', `${seed}`);
		}
		return Array.from({ length: images }, (_, i) => seed + i);
	}
	if (noise === 'batch') throw invalid('one number with noise "batch"', 'seed', `a list of ${seed.length}`);
	if (seed.length !== images) throw invalid(`${images} seeds, one for each image`, 'seed', `${seed.length}`);
	return [...seed];
}

const seedNumber = integer(0, Number.MAX_SAFE_INTEGER);

const seedRule: Rule = {
	expected: (wording) => say(seedNumber.expected, wording) + wording.either(', or a list of one for each image', ''),
	fits: (value) => (Array.isArray(value) ? value.length > 0 && value.every(seedNumber.fits) : seedNumber.fits(value)),
};

const latentsRule: Rule = { expected: 'a Float32Array', fits: isFloat32Array };
