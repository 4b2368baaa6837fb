// The options of an evaluation: defaults are the paper's protocol (https://arxiv.org/abs/2403.11641).
import type { SamplerName } from '../samplers/samplers.ts';
import { check, integer, number, oneOf } from './check.ts';
import { mannerRules } from './manner.ts';
import type { Preset } from './presets.ts';

/** Which images are cut as FFHQ cuts them before they are compared as a whole: `photos` alone, or `both`. */
export const alignments = ['photos', 'both'] as const;
export type Alignment = (typeof alignments)[number];

export interface EvaluationOptions {
	/** Portraits of each person, 1–1000 (default 5). */
	perIdentity?: number | undefined;
	/** As for `generate` (default 25). */
	steps?: number | undefined;
	/** As for `generate` (default 3). */
	guidanceScale?: number | undefined;
	/** As for `generate` (default `"dpm++2m"`). */
	sampler?: SamplerName | undefined;
	/** Of the first portrait of the first person; those of each person are a thousand after those of the one before (default 0). Also decides what is drawn. */
	seed?: number | undefined;
	/** Pixels, as for `generate` (default: the bundle's). */
	width?: number | undefined;
	height?: number | undefined;
	/** Default: `"photos"` for portraits that are framed as FFHQ frames faces, else `"both"`. */
	alignment?: Alignment | undefined;
}

/** Between the first seeds of two people. */
export const seedsPerPerson = 1000;
const usualPerIdentity = 5;
/** With a thousand for each of a million people, still exact. */
const highestSeed = 2 ** 52;

/**
 * @param preset - what the model paints with unless options say otherwise
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolveEvaluationOptions(options: EvaluationOptions, preset: Preset) {
	const { steps, guidanceScale, sampler, width, height } = mannerRules;
	check('evaluate', options, {
		...{ steps, guidanceScale, sampler, width, height },
		perIdentity: integer(1, seedsPerPerson),
		seed: integer(0, highestSeed),
		alignment: oneOf(alignments),
	});
	return {
		...options,
		perIdentity: options.perIdentity ?? usualPerIdentity,
		seed: options.seed ?? 0,
		steps: options.steps ?? preset.steps,
		guidanceScale: options.guidanceScale ?? preset.guidanceScale,
		sampler: options.sampler ?? preset.sampler,
	};
}
export type ResolvedEvaluation = ReturnType<typeof resolveEvaluationOptions>;

export interface AuditOptions {
	/** Similarity to the input below which a portrait has failed, −1 to 1 (default: what tells best whether two photos show one person). */
	minSimilarity?: number | undefined;
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` */
export function checkAuditOptions(options: AuditOptions): void {
	check('audit', options, { minSimilarity: number(-1, 1) });
}
