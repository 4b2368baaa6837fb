// What recipes tell of the inputs of an image: of photos only digests, so that a photo can be told again without being kept.
import { webcrypto } from 'node:crypto';
import type { NativePhoto } from '../native.ts';
import { toBase64 } from '../options/base64.ts';
import type { Recipe, RecipeInputs } from '../options/recipe.ts';
import { type Warning, warning } from '../warnings.ts';
import type { AskedInputs, Inputs } from './inputs.ts';
import type { Portrait } from './portraits.ts';

/** SHA-256 of a call's photos, as they were read. */
export type PhotoDigests = Readonly<{
	image: readonly string[];
	mask: readonly string[];
	control: readonly string[];
	reference: readonly string[];
}>;

/** Of width and height, as 32-bit integers, and the RGB bytes: whatever file the pixels were in. */
export async function photoDigests(
	{ steering: wanted }: AskedInputs,
	{ edit, steering }: Inputs,
): Promise<PhotoDigests> {
	const { control, reference } = steering;
	const of = (photos: readonly NativePhoto[]) => Promise.all(photos.map(pixelsDigest));
	return {
		image: await of(edit?.photos ?? []),
		mask: await of(edit?.masks ?? []),
		control: await of(control && wanted.control !== undefined && 'image' in wanted.control ? [control.image] : []),
		reference: await of(reference ? [reference.photo] : []),
	};
}

async function pixelsDigest({ data, width, height }: NativePhoto): Promise<string> {
	const bytes = new Uint8Array(8 + data.length);
	new Uint32Array(bytes.buffer, 0, 2).set([width, height]);
	bytes.set(data, 8);
	return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

/** The part of one image. */
export function recipeInputs(
	{ photo, index }: Portrait,
	{ edit, steering: wanted }: AskedInputs,
	{ keypoints, referenceNoise }: Inputs,
	digests: PhotoDigests,
): RecipeInputs {
	const { control, expression, reference } = wanted;
	const noise = referenceNoise[referenceNoise.length > 1 ? index : 0];
	return {
		...(edit && {
			edit: {
				...{ image: digests.image[photo]!, strength: edit.strength },
				...(edit.masks.length > 0 && { mask: digests.mask[edit.masks.length > 1 ? photo : 0]!, overlay: edit.overlay }),
			},
		}),
		...(control && {
			control: {
				...('pose' in control ? { pose: control.pose } : { image: digests.control[0]! }),
				scale: control.scale,
			},
		}),
		...(expression && { expression: { numbers: Array.from(expression.numbers), scale: expression.scale } }),
		...(reference && {
			reference: {
				...{ photo: digests.reference[0]!, scale: reference.scale },
				...(!reference.align && { align: false as const }),
				...(reference.landmarks && { landmarks: reference.landmarks }),
				...(keypoints && { keypoints }),
				...(noise && { noise: toBase64(noise) }),
			},
		}),
	};
}

/** A warning for photos that are not those of the recipe. */
export function comparePhotos({ edit, control, reference }: Recipe, photos: PhotoDigests): Warning[] {
	const made = {
		...{ image: edit?.image, mask: edit?.mask },
		...{ control: control && 'image' in control ? control.image : undefined, reference: reference?.photo },
	};
	const others = (Object.keys(made) as (keyof typeof made)[]).filter(
		(name) => made[name] !== undefined && photos[name].some((digest) => digest !== made[name]),
	);
	if (others.length === 0) return [];
	const message = `The recipe was made with ${others.length === 1 ? 'another photo' : 'other photos'} for ${others.join(', ')}.`;
	return [warning('OTHER_PHOTO', message)];
}
