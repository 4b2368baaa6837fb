/**
 * Whether data sets are what `arc2face dataset` promises: the same bytes from one model, from two, and after `kill -9` at random moments;
 * identities as different as asked for; about as fast as `generate`; in memory that does not grow. Prints every number next to its
 * requirement, and fails if one is missed.
 *
 *   npm run bench:dataset -- [--people 20] [--images 10] [--steps 25] [--kills 10] [--batch 8] [--bundle tiny] [--device cpu]
 *                            [--out <folder, kept>] [-- any other options of arc2face dataset]
 *
 * What an image costs besides painting (its pose is drawn, it is read, cut out and packed: some 20 ms of a core) does not depend on steps: with few of
 * them, small portraits miss what is asked of the speed.
 *
 * Identities are compared by check_identities.py, if there is a Python with NumPy (`PYTHON`, else python3). Linux only.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { type MadeDataset, makeDataset } from '../../lib/dataset/dataset.ts';
import { identitiesFile, isJoined, readRecord } from '../../lib/dataset/folder.ts';
import { readEmbeddings } from '../../lib/dataset/identities/file.ts';
import { Arc2Face, Identity } from '../../lib/index.ts';
import { resolveDatasetOptions } from '../../lib/options/dataset.ts';
import { usualDecoder } from '../../lib/options/features.ts';
import { usualPresets } from '../../lib/options/presets.ts';
import { packageRoot } from '../../lib/package.ts';
import { describeMisses, formatRows, type Row } from '../portraits/requirements.ts';
import { median } from '../portraits/statistics.ts';
import { filesIn } from './files.ts';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		people: { type: 'string', default: '20' },
		images: { type: 'string', default: '10' },
		steps: { type: 'string', default: '25' },
		kills: { type: 'string', default: '10' },
		batch: { type: 'string', default: '8' },
		bundle: { type: 'string', default: 'tiny' },
		device: { type: 'string', default: 'cpu' },
		out: { type: 'string' },
	},
});
const [people, images, steps, kills, batch] = [
	values.people,
	values.images,
	values.steps,
	values.kills,
	values.batch,
].map(Number) as [number, number, number, number, number];
const maxCosine = 0.3;
const place = values.out === undefined ? await mkdtemp(join(tmpdir(), 'arc2face-dataset-')) : resolve(values.out);
await mkdir(place, { recursive: true });
const program = join(packageRoot, 'dist/lib/cli/launch.cjs');
const asked = [
	...['--identities', `${people}`, '--images', `${images}`, '--steps', `${steps}`, '--max-cosine', `${maxCosine}`],
	// As many shards as there may be kills that lose one each, and a few images in each.
	...['--people-per-shard', `${Math.max(1, Math.min(20, Math.floor(people / 10)))}`],
	// Of the sphere's directions most are nobody's; who is to be alike is fitted to real people, by options after `--`.
	...(positionals.includes('--min-similarity') ? [] : ['--min-similarity', '-1']),
	...['--contents', 'both', '--bundle', values.bundle, '--device', values.device, '--batch', `${batch}`],
	...positionals,
];
const rows: Row[] = [];
const rounds = 3;
const isOnCpu = values.device === 'cpu';
const [wallAsked, processorAsked] = isOnCpu ? [undefined, { least: 0.95 }] : [{ least: 0.95 }, undefined];

tell(`Making ${people} × ${images} images in ${place}`);
const one = await make('one', []);
const { run } = (await readRecord(join(place, 'one')))!;
tell('The same with two models');
await make('two', ['--workers', '2']);
tell(`The same with ${kills} kills`);
const killed = await makeKilled('killed');

const expected = await filesIn(join(place, 'one'));
const table = await readFile(join(one.made.data!, 'table.csv'), 'utf8');
rows.push(
	{ name: 'people', value: one.made.people },
	{ name: 'images', value: one.made.tally.kept },
	{ name: 'images missing', value: one.made.tally.missing },
	{
		name: 'rows of the table without an image, and images without a row',
		value: Math.abs(table.split('\r\n').length - 2 - one.made.tally.kept),
		asked: { most: 0 },
	},
	{ name: 'files that two models make differently', value: await differing('two'), asked: { most: 0 } },
	{ name: 'kill -9 before the end', value: killed, asked: { least: Math.min(kills, 1) } },
	{ name: 'files that differ after them', value: await differing('killed'), asked: { most: 0 } },
);

tell('Painting by generate alone, and as a data set, in turns');
const { alone, set } = await compareSpeed();
rows.push(
	{ name: 'images a second of the whole run', value: one.made.painted / one.made.seconds },
	{ name: 'seconds an image, generate alone', value: alone.seconds },
	{ name: 'seconds an image, data set', value: set.seconds },
	{
		name: 'speed of the data set / of generate',
		value: alone.seconds / set.seconds,
		...(wallAsked && { asked: wallAsked }),
	},
	{ name: "processor's seconds an image, generate alone", value: alone.processor },
	{ name: "processor's seconds an image, data set", value: set.processor },
	// On the CPU whoever shares the machine changes times by the clock, not these.
	{
		name: 'the same, generate / data set',
		value: alone.processor / set.processor,
		...(processorAsked && { asked: processorAsked }),
	},
	{ name: 'most memory, MB', value: one.peakMb },
	{ name: 'most memory in the second half / in the first', value: one.growth, asked: { most: 1.1 } },
);

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(
	`Node ${process.version}, ${run.model.provider} ${run.model.version} on ${run.model.device}, bundle ${run.model.bundle}, ${steps} steps`,
);
for (const line of formatRows(rows)) console.log(line);
const identitiesMiss = checkIdentities();
const misses = describeMisses(rows);
if (misses !== undefined) console.error(`\n${misses}`);
if (misses !== undefined || identitiesMiss) process.exitCode = 1;
if (values.out === undefined) await rm(place, { recursive: true });

type Output = { made: MadeDataset; peakMb: number; growth: number };

function begin(name: string, more: readonly string[]): { child: ChildProcess; ended: Promise<string> } {
	const child = spawn(process.execPath, [program, 'dataset', ...asked, ...more, '--out', join(place, name), '--json'], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let stdout = '';
	child.stdout!.on('data', (text) => {
		stdout += text;
	});
	return { child, ended: new Promise((done) => child.on('close', () => done(stdout))) };
}

async function make(name: string, more: readonly string[]): Promise<Output> {
	const { child, ended } = begin(name, more);
	const memory: number[] = [];
	const timer = setInterval(() => void anonymousMb(child.pid!).then((mb) => mb !== undefined && memory.push(mb)), 250);
	const stdout = await ended;
	clearInterval(timer);
	if (child.exitCode !== 0) throw new Error(`arc2face dataset ended with ${child.exitCode}: ${stdout}`);
	// Loading, and the first images of every kind, are over by then.
	const painting = memory.slice(Math.floor(memory.length / 4));
	const half = Math.floor(painting.length / 2);
	const [first, second] = [Math.max(...painting.slice(0, half)), Math.max(...painting.slice(half))];
	return { made: JSON.parse(stdout), peakMb: Math.max(...memory), growth: second / first };
}

/** @returns how often a process was killed before its end */
async function makeKilled(name: string): Promise<number> {
	const { seconds } = one.made;
	let count = 0;
	for (let i = 0; i < kills && !(await isJoined(join(place, name))); i++) {
		const { child, ended } = begin(name, []);
		// Anywhere from its start to the middle of what is left; loading takes a second or so.
		await sleep(1000 * Math.random() * (2 + seconds / 5));
		if (child.exitCode === null) count++;
		child.kill('SIGKILL');
		await ended;
	}
	await make(name, []);
	return count;
}

