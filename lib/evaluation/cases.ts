// The pictures of a report's cases.
import sharp from 'sharp';
import { type Pixels, readImageFile, readPhoto } from '../photo.ts';
import { cutFace } from './alignment.ts';
import type { ShownCase } from './page.ts';
import type { Case } from './report.ts';
import type { SeenImage } from './survey.ts';

/** Sharp on dense screens, and a page of a dozen cases stays below half a megabyte. */
const side = 288;

/** @param find - the input of a case, and the file of its portrait */
export async function showCases(
	cases: readonly Case[],
	find: (one: Case) => { input: SeenImage; portrait: string },
): Promise<ShownCase[]> {
	const shown: ShownCase[] = [];
	for (const one of cases) {
		const { input, portrait } = find(one);
		const cut = await cutFace(await readPhoto(input.file), input.seen.keypoints, side);
		const file = await readImageFile(portrait);
		shown.push({
			...one,
			inputPicture: await dataUrl(cut),
			portraitPicture: await dataUrl(await file.pixels(), file.xmp),
		});
	}
	return shown;
}

/** @param xmp - what a portrait's file says of it goes along: who takes a picture out of the page has it, too */
async function dataUrl({ data, width, height }: Pixels, xmp?: string): Promise<string> {
	const image = sharp(data, { raw: { width, height, channels: 3 } });
	const webp = await (xmp ? image.withXmp(xmp) : image)
		.resize(side, side, { fit: 'inside', withoutEnlargement: true })
		.webp({ quality: 82 })
		.toBuffer();
	return `data:image/webp;base64,${webp.toString('base64')}`;
}
