// The options that say which shapes a model is loaded for.
import type { ImageGeometry, Size } from '../geometry.ts';
import { maxImageSide, requireSides, sizeRule } from '../options/sizes.ts';
import { type OptionValues, UsageError } from './command.ts';
import { parseNumber } from './values.ts';

/** The shapes that a model is loaded for. An engine runs only those that it was built for. */
export const shapeOptions = {
	imageSizes: {
		type: 'list',
		value: 'LIST',
		help: "sizes of images, the usual one first, such as 512x512,512x768 (default: the model's)",
	},
	batchSizes: {
		type: 'list',
		value: 'LIST',
		help: 'batches of the UNet on a GPU, in rows, of which an image takes two with guidance (default: 2,8)',
	},
	detectionSize: {
		type: 'number',
		value: 'PIXELS',
		help: 'side of the square that photos are fitted into (default: 640)',
	},
} as const;

/** @throws {UsageError} for anything but numbers; the library checks their range */
export function chosenShapes({ imageSizes, batchSizes, detectionSize }: OptionValues<typeof shapeOptions>) {
	return {
		imageSizes: imageSizes?.map(parseSize),
		batchSizes: batchSizes?.map((text) => parseNumber(text, '--batch-sizes')),
		detectionSize,
	};
}

/**
 * The requested size of images. A side not given is that of the usual size, so that the model is loaded for both sides.
 *
 * @param listed - what `--image-sizes` says
 * @param usual - the model's own size
 * @returns undefined when none is requested
 * @throws {UsageError} for a size that is not on the list
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a side that the model can't paint
 */
export async function chosenSize(
	{ width, height }: Record<'width' | 'height', number | undefined>,
	listed: readonly Size[] | undefined,
	usual: () => Promise<ImageGeometry>,
): Promise<Size | undefined> {
	if (width === undefined && height === undefined) return undefined;
	const { pixelsPerLatent, ...own } = await usual();
	requireSides({ width, height }, pixelsPerLatent);
	const others = listed?.[0] ?? own;
	const size = { width: width ?? others.width, height: height ?? others.height };
	if (listed?.every((one) => one.width !== size.width || one.height !== size.height)) {
		const known = listed.map(sizeName).join(', ');
		throw new UsageError(
			`Expected one of --image-sizes ${known} for --width and --height but received ${sizeName(size)}.`,
		);
	}
	return size;
}

/** In the form that `--image-sizes` accepts. */
export function sizeName({ width, height }: Size): string {
	return `${width}x${height}`;
}

function parseSize(text: string): Size {
	const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
	const size = { width: Number(width), height: Number(height) };
	if (sizeRule.fits(size)) return size;
	throw new UsageError(
		`Expected sizes such as 512x512,512x768, with sides up to ${maxImageSide}, for --image-sizes but received "${text}".`,
	);
}
