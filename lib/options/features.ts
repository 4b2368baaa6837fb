// What a model can do besides painting from an identity, chosen when it is loaded: its weights and engines depend on it.
import { Arc2FaceError } from '../errors.ts';

/** All features, each an option of `load`. */
export const featureNames = ['edit', 'control', 'expression', 'reference'] as const;
/**
 * What a model can be loaded with; `edit`: image-to-image and inpainting; `control`: a pose, by a ControlNet; `expression`: an
 * expression; `reference`: portraits that keep what else a photo shows.
 */
export type Feature = (typeof featureNames)[number];

/** What makes images of latents: the VAE, or the bundle's tiny autoencoder. */
export type Decoder = 'vae' | 'taesd';
/** @internal */
export const decoders = ['vae', 'taesd'] as const satisfies readonly Decoder[];
export const usualDecoder: Decoder = 'vae';

/** Those that the options of `load` ask for. @internal */
export function chosenFeatures(options: Readonly<Partial<Record<Feature, boolean | undefined>>>): Feature[] {
	return featureNames.filter((name) => options[name] === true);
}

/** The options of `generate` that need one. @internal */
const featureOf = { image: 'edit', control: 'control', expression: 'expression', reference: 'reference' } as const;

/** The features that a call uses. @internal */
export function usedFeatures(options: Readonly<Partial<Record<keyof typeof featureOf, unknown>>>): Feature[] {
	return optionsUsed(options).map((option) => featureOf[option]);
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a model that was loaded without a feature that the call needs
 * @internal
 */
export function requireFeatures(options: Parameters<typeof usedFeatures>[0], loaded: readonly Feature[]): void {
	for (const option of optionsUsed(options)) requireFeature(featureOf[option], loaded, option);
}

function optionsUsed(options: Parameters<typeof usedFeatures>[0]): (keyof typeof featureOf)[] {
	return (Object.keys(featureOf) as (keyof typeof featureOf)[]).filter((option) => options[option] !== undefined);
}

/**
 * @param option - of the call, which needs the feature
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a model that was loaded without it
 * @internal
 */
export function requireFeature(feature: Feature, loaded: readonly Feature[], option: string): void {
	if (loaded.includes(feature)) return;
	throw new Arc2FaceError(
		'INVALID_ARGUMENT',
		({ option: named }) => `Expected a model that was loaded with \`${feature}\` for ${named(option)}.`,
		{ remedy: `Load the model with \`${feature}: true\`.`, details: { option } },
	);
}
