// How portraits are painted: the options for it on the command line, and what they ask of the library.
import type { GenerateOptions } from '../options/generate.ts';
import { lcmPresets, type PresetName, presetNames, usualPresets } from '../options/presets.ts';
import type { NoiseMode } from '../options/seeds.ts';
import { type SamplerName, samplerNames } from '../samplers/samplers.ts';
import { type OptionValues, UsageError } from './command.ts';
import { editOptions } from './edit.ts';
import { steeringOf, steeringOptions } from './steering.ts';
import { parseNumber } from './values.ts';

const { standard: usual } = usualPresets;
const { standard: lcm } = lcmPresets;

export const paintingOptions = {
	count: { type: 'number', value: 'N', help: 'portraits of each person (default: 1)' },
	preset: {
		type: 'string',
		value: 'NAME',
		choices: presetNames,
		help: 'draft, standard or best: sets sampler, steps and guidance where you do not (default: standard)',
	},
	steps: {
		type: 'number',
		value: 'N',
		help: `network evaluations per portrait (default: ${usual.steps}, with --lcm ${lcm.steps})`,
	},
	guidanceScale: {
		type: 'number',
		value: 'X',
		help: `how strongly the identity steers (default: ${usual.guidanceScale}, with --lcm ${lcm.guidanceScale})`,
	},
	guidanceInterval: {
		type: 'list',
		value: 'FROM,TO',
		help: 'noise levels with guidance, the lower one first, such as 0.28,5.42 (default: all)',
	},
	seed: { type: 'number', value: 'N', help: 'seed of the first portrait, the next has N + 1 (default: random)' },
	sampler: {
		type: 'string',
		value: 'NAME',
		help: `${samplerNames.join(', ')} (default: ${usual.sampler}, with --lcm ${lcm.sampler})`,
	},
	eta: { type: 'number', value: 'X', help: 'share of fresh noise in each step, 0 to 1, for ddim (default: 0)' },
	noise: { type: 'string', value: 'MODE', help: 'per-image, or batch as diffusers draws it (default: per-image)' },
	check: {
		type: 'number',
		value: 'X',
		help: 'least similarity to the person, -1 to 1: portraits below it are painted again (default: none is read)',
	},
	tries: { type: 'number', value: 'N', help: 'how often a portrait is painted at most, with --check (default: 3)' },
	preview: {
		type: 'number',
		value: 'N',
		help: 'every N steps, write what becomes of each portrait to <portrait>.preview.png, until it is painted',
	},
	width: { type: 'number', value: 'PIXELS', help: "width (default: the model's, with --image alone that photo's)" },
	height: { type: 'number', value: 'PIXELS', help: 'height, likewise' },
	...editOptions,
	...steeringOptions,
} as const;

/**
 * The options as the library takes them, which checks their values.
 *
 * @throws {UsageError} for tries of nothing, for levels that are no numbers, and as {@link steeringOf} does
 */
export function requestOf(
	values: OptionValues<typeof paintingOptions> & { recipe?: string | undefined },
): GenerateOptions {
	const { count, preset, steps, guidanceScale, guidanceInterval, seed, sampler, eta, noise, width, height } = values;
	const { image, strength, mask, overlay, check: minSimilarity, tries } = values;
	if (tries !== undefined && minSimilarity === undefined) {
		throw new UsageError('Expected --check with --tries but received --tries alone.');
	}
	const interval = guidanceInterval?.map((level) => parseNumber(level, '--guidance-interval'));
	return {
		...{ count, steps, guidanceScale, seed, eta, width, height, image, strength, mask, overlay },
		...steeringOf(values),
		guidanceInterval: interval as [number, number] | undefined, // how many they are, the library checks
		preset: preset as PresetName | undefined,
		sampler: sampler as SamplerName | undefined,
		noise: noise as NoiseMode | undefined,
		check: minSimilarity === undefined ? undefined : { minSimilarity, tries },
	};
}
