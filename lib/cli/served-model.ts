// The model of commands that paint what others ask for: its options, and what it is loaded for where no call is there to tell.
import { join } from 'node:path';
import { openBundle } from '../bundle/bundle.ts';
import { isThere } from '../bundle/network-files.ts';
import { type Feature, featureNames } from '../options/features.ts';
import { type OptionValues, UsageError } from './command.ts';
import { decoderOptions } from './decoder.ts';
import { keyOptions } from './guards.ts';
import { loraOptions } from './loras.ts';
import { checkPoolOptions, poolOptions } from './model.ts';

export const servedModelOptions = {
	consent: {
		type: 'path',
		value: 'LEDGER',
		help: 'paint only people with a valid record in this ledger, and log it there; requests say their purpose (see arc2face consent)',
	},
	denyList: { type: 'path', value: 'FILE', help: 'paint nobody who is on this list (see arc2face deny)' },
	...keyOptions,
	features: {
		type: 'list',
		value: 'LIST',
		help: `what else the model is loaded for: ${featureNames.join(', ')}, or none (default: all that it has)`,
	},
	...loraOptions,
	...decoderOptions,
	...poolOptions,
} as const;

/** The folders of a bundle whose presence tells that it has a feature; the VAE has both directions. */
const folders: Readonly<Record<Feature, string>> = {
	...{ edit: 'vae', control: 'controlnet', expression: 'exp_adapter', reference: 'ref_adapter' },
};

/**
 * Checks all of the options that can be before the model is loaded.
 *
 * @returns what it is to be loaded for
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, or what is wrong with the bundle
 * @throws {UsageError} for what is no feature
 */
export async function checkServedModel(values: OptionValues<typeof servedModelOptions>): Promise<Feature[]> {
	const features = await featuresOf(values.features, (await openBundle(values.bundle)).folder);
	checkPoolOptions({ ...values, features });
	return features;
}

/**
 * @param features - that are asked for (default: those that the bundle has)
 * @param bundle - its folder
 * @throws {UsageError} for what is no feature
 */
export async function featuresOf(features: readonly string[] | undefined, bundle: string): Promise<Feature[]> {
	if (features?.join() === 'none') return [];
	const unknown = features?.find((name) => !featureNames.some((feature) => feature === name));
	if (unknown !== undefined) {
		throw new UsageError(`Expected ${featureNames.join(', ')} or none for --features but received "${unknown}".`);
	}
	if (features !== undefined) return featureNames.filter((name) => features.includes(name));
	const isThereFor = await Promise.all(featureNames.map((name) => isThere(join(bundle, folders[name]))));
	return featureNames.filter((_, index) => isThereFor[index]);
}
