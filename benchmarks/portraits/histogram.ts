// Draws histograms of similarities.
import sharp from 'sharp';
import { lettering } from './lettering.ts';
import { type Bins, countBins, mean } from './statistics.ts';

/** Similarities of images to their own person and to other people. */
export type Similarities = Readonly<{ name: string; same: readonly number[]; different: readonly number[] }>;

/** Bins of 0.025; nobody is less similar than −0.4. */
export const bins: Bins = { from: -0.4, to: 1, count: 56 };

const same = { title: 'same person', colour: '#1b6ca8' };
const different = { title: 'different people', colour: '#d9822b' };
const size = { width: 760, panel: 190, left: 24, right: 24, top: 68, between: 44, bottom: 64 };
const plotWidth = size.width - size.left - size.right;

/**
 * A panel of two histograms for each kind of image, above one axis of similarities. Every histogram has the same
 * area, however many similarities there are; a line marks its mean.
 *
 * @returns the bytes of a PNG file
 */
export async function histogramPicture(panels: readonly Similarities[]): Promise<Buffer> {
	const height = size.top + panels.length * (size.panel + size.between) - size.between + size.bottom;
	const bottom = height - size.bottom;
	const parts = [`<rect width="${size.width}" height="${height}" fill="white"/>`];
	[same, different].forEach(({ title, colour }, i) => {
		const x = size.left + 200 * i;
		parts.push(`<rect x="${x}" y="14" width="14" height="14" fill="${colour}" fill-opacity="0.6"/>`);
		parts.push(lettering(title, { x: x + 24, y: 26, height: 11, anchor: 'start' }));
	});
	panels.forEach((panel, i) => {
		parts.push(drawPanel(panel, size.top + i * (size.panel + size.between)));
	});
	for (let tenth = -4; tenth <= 10; tenth += 2) {
		const x = place(tenth / 10);
		parts.push(`<path d="M${x} ${bottom}v6" stroke="#333"/>`);
		const text = (tenth / 10).toFixed(1).replace('-', '−');
		parts.push(lettering(text, { x, y: bottom + 22, height: 10 }));
	}
	parts.push(lettering('similarity', { x: place(0.3), y: bottom + 44, height: 11 }));
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${height}">${parts.join('')}</svg>`;
	return await sharp(Buffer.from(svg)).png().toBuffer();
}

function drawPanel({ name, ...similarities }: Similarities, top: number): string {
	const bottom = top + size.panel;
	const kinds = [
		{ values: similarities.different, colour: different.colour },
		{ values: similarities.same, colour: same.colour },
	].map(({ values, colour }) => ({
		values,
		colour,
		shares: countBins(values, bins).map((n) => n / (values.length || 1)),
	}));
	const highest = Math.max(...kinds.flatMap(({ shares }) => shares), Number.MIN_VALUE);

	const parts = [lettering(name, { x: size.left, y: top - 6, height: 11, anchor: 'start' })];
	for (const { values, colour, shares } of kinds) {
		const width = plotWidth / bins.count;
		const bars = shares.map((share, bin) => {
			const height = (share / highest) * (size.panel - 16);
			return `M${size.left + bin * width} ${bottom}v${-height}h${width}v${height}Z`;
		});
		parts.push(`<path d="${bars.join('')}" fill="${colour}" fill-opacity="0.6"/>`);
		if (values.length === 0) continue;
		const x = place(mean(values));
		parts.push(`<path d="M${x} ${bottom}V${top + 8}" stroke="${colour}" stroke-width="2" stroke-dasharray="5 4"/>`);
	}
	parts.push(`<path d="M${size.left} ${bottom}h${plotWidth}" stroke="#333"/>`);
	return parts.join('');
}

/** The x of a similarity; those beyond the axis are drawn at its end. */
function place(similarity: number): number {
	const share = (similarity - bins.from) / (bins.to - bins.from);
	return size.left + Math.min(Math.max(share, 0), 1) * plotWidth;
}
