// The options of `generate` for image-to-image and inpainting.
import type { Photo } from '../photo/forms.ts';
import { invalid, number, type Rule, rules } from './check.ts';

/** The options of `generate` for a model that was loaded with `edit: true`. */
export interface EditOptions {
	/**
	 * Begin as this photo instead of noise: image-to-image, or with `mask` inpainting. It is turned upright and, with filters after Pillow's
	 * LANCZOS, resized to the image. One for all identities, or a list of one for each.
	 */
	image?: Photo | readonly Photo[] | undefined;
	/**
	 * How much of the photo is painted over, 0–1: that share of the steps is run, at least one (default 0.8, and 1 with `mask`, as
	 * in diffusers). 1 keeps only a trace of it.
	 */
	strength?: number | undefined;
	/**
	 * Inpainting: a picture that is white where the photo is painted anew and black where it is kept, with the border at mid-grey; what
	 * is transparent is black. Resized as the photo is. One for all photos, or with a list of photos one for each. The latents hold no
	 * single pixels: what is kept is very like the photo, but not the same. See `overlay`.
	 */
	mask?: Photo | readonly Photo[] | undefined;
	/**
	 * Lay the photo over what was painted, wherever the mask is black, and in part where it is grey: there nothing changes, but the
	 * border may show (default false, as in diffusers).
	 */
	overlay?: boolean | undefined;
}

/** What they are, before anything is read; a photo is looked at when it is. */
const photosRule: Rule = {
	expected: 'a photo, or a list of them',
	fits: (value) => (Array.isArray(value) ? value.length > 0 : true),
};

export const editRules = {
	image: photosRule,
	strength: number(0, 1),
	mask: photosRule,
	overlay: rules.flag,
} as const satisfies Record<keyof EditOptions, Rule>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for options that do not go together */
export function checkEditOptions({
	image,
	strength,
	mask,
	overlay,
	latents,
}: EditOptions & { latents?: unknown }): void {
	for (const [name, value] of Object.entries({ strength, mask, overlay })) {
		if (image === undefined && value !== undefined) throw invalid('an image', name, 'none with it');
	}
	if (overlay === true && mask === undefined) throw invalid('a mask', 'overlay', 'none with it');
	if (image !== undefined && latents !== undefined) throw invalid('no image', 'latents', 'one with them');
}

/**
 * The photos, and masks, of a call, with the checks that need the number of its identities.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function photosOf(
	{ image, mask }: EditOptions,
	identities: number,
): { images: readonly Photo[]; masks: readonly Photo[] } {
	if (isList(image) && image.length !== identities) {
		throw invalid(`a photo, or ${identities}, one for each identity`, 'image', `${image.length}`);
	}
	if (isList(mask) && !(isList(image) && mask.length === image.length)) {
		const images = isList(image) ? `${image.length} photos` : 'one photo';
		throw invalid('a mask, or one for each photo of a list', 'mask', `${mask.length} for ${images}`);
	}
	const listOf = (one: EditOptions['image']) => (one === undefined ? [] : isList(one) ? one : [one]);
	return { images: listOf(image), masks: listOf(mask) };
}

function isList(value: EditOptions['image']): value is readonly Photo[] {
	return Array.isArray(value);
}

/**
 * The first of the steps that a strength runs: diffusers truncates the product, which for 100 · 0.29 is 28.999….
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` when it would run none
 */
export function firstStep(steps: number, strength: number): number {
	const run = Math.min(Math.trunc(steps * strength), steps);
	if (run > 0) return steps - run;
	// Rounded up, because 49 · (1 / 49) is below 1.
	const least = Math.ceil(10_000 / steps) / 10_000;
	throw invalid(`at least ${least} with ${steps} ${steps === 1 ? 'step' : 'steps'}`, 'strength', `${strength}`);
}
