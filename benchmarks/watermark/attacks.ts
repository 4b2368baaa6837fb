// What happens to images on their way: re-encoding, scaling, cropping, brightness and contrast.
import sharp, { type Sharp } from 'sharp';

/** RGB, 8 bits, row-major. */
export type Pixels = Readonly<{ data: Uint8Array; width: number; height: number }>;

export const sharpOf = ({ data, width, height }: Pixels): Sharp => sharp(data, { raw: { width, height, channels: 3 } });

export async function pixelsOf(image: Sharp): Promise<Pixels> {
	const { data, info } = await image.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
	return { data: new Uint8Array(data), width: info.width, height: info.height };
}

type Attack = (image: Pixels) => Promise<Pixels>;

const encoded =
	(encode: (image: Sharp) => Sharp): Attack =>
	async (image) =>
		await pixelsOf(sharp(await encode(sharpOf(image)).toBuffer()));

const scaled =
	(factor: number): Attack =>
	async (image) =>
		await pixelsOf(sharpOf(image).resize(Math.round(image.width * factor), Math.round(image.height * factor)));

const cropped: Attack = async (image) => {
	const [left, top] = [Math.round(image.width / 10), Math.round(image.height / 10)];
	const [width, height] = [image.width - 2 * left, image.height - 2 * top];
	return await pixelsOf(sharpOf(image).extract({ left, top, width, height }));
};

const brighter =
	(factor: number): Attack =>
	async (image) =>
		await pixelsOf(sharpOf(image).linear(factor, 0));

/** About the image's mean, as Pillow's `ImageEnhance.Contrast` and torchvision's `adjust_contrast` have it. */
const contrasted =
	(factor: number): Attack =>
	async (image) => {
		const { data } = image;
		let sum = 0;
		for (let i = 0; i < data.length; i += 3) sum += 0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
		const mean = sum / (data.length / 3);
		return await pixelsOf(sharpOf(image).linear(factor, (1 - factor) * mean));
	};

export const attacks: Readonly<Record<string, Attack>> = {
	none: async (image) => image,
	'JPEG 60': encoded((image) => image.jpeg({ quality: 60 })),
	'JPEG 80': encoded((image) => image.jpeg({ quality: 80 })),
	'WebP 60': encoded((image) => image.webp({ quality: 60 })),
	'scaled by 0.5': scaled(0.5),
	'scaled by 0.61': scaled(0.61),
	'scaled by 0.75': scaled(0.75),
	'scaled by 1.37': scaled(1.37),
	'scaled by 2': scaled(2),
	'cropped by 10 % of each side': cropped,
	'brightness −20 %': brighter(0.8),
	'brightness +20 %': brighter(1.2),
	'contrast −20 %': contrasted(0.8),
	'contrast +20 %': contrasted(1.2),
};
