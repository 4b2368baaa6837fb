/**
 * What every feature costs at once, on the CPU, with random weights of the official sizes: memory and disk of a model that was loaded
 * with ControlNet, expressions, references, image-to-image and the LoRA for few steps; its 4 steps against 25 guided ones in the same
 * process; and 4 steps with the tiny decoder, in units of the UNet's evaluations. Fails when one of them is too much. Linux only.
 *
 *   npm run bench:features -- [--bundle <folder>] [--side 512]
 *
 * Without a bundle, one is written into a temporary folder (6 GB) and deleted afterwards; `--size tiny` makes it small, to try this out.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Arc2Face, type GenerateOptions, type LoadOptions } from '../../lib/index.ts';
import { writeRandomBundle } from '../random-bundle/bundle.ts';
import { anonymousBytes, peakBytes, restartPeak, writtenBytes } from './process-counters.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string' },
		size: { type: 'string', default: 'full' },
		side: { type: 'string' },
	},
});
const isFull = values.size === 'full';
const side = Number(values.side ?? (isFull ? 512 : 128));

/** What is asked of the package. */
const most = { memoryBytes: 16e9, writtenBytes: 1e6, fewSteps: 1 / 5, evaluations: 5 };

const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const photo = {
	data: Uint8Array.from({ length: 3 * side * side }, (_, i) => (i * 7919) % 251),
	...{ width: side, height: side, channels: 3 as const },
};
const size = { width: side, height: side, seed: 1 };
const few: GenerateOptions = size; // the LoRA's defaults: 4 steps without guidance
const many: GenerateOptions = { ...size, sampler: 'dpm++2m', steps: 25, guidanceScale: 3 };
const everything: GenerateOptions = {
	...{ ...size, image: photo, expression: 'smile' },
	...{ control: { pose: { yaw: 30 } }, reference: { photo, align: false } },
};

const misses: string[] = [];
const row = (name: string, value: string) => console.log(`${name.padEnd(42)}  ${value}`);
/** A row of a number that has its limit. */
const limited = (name: string, value: number, limit: number, told: string) => {
	row(name, told);
	if (!(value <= limit)) misses.push(`${name}: ${told}`);
};
const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

/** Paints one portrait; when each of its steps ended, and when all did, in ms from its start. */
async function timed(model: Arc2Face, how: GenerateOptions): Promise<{ steps: number[]; whole: number }> {
	const start = performance.now();
	const steps: number[] = [];
	await model.generate(identity, { ...how, onStep: () => steps.push(performance.now() - start) });
	return { steps, whole: performance.now() - start };
}

/** Of one evaluation, from the second on: the first allocates. */
const perStep = ({ steps }: { steps: number[] }) => (steps.at(-1)! - steps[0]!) / (steps.length - 1);
/** What follows the last step. */
const decoding = ({ steps, whole }: { steps: number[]; whole: number }) => whole - steps.at(-1)!;

async function measure(bundle: string): Promise<void> {
	const options: LoadOptions = {
		...{ bundle, device: 'cpu', loras: ['lcm'] },
		...{ edit: true, control: true, expression: true, reference: true },
	};
	const before = await writtenBytes();
	await restartPeak();
	const start = performance.now();
	const model = await Arc2Face.load(options);
	console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
	console.log(`Node ${process.version}, ONNX Runtime ${model.info.version}, ${side}×${side}, ${values.size} networks`);
	row('load with every feature', seconds(performance.now() - start));
	const after = await writtenBytes();
	const written = Math.max(after.byCalls - before.byCalls, after.toDisks - before.toDisks);
	limited('  written meanwhile', written, most.writtenBytes, `${written} bytes`);
	row('  most memory meanwhile', gigabytes(await peakBytes()));
	row('  anonymous memory afterwards', gigabytes(await anonymousBytes()));

	const all = await timed(model, everything);
	row('4 steps with everything at once', seconds(all.whole));
	const quick = await timed(model, few);
	row('4 steps, no guidance', `${seconds(quick.whole)}, of which decoding ${seconds(decoding(quick))}`);
	const slow = await timed(model, many);
	row('25 guided steps', `${seconds(slow.whole)}, of which decoding ${seconds(decoding(slow))}`);
	const ratio = quick.whole / slow.whole;
	limited('  4 steps / 25 guided steps', ratio, most.fewSteps, ratio.toFixed(3));
	await model.dispose();
	const memory = await peakBytes();
	limited('most memory, with what is mapped of files', memory, most.memoryBytes, gigabytes(memory));

	const tiny = await Arc2Face.load({ ...options, decoder: 'taesd' });
	const portrait = await timed(tiny, few);
	const evaluation = perStep(portrait);
	row('4 steps with the tiny decoder', `${seconds(portrait.whole)}, of which decoding ${seconds(decoding(portrait))}`);
	row('  an evaluation of the UNet', seconds(evaluation));
	const evaluations = portrait.whole / evaluation;
	limited('  in evaluations', evaluations, most.evaluations, evaluations.toFixed(2));
	await tiny.dispose();
}

const folder = values.bundle ?? (await mkdtemp(join(tmpdir(), 'arc2face-features-')));
try {
	if (values.bundle === undefined) {
		await writeRandomBundle(folder, { size: isFull ? 'full' : 'tiny', adapters: true, lcmLora: true, taesd: true });
	}
	await measure(folder);
} finally {
	if (values.bundle === undefined) await rm(folder, { recursive: true });
}
for (const miss of misses) console.error(`Too much: ${miss}`);
if (misses.length > 0) process.exitCode = 1;
