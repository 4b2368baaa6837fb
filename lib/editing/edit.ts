// Image-to-image and inpainting: the photos that images begin as, and the sizes and plans that follow from them.
import type { ImageGeometry, Size } from '../geometry.ts';
import type { Sentence } from '../messages/wording.ts';
import type { NativeEdit } from '../native.ts';
import { invalid } from '../options/check.ts';
import { type EditOptions, firstStep, photosOf } from '../options/edit.ts';
import type { GenerateOptions } from '../options/generate.ts';
import { maxImageSide, side } from '../options/sizes.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import { fromPhoto, type Plan } from '../samplers/plan.ts';
import { makePlan } from '../samplers/samplers.ts';

/** What a call says of the size of its images. */
type Sides = { [Side in keyof Size]?: number | undefined };

/** The photos and masks of a call, read. */
export type Edit = Readonly<{
	photos: readonly [Pixels, ...Pixels[]];
	/** None, one for all photos, or one for each. */
	masks: readonly Pixels[];
	strength: number;
	overlay: boolean;
}>;

/**
 * Reads the photos of a call's options.
 *
 * @param identities - how many the call has
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE`
 */
export async function readEdit(options: EditOptions, identities: number): Promise<Edit> {
	const { images, masks } = photosOf(options, identities);
	const { strength = masks.length > 0 ? 1 : 0.8, overlay = false } = options;
	const read = { photos: [] as Pixels[], masks: [] as Pixels[] };
	for (const image of images) read.photos.push(await readPhoto(image, { option: 'image' }));
	for (const mask of masks) read.masks.push(await readPhoto(mask, { option: 'mask', background: 'black' }));
	return { photos: read.photos as [Pixels, ...Pixels[]], masks: read.masks, strength, overlay };
}

/**
 * The size of the images where the call does not say: with a mask the model's, else the first photo's, cut to whole latents.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a photo that no image can be as large as
 */
export function geometryOf(
	{ photos: [photo], masks }: Readonly<{ photos: readonly [Size, ...Size[]]; masks: readonly unknown[] }>,
	model: ImageGeometry,
	asked: Sides,
): ImageGeometry {
	if (masks.length > 0) return model;
	const { pixelsPerLatent } = model;
	const cut = (pixels: number) => Math.floor(pixels / pixelsPerLatent) * pixelsPerLatent;
	const { fits } = side(pixelsPerLatent);
	const own = { width: cut(photo.width), height: cut(photo.height) };
	const isPaintable = (name: keyof Size) => asked[name] !== undefined || fits(own[name]);
	if (!isPaintable('width') || !isPaintable('height')) {
		const expected = `a photo of ${pixelsPerLatent} to ${maxImageSide} pixels a side`;
		const remedy: Sentence = ({ option }) =>
			`Pass ${option('width')} and ${option('height')} of the image: the photo is resized to them.`;
		throw invalid(expected, 'image', `${photo.width} × ${photo.height}`, remedy);
	}
	return { ...own, pixelsPerLatent };
}

/**
 * The plan of images that begin as photos: that of the steps which the strength leaves.
 *
 * @throws {Arc2FaceError} as {@link makePlan} and {@link firstStep} do
 */
export function editPlan(
	{ strength, masks }: Edit,
	...[sampler, steps, schedule, options]: Required<Parameters<typeof makePlan>>
): Plan {
	const plan = makePlan(sampler, steps, schedule, { ...options, first: firstStep(steps, strength) });
	// With a mask, diffusers begins a whole run with noise alone.
	return masks.length > 0 && strength === 1 ? plan : fromPhoto(plan);
}

/**
 * The form that the core takes.
 *
 * @param identityOfImage - the index of each image's identity
 * @param seed - as the call has it: with a list of seeds, diffusers' inpainting draws once for each photo
 */
export function nativeEdit(
	{ photos, masks, overlay }: Edit,
	identityOfImage: Uint32Array,
	seed: GenerateOptions['seed'],
): NativeEdit {
	const photoOfImage = photos.length === 1 ? new Uint32Array(identityOfImage.length) : identityOfImage;
	return { photos, masks, photoOfImage, overlay, drawsOnce: masks.length > 0 && Array.isArray(seed) };
}
