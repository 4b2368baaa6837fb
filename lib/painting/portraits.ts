// What each image of a call is made from, and the request to the core for some of them.
import type { Identity } from '../identity.ts';
import type { NativeEdit, NativeGenerateRequest } from '../native.ts';
import type { NoiseMode } from '../options/seeds.ts';
import type { Inputs } from './inputs.ts';

/** What one image is made from, besides what all of its call share. */
export type Portrait = Readonly<{
	/** Among the images of the call. */
	index: number;
	/** Index of its identity among those of the call. */
	person: number;
	identity: Identity;
	/** Index of the photo that it begins as, if the call has any. */
	photo: number;
	seed: number;
	/** Among the images that its generator draws for, if it draws for several. */
	place: number;
}>;

/** What all images of a call share. */
export type Manner = Readonly<
	Pick<NativeGenerateRequest, 'plan' | 'guidanceScale' | 'guided' | 'latents' | 'previewColours'> & {
		noise: NoiseMode;
		/** How many images one generator draws for, with `noise: "batch"`. */
		drawnFor: number;
	}
>;

/** @param portraits - with one generator for all, of one seed; with latents, all of the call's */
export function requestFor(
	portraits: readonly Portrait[],
	{ noise, drawnFor, ...manner }: Manner,
	{ size, edit, steering, referenceNoise }: Inputs,
): Omit<NativeGenerateRequest, 'onStep' | 'onPreview' | 'onImage'> {
	const identities = [...new Set(portraits.map(({ identity }) => identity))];
	const { reference } = steering;
	const ownNoise = referenceNoise.length > 1 ? portraits.map(({ index }) => referenceNoise[index]!) : referenceNoise;
	const request = {
		...manner,
		...size,
		...steering,
		...(reference && ownNoise.length > 0 && { reference: { ...reference, noise: joined(ownNoise) } }),
		embeddings: Float32Array.from(identities.flatMap(({ embedding }) => Array.from(embedding))),
		identityOfImage: Uint32Array.from(portraits, ({ identity }) => identities.indexOf(identity)),
	};
	const seeds = Float64Array.from(portraits, ({ seed }) => seed);
	if (noise === 'per-image') return { ...request, seeds, ...(edit && { edit: editFor(portraits, edit) }) };
	const places = Uint32Array.from(portraits, ({ place }) => place);
	// The generator draws for all photos of the call.
	const photoOfImage = Uint32Array.from(portraits, ({ photo }) => photo);
	return {
		...{ ...request, seeds: seeds.slice(0, 1), noiseBatch: { images: drawnFor, places } },
		...(edit && { edit: { ...edit, photoOfImage } }),
	};
}

/** Only with the photos that are needed. */
function editFor(portraits: readonly Portrait[], { photos, masks, ...how }: NonNullable<Inputs['edit']>): NativeEdit {
	const used = [...new Set(portraits.map(({ photo }) => photo))];
	const of = <T>(list: readonly T[]) => (list.length > 1 ? used.map((photo) => list[photo]!) : list);
	const photoOfImage = Uint32Array.from(portraits, ({ photo }) => used.indexOf(photo));
	return { photos: of(photos), masks: of(masks), photoOfImage, ...how };
}

function joined(rows: readonly Float32Array[]): Float32Array {
	const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const row of rows) {
		all.set(row, at);
		at += row.length;
	}
	return all;
}
