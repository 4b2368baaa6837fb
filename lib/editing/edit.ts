// Image-to-image and inpainting: the photos that images begin as, and the sizes and plans that follow from them.
import type { ImageGeometry, Size } from '../geometry.ts';
import type { Sentence } from '../messages/wording.ts';
import { invalid } from '../options/check.ts';
import { type EditOptions, firstStep, photosOf } from '../options/edit.ts';
import type { GenerateOptions } from '../options/generate.ts';
import { maxImageSide, side } from '../options/sizes.ts';
import type { Photo } from '../photo/forms.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import { fromPhoto, type Plan } from '../samplers/plan.ts';
import { makePlan } from '../samplers/samplers.ts';

/** What a call says of the size of its images. */
type Sides = { [Side in keyof Size]?: number | undefined };

/** What a call asks for, not read yet. */
export type AskedEdit = Readonly<{
	photos: readonly [Photo, ...Photo[]];
	/** None, one for all photos, or one for each. */
	masks: readonly Photo[];
	strength: number;
	overlay: boolean;
	/** Whether the posteriors of photos are drawn once, by the first images' generators: as diffusers' inpainting does, given a list. */
	drawsOnce: boolean;
}>;

/** The photos and masks of a call, read. */
export type ReadPhotos = Readonly<{ photos: readonly [Pixels, ...Pixels[]]; masks: readonly Pixels[] }>;

/**
 * @param identities - how many the call has
 * @returns undefined if nothing is to be edited
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function askedEdit(
	options: EditOptions & Pick<GenerateOptions, 'seed'>,
	identities: number,
): AskedEdit | undefined {
	const { images, masks } = photosOf(options, identities);
	if (images.length === 0) return undefined;
	const { strength = masks.length > 0 ? 1 : 0.8, overlay = false, seed } = options;
	const drawsOnce = masks.length > 0 && Array.isArray(seed);
	return { photos: [...images] as [Photo, ...Photo[]], masks: [...masks], strength, overlay, drawsOnce };
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE` */
export async function readEdit({ photos, masks }: AskedEdit): Promise<ReadPhotos> {
	const read = { photos: [] as Pixels[], masks: [] as Pixels[] };
	for (const photo of photos) read.photos.push(await readPhoto(photo, { option: 'image' }));
	for (const mask of masks) read.masks.push(await readPhoto(mask, { option: 'mask', background: 'black' }));
	return read as { photos: [Pixels, ...Pixels[]]; masks: Pixels[] };
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
	{ strength, masks }: AskedEdit,
	...[sampler, steps, schedule, options]: Required<Parameters<typeof makePlan>>
): Plan {
	const plan = makePlan(sampler, steps, schedule, { ...options, first: firstStep(steps, strength) });
	// With a mask, diffusers begins a whole run with noise alone.
	return masks.length > 0 && strength === 1 ? plan : fromPhoto(plan);
}
