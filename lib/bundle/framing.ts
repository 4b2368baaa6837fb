// How a bundle's ControlNet expects heads to be framed.
import { join } from 'node:path';
import { ConfigFile } from '../../models/config-file.ts';
import { isThere } from './network-files.ts';

/**
 * How a bundle's training images frame heads: the camera's distance and the head's height, crown to chin, as a share of the image's; or
 * as FFHQ aligns faces, by eyes and mouth, and without perspective, as the official ControlNet's maps are drawn.
 */
export type Framing = 'ffhq' | Readonly<{ cameraDistance: number; headHeight: number }>;

/** Beside the weights of the ControlNet. */
export const framingPath = 'controlnet/framing.json';

/**
 * `{ "cameraDistance": 11, "headHeight": 0.76 }`: see {@link Framing}. As FFHQ frames faces in a bundle without the file, such as the
 * official one.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, naming the field
 */
export async function readFraming(bundle: string): Promise<Framing> {
	const path = join(bundle, framingPath);
	if (!(await isThere(path))) return 'ffhq';
	const file = await ConfigFile.read(path);
	const positive = (field: string, least: number, most: number) => {
		const value = file.number(field);
		if (!(value >= least && value <= most)) throw file.error(field, `a number from ${least} to ${most}`);
		return value;
	};
	// Nearer than this, the camera would be inside the head.
	return { cameraDistance: positive('cameraDistance', 2, 1e6), headHeight: positive('headHeight', 0.01, 10) };
}
