/**
 * What the whole package takes on a GPU, through its public API: loading, encoding a photo, and 1, 4, 8 portraits and a full set
 * of slots; after a check that a portrait of a batch is the one that is painted alone. benchmarks/gpu/run.js runs this.
 *
 *   node dist/benchmarks/gpu/portraits.js --bundle <folder> --cache <folder> [--runs 5] [--steps 25]
 *
 * The last line on stdout is a JSON object with the results, and with what the engines' own benchmark needs.
 */
import { parseArgs } from 'node:util';
import { openBundle } from '../../lib/bundle.ts';
import { chooseDevice } from '../../lib/device.ts';
import { EngineCache } from '../../lib/engine-cache.ts';
import { pathsOf } from '../../lib/engine-libraries.ts';
import { Arc2Face, type GeneratedImage } from '../../lib/index.ts';

type Result = { name: string; unit: string; values: number[] };

const { values } = parseArgs({
	options: {
		bundle: { type: 'string' },
		cache: { type: 'string' },
		runs: { type: 'string', default: '5' },
		steps: { type: 'string', default: '25' },
	},
});
const { bundle, cache: cacheDir } = values;
if (bundle === undefined || cacheDir === undefined) throw new Error('Expected --bundle and --cache.');
const runs = Number(values.runs);
const steps = Number(values.steps);

const results: Result[] = [];
const add = (name: string, unit: string, ...numbers: number[]) => results.push({ name, unit, values: numbers });

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
	const start = performance.now();
	return [await work(), performance.now() - start];
}

async function repeat(name: string, work: () => Promise<unknown>): Promise<void> {
	await work(); // the first run captures graphs
	const times: number[] = [];
	for (let i = 0; i < runs; i++) times.push((await timed(work))[1]);
	add(name, 'ms', ...times);
}

/** The largest difference of two images, in levels. */
function difference(a: GeneratedImage, b: GeneratedImage): number {
	return a.data.reduce((worst, level, at) => Math.max(worst, Math.abs(level - b.data[at]!)), 0);
}

const choice = await chooseDevice('cuda', { cacheDir });
if (choice.device === 'cpu') throw new Error('Expected a GPU.');
/** Those of 1, 4 and 8 portraits with guidance. */
const batchSizes = [2, 8, 16];
const options = { bundle, device: 'cuda', cacheDir, batchSizes } as const;

const building = new Map<string, number>();
let last = performance.now();
const [first, firstMs] = await timed(() =>
	Arc2Face.load({
		...options,
		onProgress: ({ network, phase, fraction }) => {
			const now = performance.now();
			if (phase === 'building') building.set(network, (building.get(network) ?? 0) + (fraction > 0 ? now - last : 0));
			last = now;
		},
	}),
);
add('load, with the engines built', 's', firstMs / 1000);
for (const [network, ms] of building) add(`  of it: building ${network}`, 's', ms / 1000);
await first.dispose();
const [model, secondMs] = await timed(() => Arc2Face.load(options));
add('load, with the engines in the cache', 's', secondMs / 1000);

const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const generate = (count: number, seed = 1) => model.generate(identity, { count, steps, seed });

const batch = await generate(8);
const [alone] = await generate(1, 4);
const worst = difference(batch[3]!, alone!);
if (!(worst <= 2))
	throw new Error(`a portrait of a batch differs by ${worst} levels from the one that is painted alone`);
add('portrait in a batch of 8 against the one painted alone', 'levels at most', worst);

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

// As a server that is never idle: many calls of one portrait each, so that whoever is done makes room for the next.
const calls = Math.max(16, 8 * runs);
const processor = process.cpuUsage();
const [, fullMs] = await timed(() => Promise.all(Array.from({ length: calls }, (_, seed) => generate(1, seed))));
const { user, system } = process.cpuUsage(processor);
add(`${calls} calls of one portrait at once`, 'portraits/s', (calls / fullMs) * 1000);
add('  processor time of the process per portrait', 'ms', (user + system) / 1000 / calls);
await model.dispose();

const { engines } = await new EngineCache({ cacheDir }).list();
const { tokens, geometry } = await openBundle(bundle, { operators: 'standard', precision: model.info.precision });
console.log(
	JSON.stringify({
		info: model.info,
		results,
		engines: {
			...pathsOf(choice.runtime),
			gpu: choice.index,
			files: Object.fromEntries(engines.map(({ network, file }) => [network, file])),
			identityPosition: tokens.identityPosition,
			pixelsPerLatent: geometry.pixelsPerLatent,
			imageSize: geometry.width,
		},
	}),
);
