/**
 * What the package costs beyond the bare networks, for a bundle of any size: photo → PNG in one process, against the sum of the
 * times that ONNX Runtime itself took meanwhile, timed by a library in between (benchmarks/timed-onnxruntime). Also the run's
 * other costs: memory, how late a 5 ms timer fires, and how fast an abort in the middle of an evaluation rejects.
 *
 *   npm run bench:overhead -- --bundle <folder> --photo <file> --keypoints x1,y1,…,x5,y5 [--steps 4]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findOnnxRuntime } from '../lib/device/onnxruntime-library.ts';
import { Arc2Face } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string' },
		photo: { type: 'string' },
		keypoints: { type: 'string' },
		steps: { type: 'string', default: '4' },
	},
});
const { bundle, photo } = values;
const numbers = values.keypoints?.split(',').map(Number) ?? [];
if (bundle === undefined || photo === undefined || numbers.length !== 10) {
	throw new Error('Expected --bundle, --photo and ten numbers for --keypoints.');
}
const face = [0, 2, 4, 6, 8].map((i) => [numbers[i]!, numbers[i + 1]!] as const);
const steps = Number(values.steps);

/** Watches the event loop and the process's memory until the end of the run. */
class Watch {
	lateness: number[] = [];
	anonymousBytes = 0;
	heapBytes = 0;
	#timer: NodeJS.Timeout;
	#last = performance.now();
	#ticks = 0;

	constructor() {
		this.#timer = setInterval(() => {
			const now = performance.now();
			this.lateness.push(now - this.#last - 5);
			this.#last = now;
			if (this.#ticks++ % 40 === 0) void this.#measureMemory();
		}, 5);
	}

	async #measureMemory(): Promise<void> {
		this.heapBytes = Math.max(this.heapBytes, process.memoryUsage().heapUsed);
		const status = await readFile('/proc/self/status', 'utf8');
		this.anonymousBytes = Math.max(this.anonymousBytes, Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024);
	}

	/** Median and maximum since the last call, in ms. */
	take(): { median: number; max: number } {
		const sorted = this.lateness.sort((a, b) => a - b);
		this.lateness = [];
		return { median: sorted[sorted.length >> 1] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
	}

	stop(): void {
		clearInterval(this.#timer);
	}
}

const folder = await mkdtemp(join(tmpdir(), 'arc2face-overhead-'));
const log = join(folder, 'runs.txt');
process.env.ARC2FACE_TIMED_LIBRARY = findOnnxRuntime().library;
process.env.ARC2FACE_TIMED_LOG = log;
process.env.ARC2FACE_ONNXRUNTIME = join(packageRoot, 'build/Release/inside/arc2face_timed_onnxruntime.so');
const now = () => performance.timeOrigin + performance.now();
const rows: [string, string][] = [];
const row = (name: string, value: string) => rows.push([name, value]);
const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const lateness = ({ median, max }: { median: number; max: number }) => `median ${ms(median)}, max ${ms(max)}`;

const watch = new Watch();
const loadStart = now();
const model = await Arc2Face.load({ bundle });
row('load', ms(now() - loadStart));
row('  5 ms timer late during load', lateness(watch.take()));

const start = now();
const identity = await model.encode(photo, { face });
const [image] = await model.generate(identity, { steps, seed: 42 });
await image!.toFile(join(folder, 'portrait.png'), { provenance: false }); // what marks cost, bench:marks tells
const end = now();
row(`photo to ${image!.width}×${image!.height} PNG, ${steps} steps`, ms(end - start));
row('  5 ms timer late meanwhile', lateness(watch.take()));

const runs = (await readFile(log, 'utf8'))
	.trim()
	.split('\n')
	.map((line) => line.split(' ').slice(1).map(Number) as [number, number])
	.filter(([from]) => from >= start);
const bare = runs.reduce((sum, [from, to]) => sum + to - from, 0);
row(`  bare networks, ${runs.length} runs`, ms(bare));
row('  end to end / bare', ((end - start) / bare).toFixed(4));

const abort = new AbortController();
const cancelled = model.generate(identity, { steps, signal: abort.signal }).then(
	() => 'finished before the abort',
	(error: Error) => error.name,
);
const longest = Math.max(...runs.map(([from, to]) => to - from));
await sleep(Math.min(2000, longest / 2));
const aborted = now();
abort.abort();
row('abort in the middle of an evaluation', `${await cancelled} after ${ms(now() - aborted)}`);
const again = now();
await model.generate(identity, { steps: 1 });
row('  a portrait of 1 step right after', ms(now() - again));

row('peak anonymous memory', `${(watch.anonymousBytes / 2 ** 30).toFixed(2)} GiB`);
row('peak JavaScript heap', `${(watch.heapBytes / 2 ** 20).toFixed(0)} MiB`);
watch.stop();
await model.dispose();
await rm(folder, { recursive: true });

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(`Node ${process.version}, ONNX Runtime ${model.info.version}, bundle ${model.info.bundle}`);
const width = Math.max(...rows.map(([name]) => name.length));
for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`);
