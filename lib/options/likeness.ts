// The option `check` of `generate`: how alike portraits have to be.
import { Arc2FaceError } from '../errors.ts';
import { say } from '../messages/wording.ts';
import { check, describe, integer, invalid, number, type Rule, rules } from './check.ts';

/** How alike portraits have to be to the identity that they were asked for. */
export interface LikenessCheck {
	/** Least similarity, −1 to 1: see `similarity` of `Identity`. */
	minSimilarity: number;
	/** How often a portrait is painted at most, 1–100 (default 3). */
	tries?: number | undefined;
}

const usualTries = 3;

const parts = {
	minSimilarity: { ...number(-1, 1), flag: '--check' },
	tries: { ...integer(1, 100), flag: '--tries' },
} as const;

export const likenessRule: Rule = {
	...rules.object,
	expected: 'an object of minSimilarity and tries',
	remedy: (value) => (parts.minSimilarity.fits(value) ? `Pass \`check: { minSimilarity: ${value} }\`.` : undefined),
};

/** As `steeringPlaces`. @internal */
export const likenessPlaces = { minSimilarity: 'check: { minSimilarity }', tries: 'check: { minSimilarity, tries }' };

/**
 * @returns undefined if nothing is to be checked
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function resolveLikeness(asked: LikenessCheck | undefined): Required<LikenessCheck> | undefined {
	if (asked === undefined) return undefined;
	// Only the names: the values are told by their place in the option, or by their flag.
	const anything: Rule = { expected: '', fits: () => true };
	check('check', asked, { minSimilarity: anything, tries: anything });
	const { minSimilarity, tries = usualTries } = asked;
	for (const [name, value] of Object.entries({ minSimilarity, tries })) {
		const { expected, fits, flag } = parts[name as keyof typeof parts];
		if (fits(value)) continue;
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			(wording) =>
				`Expected ${say(expected, wording)} for ${wording.either(`\`check.${name}\``, flag)} but received ${describe(value)}.`,
			{ details: { option: 'check' } },
		);
	}
	return { minSimilarity, tries };
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` where each try would have the same noise */
export function requireNoise(check: Required<LikenessCheck> | undefined, latents: unknown): void {
	if (check === undefined || check.tries === 1 || latents === undefined) return;
	throw invalid('1 try with latents, which are the same in each', 'check', `${check.tries} tries`);
}
