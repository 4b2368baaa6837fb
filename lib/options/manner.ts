// The options that decide how an image is painted: what each may be.
import { samplerNames } from '../samplers/samplers.ts';
import { integer, number, oneOf, type Rule } from './check.ts';
import { noiseModes } from './seeds.ts';
import { maxImageSide } from './sizes.ts';

const intervalRule: Rule = {
	expected: ({ either }) => `two noise levels of at least 0, the lower one first${either(', [from, to],', '')}`,
	fits: (value) =>
		Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && 0 <= value[0] && value[0] <= value[1],
};

export const mannerRules = {
	steps: integer(1, 1000),
	guidanceScale: number(1, 1000),
	guidanceInterval: intervalRule,
	noise: oneOf(noiseModes),
	sampler: oneOf(samplerNames),
	eta: number(0, 1),
	width: integer(1, maxImageSide),
	height: integer(1, maxImageSide),
} as const satisfies Record<string, Rule>;

/** The most images of a call, and so of a batch. */
export const maxImages = 1024;
