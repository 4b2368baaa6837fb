/**
 * Times the whole package on a GPU, through its public API: loading, encoding a photo, and 1, 4, 8 portraits and a full set
 * of slots; and how far a portrait in a batch is from the same one painted alone. benchmarks/gpu/run.js runs this.
 *
 *   node dist/benchmarks/gpu/portraits.js --bundle <folder> --cache <folder> --batch-sizes 2,8,16 [--runs 5] [--steps 25]
 *
 * Prints lines of JSON (report.js). A failure does not stop the other measurements, but shows in the exit code.
 */
import { parseArgs } from 'node:util';
import { Arc2Face, type GeneratedImage } from '../../lib/index.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string' },
		cache: { type: 'string' },
		'batch-sizes': { type: 'string' },
		runs: { type: 'string', default: '5' },
		steps: { type: 'string', default: '25' },
	},
});
const { bundle, cache: cacheDir, 'batch-sizes': batchSizes } = values;
if (bundle === undefined || cacheDir === undefined || batchSizes === undefined) {
	throw new Error('Expected --bundle, --cache and --batch-sizes.');
}
const runs = Number(values.runs);
const steps = Number(values.steps);
/** Invisible, as in test/e2e/portrait.test.ts: each batch size has its own kernels, so a few pixels may be off by more. */
const mostLevelsOnAverage = 2;

const add = (name: string, unit: string, ...values: number[]) => console.log(JSON.stringify({ name, unit, values }));

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
	const start = performance.now();
	return [await work(), performance.now() - start];
}

async function part(name: string, work: () => Promise<unknown>): Promise<void> {
	try {
		await work();
	} catch (error) {
		console.error(`Could not measure ${name}:`, error);
		process.exitCode = 1;
	}
}

const repeat = (name: string, work: () => Promise<unknown>) =>
	part(name, async () => {
		await work(); // the first run captures graphs
		const times: number[] = [];
		for (let i = 0; i < runs; i++) times.push((await timed(work))[1]);
		add(name, 'ms', ...times);
	});

/** In levels. */
function difference(a: GeneratedImage, b: GeneratedImage): { mean: number; most: number } {
	const levels = Float64Array.from(a.data, (level, at) => Math.abs(level - b.data[at]!));
	const sum = levels.reduce((total, level) => total + level, 0);
	return { mean: sum / levels.length, most: levels.reduce((worst, level) => Math.max(worst, level), 0) };
}

const options = { bundle, device: 'cuda', cacheDir, batchSizes: batchSizes.split(',').map(Number) } as const;
const load = () => Arc2Face.load(options);
// A runtime keeps what it compiles for this GPU when it first opens an engine.
const [first, firstMs] = await timed(load);
add('load, with the engines in the cache', 's', firstMs / 1000);
await first.dispose();
const [model, secondMs] = await timed(load);
add('load once more', 's', secondMs / 1000);

const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const generate = (count: number, seed = 1) => model.generate(identity, { count, steps, seed });

const ofBatch = 'a portrait in a batch of 8 against the one painted alone';
await part(ofBatch, async () => {
	const batch = await generate(8);
	const [alone] = await generate(1, 4);
	const { mean, most } = difference(batch[3]!, alone!);
	add(ofBatch, 'levels on average', mean);
	add(ofBatch, 'levels at most', most);
	if (!(mean <= mostLevelsOnAverage)) {
		throw new Error(`Expected at most ${mostLevelsOnAverage} levels on average but they differ by ${mean}.`);
	}
});

const photo = { data: new Uint8Array(3 * 1080 * 1080).fill(127), width: 1080, height: 1080, channels: 3 } as const;
const face = [
	[430, 460],
	[650, 460],
	[540, 590],
	[450, 700],
	[630, 700],
] as const;
await repeat('detect in 1080×1080', () => model.detect(photo));
await repeat('encode a face of known keypoints', () => model.encode(photo, { face }));
for (const count of [1, 4, 8])
	await repeat(`${count} portrait${count === 1 ? '' : 's'}, ${steps} steps`, () => generate(count));

// Like a server that is never idle: many calls of one portrait each, where each finished one makes room for the next.
const calls = Math.max(16, 8 * runs);
await part(`${calls} calls at once`, async () => {
	const processor = process.cpuUsage();
	const [, fullMs] = await timed(() => Promise.all(Array.from({ length: calls }, (_, seed) => generate(1, seed))));
	const { user, system } = process.cpuUsage(processor);
	add(`${calls} calls of one portrait at once`, 'portraits/s', (calls / fullMs) * 1000);
	add('  processor time of the process per portrait', 'ms', (user + system) / 1000 / calls);
});
await model.dispose();
