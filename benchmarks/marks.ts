/**
 * What the marks of a file cost: encoded with them and without, in turns; and beside the time that a portrait of the embedded bundle takes. The
 * first file, for which libraries are loaded and a certificate is read, is told apart. Fails when it is more than is asked.
 *
 *   npm run bench:marks [-- --rounds 200]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { GeneratedImage } from '../lib/image.ts';
import { Arc2Face, type ImageFormat, type Provenance, verifyImage } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';
import { embedWatermark } from '../lib/provenance/watermark.ts';
import { mediansOf, type Times, timed } from './times.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' } } });
const rounds = Number(values.rounds);

const cacheDir = await mkdtemp(join(tmpdir(), 'arc2face-marks-'));
await using model = await Arc2Face.load({ bundle: 'tiny', device: 'cpu', cacheDir });
const anna = await model.encode(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'));

const rows: string[] = [];
let missed = 0;
function row(what: string, { clock, processor }: Times, most?: number): void {
	const isMet = most === undefined || processor <= most;
	if (!isMet) missed++;
	const asked = most === undefined ? '' : `  at most ${most} ms  ${isMet ? 'met' : 'MISSED'}`;
	const [own, other] = [processor, clock].map((ms) => ms.toFixed(2).padStart(8));
	rows.push(`${what.padEnd(60)}${own} ms of processor, ${other} ms by the clock${asked}`);
}
const less = (a: Times, b: Times): Times => ({ clock: a.clock - b.clock, processor: a.processor - b.processor });

/** Without marks, with all but one, and with all, in turns. */
async function compare(image: GeneratedImage, format: ImageFormat) {
	const ways = [false, { watermark: false }, {}] as const satisfies readonly Provenance[];
	const times: Times[][] = ways.map(() => []);
	for (let i = 0; i < rounds; i++) {
		for (const [way, provenance] of ways.entries()) {
			times[way]!.push(await timed(() => image.toBuffer(format, { provenance })));
		}
	}
	const [bare, unwatermarked, marked] = times.map(mediansOf) as [Times, Times, Times];
	return { bare, metadata: less(unwatermarked, bare), all: less(marked, bare) };
}

const portraits: Times[] = [];
let portrait: GeneratedImage | undefined;
for (let seed = 0; seed < 9; seed++) {
	portraits.push(
		await timed(async () => {
			[portrait] = await model.generate(anna, { seed });
		}),
	);
}
const small = portrait!;
const side = 512;
const enlarged = await small.sharp().resize(side, side, { kernel: 'lanczos3' }).raw().toBuffer();
const large = new GeneratedImage(enlarged, { width: side, height: side }, 0, 0, { origin: { inputs: [], cacheDir } });

row('first file of a process, with all that it loads and makes', await timed(() => large.toBuffer()));
const found = await verifyImage(await large.toBuffer());
if (found.finding !== 'signed' || found.watermark?.payload === undefined) throw new Error('Marks are missing.');
const watermarks: Times[] = [];
for (let i = 0; i < rounds; i++) {
	watermarks.push(await timed(() => embedWatermark({ data: large.data, width: side, height: side })));
}
row(`watermark alone, ${side} × ${side}`, mediansOf(watermarks), 5);
for (const format of ['png', 'jpeg', 'webp'] as const) {
	const { bare, all, metadata } = await compare(large, format);
	row(`${format}, ${side} × ${side}: encoded without marks`, bare);
	row('  XMP and signed manifest', metadata);
	row('  all marks', all, 20);
}
const { bare, all } = await compare(small, 'png');
const painting = mediansOf(portraits);
row(`a portrait of the embedded bundle, ${model.info.defaults.steps} steps`, painting);
row(`png, ${small.width} × ${small.height}: encoded without marks`, bare);
row(
	'  all marks, at most 3 % of the time that the portrait takes',
	all,
	Number((0.03 * painting.processor).toFixed(1)),
);

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(`Node ${process.version}, sharp ${sharp.versions.sharp}, ${rounds} rounds, medians`);
for (const line of rows) console.log(line);
await rm(cacheDir, { recursive: true });
process.exitCode = missed === 0 ? 0 : 1;
