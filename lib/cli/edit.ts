// The options of image-to-image and inpainting.
import type { ImageGeometry, Size } from '../geometry.ts';
import type { OptionValues } from './command.ts';

export const editOptions = {
	image: { type: 'path', value: 'FILE', help: 'begin as this photo instead of noise' },
	strength: {
		type: 'number',
		value: 'X',
		help: 'how much of it is painted over, 0 to 1 (default: 0.8, with --mask 1)',
	},
	mask: { type: 'path', value: 'FILE', help: 'paint only where this picture is white, and keep what is black in it' },
	overlay: { type: 'boolean', help: 'lay the photo over what is kept, so that nothing changes there' },
} as const;

type Sides = { [Side in keyof Size]: number | undefined };

/**
 * The sides that images are asked to have, of which those of a photo without a mask follow from it. Photo and mask are looked at here, before
 * a model is loaded.
 *
 * @param geometry - of the model
 * @throws {Arc2FaceError} `INVALID_IMAGE`; `INVALID_ARGUMENT` for a photo that no image can be as large as
 */
export async function editedSides(
	{ image, mask, width, height }: Pick<OptionValues<typeof editOptions>, 'image' | 'mask'> & Sides,
	geometry: () => Promise<ImageGeometry>,
): Promise<Sides> {
	if (image === undefined) return { width, height };
	// Imported here: without sharp, which they need, `--help` still answers.
	const [{ checkPhoto }, { geometryOf }] = await Promise.all([import('../photo.ts'), import('../editing/edit.ts')]);
	const photo = await checkPhoto(image, 'image');
	if (mask !== undefined) {
		await checkPhoto(mask, 'mask');
		return { width, height };
	}
	const own = geometryOf({ photos: [photo], masks: [] }, await geometry(), { width, height });
	return { width: width ?? own.width, height: height ?? own.height };
}
