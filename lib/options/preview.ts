// Previews: what they are, and the options for them.
import { isPlainObject } from './brands.ts';
import { check, integer, invalid, type Rule } from './check.ts';

/** Which previews to make. */
export interface PreviewOptions {
	/** After every how many network evaluations, 1–1000 (default 1). */
	every?: number | undefined;
}

/**
 * What an image is expected to become, as far as it is painted: smooth at first, and ever nearer to the image. As large as the image where
 * the model was loaded with the tiny decoder; else a pixel for each of the latents, in Stable Diffusion an eighth of the image's sides.
 * Plain data: `sharp(preview.data, { raw: preview })` saves it.
 */
export type Preview = Readonly<{
	/** RGB, row-major, the top row first. */
	data: Uint8Array;
	/** In pixels. */
	width: number;
	/** In pixels. */
	height: number;
	/** Numbers per pixel in `data`: red, green and blue. */
	channels: 3;
	/** Index of the image among those of its call, from 0. */
	index: number;
	/** The seed of the image's noise, in this round. */
	seed: number;
	/** Network evaluations that the image has had, from 1. */
	step: number;
	/** Network evaluations of each image in this round. */
	steps: number;
	/** 1, and with `check` 2 and so on where the image is painted again. */
	round: number;
}>;

const everyRule = integer(1, 1000);

export const previewRule: Rule = {
	expected: 'an object with `every`',
	fits: (value) => typeof value === 'object' && value !== null && isPlainObject(value),
	remedy: (value) => (everyRule.fits(value) ? `Pass \`preview: { every: ${value} }\`.` : undefined),
};

type Asked = Readonly<{ preview?: PreviewOptions | undefined; onPreview?: unknown }>;

/**
 * After every how many evaluations there is a preview; undefined where nobody asks for any.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolvePreview({ preview, onPreview }: Asked): number | undefined {
	if (preview !== undefined) check('preview', preview, { every: everyRule }, 'preview.');
	if (preview !== undefined && onPreview === undefined) throw invalid('a function with `preview`', 'onPreview', 'none');
	return onPreview === undefined ? undefined : (preview?.every ?? 1);
}
