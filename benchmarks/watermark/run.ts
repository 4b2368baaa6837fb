/**
 * What is left of the invisible watermark after attacks, beside invisible-watermark's (DwtDct) on the same images in the same run: the share of images of
 * which all 48 bits are read, PSNR, milliseconds. Fails where fewer than 99 % are, PSNR is below 42 dB or embedding takes more than 5 ms.
 *
 *   npm run bench:watermark -- --renders DIR --photos DIR --python PYTHON [--images 400,400,200] [--part K/N] [--json] [FILE…]
 *
 * `--images`: how many renders, enlarged portraits and parts of photos; `--part 2/3`: every third of them, from the second on. Files that other parts wrote
 * with `--json` are added.
 */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { embedWatermark, readWatermark } from '../../lib/provenance/watermark.ts';
import { median } from '../portraits/statistics.ts';
import { attacks, type Pixels, pixelsOf, sharpOf } from './attacks.ts';
import { imagesIn, partOf, portraits, randomFrom } from './images.ts';
import { Peer } from './peer.ts';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		renders: { type: 'string' },
		photos: { type: 'string' },
		python: { type: 'string', default: 'python3' },
		images: { type: 'string', default: '400,400,200' },
		part: { type: 'string', default: '1/1' },
		json: { type: 'boolean', default: false },
	},
});
const side = 512;
const [renderCount = 0, portraitCount = 0, photoCount = 0] = values.images.split(',').map(Number);
const [part = 1, parts = 1] = values.part.split('/').map(Number);

/** Those of the part that was asked for. */
async function* images(): AsyncGenerator<{ kind: string; index: number; image: Pixels }> {
	const isWanted = (index: number) => index % parts === part - 1;
	if (renderCount > 0) {
		const renders = (await imagesIn(values.renders!)).slice(0, renderCount);
		if (renders.length < renderCount) throw new Error(`Expected ${renderCount} renders but found ${renders.length}.`);
		for (const [i, { image }] of renders.entries()) if (isWanted(i)) yield { kind: 'renders', index: i, image };
	}
	let index = renderCount;
	for await (const image of portraits(portraitCount, (i) => isWanted(renderCount + i))) {
		if (image) yield { kind: 'portraits', index, image: await pixelsOf(sharpOf(image).resize(side, side)) };
		index++;
	}
	if (photoCount === 0) return;
	const photos = await imagesIn(values.photos!);
	for (let i = 0; i < photoCount; i++, index++) {
		if (!isWanted(index)) continue;
		const image = await partOf(photos[i % photos.length]!.image, side, 0.6, randomFrom(i));
		yield { kind: 'photos', index, image };
	}
}

const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;

function squares(a: Uint8Array, b: Uint8Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
	return sum / a.length;
}
const decibels = (meanSquare: number) => 10 * Math.log10(255 ** 2 / meanSquare);

/** Of one of the two, of one kind of images. */
class Tally {
	images = 0;
	readonly whole: Record<string, number> = Object.fromEntries(Object.keys(attacks).map((name) => [name, 0]));
	readonly psnr: number[] = [];
	readonly embedding: number[] = [];
	readonly reading: number[] = [];

	add(other: Omit<Tally, 'add'>): void {
		this.images += other.images;
		for (const [name, count] of Object.entries(other.whole)) this.whole[name]! += count;
		for (const figure of ['psnr', 'embedding', 'reading'] as const) this[figure].push(...other[figure]);
	}
}
const tallies: Record<string, { ours: Tally; peer: Tally }> = {};

/** By all processors, of which other processes of the machine take none. */
async function timed<T>(work: () => Promise<T>): Promise<{ milliseconds: number; answer: T }> {
	const start = process.cpuUsage();
	const answer = await work();
	const { user, system } = process.cpuUsage(start);
	return { milliseconds: (user + system) / 1000, answer };
}

await using peer = new Peer(values.python);
for await (const { kind, index, image } of images()) {
	const random = randomFrom(10_000 + index);
	const payload = Uint8Array.from({ length: 6 }, () => 256 * random());
	tallies[kind] ??= { ours: new Tally(), peer: new Tally() };
	const both = [
		{
			tally: tallies[kind].ours,
			mark: await timed(() => embedWatermark(image, payload)),
			read: (changed: Pixels) => timed(async () => (await readWatermark(changed))?.payload),
		},
		{
			tally: tallies[kind].peer,
			mark: await peer.embed(image, payload),
			read: (changed: Pixels) => peer.read(changed),
		},
	];
	for (const { tally, mark, read } of both) {
		tally.images++;
		tally.psnr.push(decibels(squares(mark.answer, image.data)));
		tally.embedding.push(mark.milliseconds);
		for (const [name, attack] of Object.entries(attacks)) {
			const { milliseconds, answer } = await read(await attack({ ...image, data: mark.answer }));
			if (same(answer, payload)) tally.whole[name]!++;
			if (name === 'none') tally.reading.push(milliseconds);
		}
	}
}

for (const file of positionals) {
	const others = JSON.parse(await readFile(file, 'utf8')) as typeof tallies;
	for (const [kind, { ours, peer }] of Object.entries(others)) {
		tallies[kind] ??= { ours: new Tally(), peer: new Tally() };
		tallies[kind].ours.add(ours);
		tallies[kind].peer.add(peer);
	}
}

const kinds = Object.keys(tallies);
const total = (of: 'ours' | 'peer', value: (tally: Tally) => number) =>
	kinds.reduce((sum, kind) => sum + value(tallies[kind]![of]), 0);
const all = total('ours', ({ images }) => images);
const share = (of: 'ours' | 'peer', name: string) => total(of, ({ whole }) => whole[name]!) / all;
const numbers = (of: 'ours' | 'peer', which: 'psnr' | 'embedding' | 'reading') =>
	kinds.flatMap((kind) => tallies[kind]![of][which]);
const least = Math.min(...numbers('ours', 'psnr'));
const passed =
	Object.keys(attacks).every((name) => share('ours', name) >= 0.99) &&
	least >= 42 &&
	median(numbers('ours', 'embedding')) <= 5;

if (values.json) {
	console.log(JSON.stringify(tallies));
} else {
	const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
	const figures = (of: 'ours' | 'peer') => {
		const psnr = numbers(of, 'psnr');
		const mean = psnr.reduce((sum, x) => sum + x, 0) / psnr.length;
		return `PSNR ${mean.toFixed(1)} dB, least ${Math.min(...psnr).toFixed(1)} dB; milliseconds of a processor: marking ${median(numbers(of, 'embedding')).toFixed(1)}, reading ${median(numbers(of, 'reading')).toFixed(1)}`;
	};
	console.log(
		`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
	);
	console.log(`${all} images: ${kinds.map((kind) => `${tallies[kind]!.ours.images} ${kind}`).join(', ')}\n`);
	console.log(`| All 48 bits are read after | ours | ${kinds.join(' | ')} | invisible-watermark, DwtDct |`);
	console.log(`| --- | --- | ${kinds.map(() => '--- |').join(' ')} --- |`);
	for (const name of Object.keys(attacks)) {
		const each = kinds.map((kind) => percent(tallies[kind]!.ours.whole[name]! / tallies[kind]!.ours.images));
		console.log(
			`| ${name} | ${percent(share('ours', name))} | ${each.join(' | ')} | ${percent(share('peer', name))} |`,
		);
	}
	console.log(`\nOurs: ${figures('ours')}. The peer: ${figures('peer')}.`);
	console.log(passed ? 'Passed.' : 'Failed: fewer than 99 % of some row, less than 42 dB, or more than 5 ms.');
}
process.exitCode = passed ? 0 : 1;
