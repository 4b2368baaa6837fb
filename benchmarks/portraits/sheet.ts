// Draws contact sheets.
import sharp, { type Sharp } from 'sharp';
import { lettering } from './lettering.ts';

/** An image of a sheet and its label. */
export type Cell = Readonly<{ image: Sharp; label: string }>;

const [gap, margin, labelHeight] = [8, 16, 28];

/**
 * A contact sheet: images in rows, each with its label.
 *
 * @param side - pixels of a square cell, that images are scaled to
 * @returns the bytes of a PNG file
 */
export async function contactSheet(rows: readonly (readonly Cell[])[], side: number): Promise<Buffer> {
	const columns = Math.max(...rows.map((row) => row.length));
	const width = 2 * margin + columns * (side + gap) - gap;
	const height = 2 * margin + rows.length * (side + labelHeight) - gap;

	const layers = [];
	const labels = [];
	for (const [r, row] of rows.entries()) {
		for (const [c, { image, label }] of row.entries()) {
			const left = margin + c * (side + gap);
			const top = margin + r * (side + labelHeight);
			layers.push({ input: await image.resize(side, side, { kernel: 'lanczos3' }).png().toBuffer(), left, top });
			labels.push(lettering(label, { x: left + side / 2, y: top + side + 16, height: 10 }));
		}
	}
	const written = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${labels.join('')}</svg>`;
	return await sharp({ create: { width, height, channels: 3, background: 'white' } })
		.composite([...layers, { input: Buffer.from(written), left: 0, top: 0 }])
		.png()
		.toBuffer();
}
