// The pixels of a photo in the size of portraits.
import sharp from 'sharp';
import type { Size } from '../../lib/index.ts';
import type { Pixels } from './square.ts';

/** RGB, stretched to the size, whatever the photo's proportions. */
export async function photoPixels(file: string, { width, height }: Size): Promise<Pixels & { channels: 3 }> {
	const data = await sharp(file).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer();
	return { data, width, height, channels: 3 };
}
