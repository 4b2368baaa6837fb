// The shapes that models are loaded for, as options name them.
import type { Size } from '../geometry.ts';
import { type OptionValues, UsageError } from './command.ts';
import { parseNumber } from './values.ts';

/** The shapes that a model is loaded for. An engine runs those that it was built for and no others. */
export const shapeOptions = {
	imageSizes: {
		type: 'list',
		value: 'LIST',
		help: "sizes of images, the usual one first, such as 512x512,512x768 (default: the model's)",
	},
	batchSizes: {
		type: 'list',
		value: 'LIST',
		help: 'batches of the UNet on a GPU, in rows, of which an image takes two with guidance (default: 1,2,4,8,16)',
	},
	detectionSize: {
		type: 'number',
		value: 'PIXELS',
		help: 'side of the square that photos are fitted into (default: 640)',
	},
} as const;

/** @throws {UsageError} for what are no numbers; which ones they may be, the library says */
export function chosenShapes({ imageSizes, batchSizes, detectionSize }: OptionValues<typeof shapeOptions>) {
	return {
		imageSizes: imageSizes?.map(parseSize),
		batchSizes: batchSizes?.map((text) => parseNumber(text, '--batch-sizes')),
		detectionSize,
	};
}

/**
 * The size of images that is asked for. A side that is not is that of the usual size, so that the model is loaded for the whole.
 *
 * @param listed - what `--image-sizes` says
 * @param usual - the model's own size
 * @returns undefined when none is asked for
 * @throws {UsageError} for a size that is not on the list
 */
export async function chosenSize(
	{ width, height }: Record<'width' | 'height', number | undefined>,
	listed: readonly Size[] | undefined,
	usual: () => Promise<Size>,
): Promise<Size | undefined> {
	if (width === undefined && height === undefined) return undefined;
	const others = width !== undefined && height !== undefined ? { width, height } : (listed?.[0] ?? (await usual()));
	const size = { width: width ?? others.width, height: height ?? others.height };
	if (listed?.every((one) => one.width !== size.width || one.height !== size.height)) {
		const known = listed.map(sizeName).join(', ');
		throw new UsageError(
			`Expected one of --image-sizes ${known} for --width and --height but received ${sizeName(size)}.`,
		);
	}
	return size;
}

/** As `--image-sizes` takes it. */
export function sizeName({ width, height }: Size): string {
	return `${width}x${height}`;
}

function parseSize(text: string): Size {
	const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
	if (width !== undefined && height !== undefined) return { width: Number(width), height: Number(height) };
	throw new UsageError(`Expected sizes such as 512x512,512x768 for --image-sizes but received "${text}".`);
}
