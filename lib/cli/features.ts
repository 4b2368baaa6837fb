// The option that chooses what a model is loaded for, where no call is there to tell.
import { join } from 'node:path';
import { isThere } from '../bundle/network-files.ts';
import { type Feature, featureNames } from '../options/features.ts';
import { type OptionValues, UsageError } from './command.ts';

export const featureOptions = {
	features: {
		type: 'list',
		value: 'LIST',
		help: `what else the model is loaded for: ${featureNames.join(', ')}, or none (default: all that it has)`,
	},
} as const;

/** The folders of a bundle whose presence tells that it has a feature; the VAE has both directions. */
const folders: Readonly<Record<Feature, string>> = {
	...{ edit: 'vae', control: 'controlnet', expression: 'exp_adapter', reference: 'ref_adapter' },
};

/**
 * @param bundle - its folder
 * @throws {UsageError} for what is no feature
 */
export async function servedFeatures(
	{ features }: OptionValues<typeof featureOptions>,
	bundle: string,
): Promise<Feature[]> {
	if (features?.join() === 'none') return [];
	const unknown = features?.find((name) => !featureNames.some((feature) => feature === name));
	if (unknown !== undefined) {
		throw new UsageError(`Expected ${featureNames.join(', ')} or none for --features but received "${unknown}".`);
	}
	if (features !== undefined) return featureNames.filter((name) => features.includes(name));
	const isThereFor = await Promise.all(featureNames.map((name) => isThere(join(bundle, folders[name]))));
	return featureNames.filter((_, index) => isThereFor[index]);
}