async function differing(name: string): Promise<number> {
	const found = await filesIn(join(place, name));
	return [...new Set([...expected.keys(), ...found.keys()])].filter((file) => expected.get(file) !== found.get(file))
		.length;
}

type Speed = { seconds: number; processor: number };

/** Medians of rounds, by models in this process: calls of a batch, with the steps and the steering of the run; and a set of as many images. */
async function compareSpeed(): Promise<{ alone: Speed; set: Speed }> {
	const count = batch * Math.max(4, Math.min(20, Math.ceil((people * images) / batch)));
	const speeds: { alone: Speed[]; set: Speed[] } = { alone: [], set: [] };
	for (let round = 0; round < rounds; round++) {
		speeds.alone.push(await paintAlone(count));
		speeds.set.push(await paintSet(count));
	}
	const middle = (list: Speed[], of: keyof Speed) => median(list.map((one) => one[of]));
	const medians = (list: Speed[]) => ({ seconds: middle(list, 'seconds'), processor: middle(list, 'processor') });
	return { alone: medians(speeds.alone), set: medians(speeds.set) };
}

function loadFor(features: readonly string[]): Promise<Arc2Face> {
	return Arc2Face.load({
		...{ bundle: values.bundle, device: values.device as 'cpu', detectionSize: run.readers.detectionSize },
		...Object.fromEntries(features.map((feature) => [feature, true])),
		batchSizes: run.batchRows,
	});
}

