// The options of `generate`.
import { type ImageGeometry, latentChannels } from '../geometry.ts';
import type { GuidanceInterval } from '../samplers/guidance-interval.ts';
import type { SamplerName } from '../samplers/samplers.ts';
import { isFloat32Array } from './brands.ts';
import { check, integer, invalid, type Rule, rules } from './check.ts';
import { type ConsentOptions, consentRules } from './consent.ts';
import { checkEditOptions, type EditOptions, editRules } from './edit.ts';
import { type LikenessCheck, likenessPlaces, likenessRule, requireNoise, resolveLikeness } from './likeness.ts';
import { mannerRules, maxImages } from './manner.ts';
import { type Preset, type PresetName, type Presets, presetRule, usualPresets } from './presets.ts';
import { type Preview, type PreviewOptions, previewRule, resolvePreview } from './preview.ts';
import { checkProvenance, type Provenance, provenanceRule } from './provenance.ts';
import { type Recipe, recipeRule } from './recipe.ts';
import { type NoiseMode, seedRule, seedsOf } from './seeds.ts';
import { requireSides } from './sizes.ts';
import { checkSteeringOptions, type SteeringOptions, steeringPlaces, steeringRules } from './steering.ts';

/** The options of `generate`. */
export interface GenerateOptions extends EditOptions, SteeringOptions, ConsentOptions {
	/** Portraits of each identity, at least 1 (default 1); they share batches, so memory grows with it. */
	count?: number | undefined;
	/**
	 * How much time a portrait may take (default `"standard"`, which is upstream's): sets `sampler`, `steps`, `guidanceScale` and
	 * `guidanceInterval`, each unless the call does. `presets` of the model's `info` tells what they are; they are others with the LoRA `lcm`.
	 */
	preset?: PresetName | undefined;
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
	 * How files of the images are marked as those of generated ones; `false` for no marks (default: what `load` says). What it leaves out,
	 * `load` says. Recipes do not have it.
	 */
	provenance?: Provenance | undefined;
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

/**
 * Checks those of generate's options that need no model.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkGenerateOptions(options: GenerateOptions, presets: Presets = usualPresets): void {
	const known = {
		count: integer(1, maxImages),
		...mannerRules,
		preset: presetRule,
		seed: seedRule,
		latents: latentsRule,
		...editRules,
		...steeringRules,
		...consentRules,
		check: likenessRule,
		recipe: recipeRule,
		provenance: provenanceRule,
		onStep: rules.callback,
		onPreview: rules.callback,
		preview: previewRule,
		signal: rules.signal,
	};
	check('generate', options, known, '', { ...steeringPlaces, ...likenessPlaces });
	checkEditOptions(options);
	checkSteeringOptions(options);
	checkProvenance(options.provenance);
	const { eta, sampler = presetOf(options, presets).sampler } = options;
	if (eta !== undefined && sampler !== 'ddim') throw invalid('the sampler ddim', 'eta', `${sampler} with it`);
	requireNoise(resolveLikeness(options.check), options.latents);
	resolvePreview(options);
}

/** @internal */
export function resolveGenerateOptions(
	options: GenerateOptions = {},
	identities: number,
	{ pixelsPerLatent, ...size }: ImageGeometry,
	presets: Presets = usualPresets,
) {
	checkGenerateOptions(options, presets);
	const preset = presetOf(options, presets);
	const { steps = preset.steps, guidanceScale = preset.guidanceScale, sampler = preset.sampler } = options;
	const { count = 1, noise = 'per-image', eta = 0 } = options;
	const { guidanceInterval = preset.guidanceInterval } = options;
	const { width = size.width, height = size.height, latents, onStep, onPreview, signal } = options;

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

function presetOf({ preset = 'standard' }: GenerateOptions, presets: Presets): Preset {
	return presets[preset];
}

const latentsRule: Rule = { expected: 'a Float32Array', fits: isFloat32Array };
