// The options of `generate`.
import { type ImageGeometry, latentChannels } from '../geometry.ts';
import type { Preview } from '../preview.ts';
import type { GuidanceInterval } from '../samplers/guidance-interval.ts';
import type { SamplerName } from '../samplers/samplers.ts';
import { isFloat32Array } from './brands.ts';
import { check, integer, invalid, type Rule, rules } from './check.ts';
import { checkEditOptions, type EditOptions, editRules } from './edit.ts';
import { type LikenessCheck, likenessRule, requireNoise, resolveLikeness } from './likeness.ts';
import { mannerRules, maxImages } from './manner.ts';
import { type PreviewOptions, previewRule, resolvePreview } from './preview.ts';
import { type Recipe, recipeRule } from './recipe.ts';
import { type NoiseMode, seedRule, seedsOf } from './seeds.ts';
import { requireSides } from './sizes.ts';
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
	 * Guidance only at noise levels σ with `from` < σ ≤ `to` (Kynkäänniemi et al. 2024, https://arxiv.org/abs/2404.07724); the other steps
	 * go without the unconditional half, and take half the time (default: all steps are guided). This changes the portrait.
	 *
	 * σ = √((1 − ᾱ) / ᾱ) of the step's timestep, as in Karras et al. 2022. It falls from step to step: in Stable Diffusion's schedule from
	 * 14.6, through 1.6 in the middle, to 0.03. `from` equal to `to` leaves no step with guidance.
	 */
	guidanceInterval?: GuidanceInterval | undefined;
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
	 * Paints the image of this recipe again: its options are those of the call, except where the call has others, and its identity is
	 * painted unless another is given. See {@link Recipe}.
	 */
	recipe?: Recipe | undefined;
	/**
	 * Reads each portrait as `encode` reads a photo, and paints those again that are less alike to their identity than this
	 * (default: none is read). `similarity` of an image tells how alike it is. Of a portrait that is not alike enough in any of `tries`
	 * tries, the best one is kept, with a warning. Needs a bundle with face networks.
	 *
	 * The seeds of second tries are the integers after the highest seed of the call, in the order of the images, then those of third tries:
	 * with `seed: 5` and three images, 5 to 7, then 8 to 10 and 11 to 13. With `noise: "batch"`, each try of all images has the next seed.
	 */
	check?: LikenessCheck | undefined;
	/**
	 * Called each time that all images of the call, or of those that `check` has painted again, have had one more network evaluation.
	 *
	 * @param progress - how many, of how many, in which round
	 */
	onStep?: ((progress: StepProgress) => void) | undefined;
	/**
	 * Called with what each image is expected to become, while it is painted and before it is there: with the noise that is still in it
	 * predicted and taken away, and decoded by the tiny decoder of a model that was loaded with it, else in a small size by a linear map. The
	 * images are the same with and without.
	 *
	 * @param preview - pixels, and of which image after which step they are
	 */
	onPreview?: ((preview: Preview) => void) | undefined;
	/** How often `onPreview` is called (default: after each network evaluation). */
	preview?: PreviewOptions | undefined;
	/** When it aborts, the call stops within one step and rejects with its reason. */
	signal?: AbortSignal | undefined;
}
/** The progress of `generate`. */
export type StepProgress = {
	/** Network evaluations that all images have had, from 1. */
	step: number;
	/** Network evaluations of each image in this round. */
	steps: number;
	/** 1, and with `check` 2 and so on for the images that are painted again. */
	round: number;
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

/**
 * Checks those of generate's options that need no model.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkGenerateOptions(options: GenerateOptions, defaults: GenerateDefaults = usualDefaults): void {
	check('generate', options, {
		count: integer(1, maxImages),
		...mannerRules,
		seed: seedRule,
		latents: latentsRule,
		...editRules,
		...steeringRules,
		check: likenessRule,
		recipe: recipeRule,
		onStep: rules.callback,
		onPreview: rules.callback,
		preview: previewRule,
		signal: rules.signal,
	});
	checkEditOptions(options);
	checkSteeringOptions(options);
	const { eta, sampler = defaults.sampler } = options;
	if (eta !== undefined && sampler !== 'ddim') throw invalid('the sampler ddim', 'eta', `${sampler} with it`);
	requireNoise(resolveLikeness(options.check), options.latents);
	resolvePreview(options);
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
	const { width = size.width, height = size.height, guidanceInterval, latents, onStep, onPreview, signal } = options;

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
	const likeness = resolveLikeness(options.check);
	const seeds = seedsOf(options.seed, { noise, images, rounds: likeness?.tries ?? 1 });
	const how = { steps, guidanceScale, guidanceInterval, sampler, eta };
	const previewEvery = resolvePreview(options);
	const told = { onStep, onPreview, previewEvery, signal };
	return { count, images, ...how, seeds, noise, width, height, latents, likeness, ...told };
}

const latentsRule: Rule = { expected: 'a Float32Array', fits: isFloat32Array };