function stopwatch(): (painted: number) => Speed {
	const [begun, used] = [performance.now(), process.cpuUsage()];
	return (painted) => {
		const { user, system } = process.cpuUsage(used);
		return { seconds: (performance.now() - begun) / 1000 / painted, processor: (user + system) / 1e6 / painted };
	};
}

async function paintAlone(count: number): Promise<Speed> {
	const { data } = await readEmbeddings(identitiesFile(join(place, 'one')));
	const { poses, expressions } = run.spread;
	await using model = await loadFor([...(poses ? ['control'] : []), ...(expressions ? ['expression'] : [])]);
	const paint = async (call: number) => {
		const person = call % people;
		await model.generate(Identity.from(data.subarray(512 * person, 512 * (person + 1))), {
			...{ ...run.painting, count: batch, seed: call * batch },
			...(poses && { control: { pose: { yaw: poses.yaw / 2 }, scale: poses.scale } }),
			...(expressions && { expression: expressions.names[0]!, expressionScale: expressions.scale }),
		});
	};
	await paint(0);
	const taken = stopwatch();
	for (let call = 0; call < count / batch; call++) await paint(call);
	return taken(count);
}

async function paintSet(count: number): Promise<Speed> {
	const { poses, expressions } = run.spread;
	const out = join(place, 'timed');
	await rm(out, { recursive: true, force: true });
	let taken: ReturnType<typeof stopwatch> | undefined;
	let speed: Speed | undefined;
	const options = resolveDatasetOptions({
		...{ out, identities: Math.ceil(count / 8), images: 8, batch, ...run.painting, contents: run.contents },
		...{ minSimilarity: -1, tries: 1, poses: poses ? [poses.yaw, poses.pitch, poses.roll] : [0, 0, 0] },
		expressions: expressions?.names ?? [],
	});
	const { folder: bundle, geometry } = await openBundle(values.bundle);
	await makeDataset(options, {
		bundle,
		usual: { geometry, presets: usualPresets },
		reading: { detectionSize: run.readers.detectionSize, batchRows: run.batchRows ?? [] },
		loading: { decoder: usualDecoder, loras: [], cacheDir: undefined },
		load: (_, features) => loadFor(features),
		onProgress: (stage) => {
			if (stage === 'painting') taken ??= stopwatch();
		},
		onStage: () => {
			speed = taken!(options.people * options.images);
		},
		signal: new AbortController().signal,
	});
	await rm(out, { recursive: true });
	return speed!;
}

/** @returns whether a requirement is missed */
function checkIdentities(): boolean {
	const script = join(packageRoot, 'benchmarks/dataset/check_identities.py');
	const python = process.env.PYTHON ?? 'python3';
	if (!existsSync(script) || spawnSync(python, ['-c', 'import numpy']).status !== 0) {
		console.log(`Identities were not compared: ${python} with NumPy and ${script} are needed.`);
		return false;
	}
	const { status, stdout, stderr } = spawnSync(python, [script, identitiesFile(join(place, 'one')), `${maxCosine}`], {
		encoding: 'utf8',
	});
	console.log(`${stdout.trim()}${stderr}: ${status === 0 ? 'met' : 'NOT MET'}`);
	return status !== 0;
}

/** Of the process, without files that are mapped. */
async function anonymousMb(pid: number): Promise<number | undefined> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
	const kilobytes = /RssAnon:\s+(\d+) kB/.exec(status)?.[1];
	return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

function tell(text: string): void {
	console.error(text);
}
