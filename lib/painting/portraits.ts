// What each image of a call is made from, and the request to the core for some of them.
import type { Identity } from '../identity.ts';
import type { NativeGenerateRequest } from '../native.ts';
import type { NoiseMode } from '../options/seeds.ts';

/** What one image is made from, besides what all of its call share. */
export type Portrait = Readonly<{
	/** Among the images of the call. */
	index: number;
	identity: Identity;
	seed: number;
	/** Among the images that its generator draws for, if it draws for several. */
	place: number;
}>;

/** What all images of a call share. */
export type Manner = Readonly<
	Pick<NativeGenerateRequest, 'plan' | 'guidanceScale' | 'guided' | 'width' | 'height' | 'latents'> & {
		noise: NoiseMode;
		/** How many images one generator draws for, with `noise: "batch"`. */
		drawnFor: number;
	}
>;

/** @param portraits - with one generator for all, of one seed; with latents, all of the call's */
export function requestFor(
	portraits: readonly Portrait[],
	{ noise, drawnFor, ...manner }: Manner,
): Omit<NativeGenerateRequest, 'onStep' | 'onImage'> {
	const identities = [...new Set(portraits.map(({ identity }) => identity))];
	const request = {
		...manner,
		embeddings: Float32Array.from(identities.flatMap(({ embedding }) => Array.from(embedding))),
		identityOfImage: Uint32Array.from(portraits, ({ identity }) => identities.indexOf(identity)),
	};
	const seeds = Float64Array.from(portraits, ({ seed }) => seed);
	if (noise === 'per-image') return { ...request, seeds };
	const places = Uint32Array.from(portraits, ({ place }) => place);
	return { ...request, seeds: seeds.slice(0, 1), noiseBatch: { images: drawnFor, places } };
}
