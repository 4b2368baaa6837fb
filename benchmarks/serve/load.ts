// A server under load, beside `generate` itself: npm run bench:serve -- --minutes 10 --clients 200
//
// Clients ask for one portrait each over loopback, again and again, and wait as long as a 429 tells them to. Before and after, the same portraits are painted by
// `generate` alone, as many at a time as the server has. Printed: answers by status, throughput of both, how well batches were filled, memory, and how long /healthz takes
// meanwhile, asked by a process of its own. Throughput is told by steps, of which each portrait has the same number: portraits finish many at a time, so that how many fall
// into some minute is partly luck.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { featuresOf } from '../../lib/cli/served-model.ts';
import { Arc2Face } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';

const { values } = parseArgs({
	options: {
		minutes: { type: 'string', default: '1' },
		clients: { type: 'string', default: '200' },
		steps: { type: 'string', default: '25' },
	},
});
const [minutes, clients, steps] = [values.minutes, values.clients, values.steps].map(Number) as [
	number,
	number,
	number,
];

const photo = await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'));

const features = await featuresOf(undefined, (await openBundle('tiny')).folder);

/** Portraits a second of `generate` with a model that can as much, for half a minute. */
async function alone(): Promise<{ perSecond: number; embedding: number[] }> {
	await using model = await Arc2Face.load({
		bundle: 'tiny',
		...Object.fromEntries(features.map((name) => [name, true])),
	});
	const identity = await model.encode(photo);
	await model.generate(identity, { count: model.usage.batch, steps });
	const begun = performance.now();
	const { steps: stepsBefore } = model.usage;
	const isOver = () => performance.now() - begun > 30_000;
	await Promise.all(
		Array.from({ length: 2 * model.usage.batch }, async () => {
			while (!isOver()) {
				const [image] = await model.generate(identity, { steps });
				await image.toBuffer();
			}
		}),
	);
	const seconds = (performance.now() - begun) / 1000;
	return { perSecond: (model.usage.steps - stepsBefore) / steps / seconds, embedding: [...identity.embedding] };
}

/** Asks /healthz every 50 ms, from a process that does nothing else. */
const prober = `
const times = [];
let isOver = false;
process.once('disconnect', () => { isOver = true; });
process.once('message', () => { isOver = true; });
(async () => {
	while (!isOver) {
		const begun = performance.now();
		await (await fetch(process.argv[1] + '/healthz')).text();
		times.push(performance.now() - begun);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	times.sort((a, b) => a - b);
	process.send({ count: times.length, p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(0.99 * times.length)], most: times.at(-1) });
	process.disconnect();
})();`;

function residentBytes(pid: number): number {
	const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
	return 1024 * Number(kilobytes);
}

async function metric(url: string, name: string): Promise<number> {
	const text = await (await fetch(`${url}/metrics`)).text();
	return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const before = await alone();
const launcher = join(packageRoot, 'dist/lib/cli/launch.cjs');
const args = [launcher, 'serve', '--bundle', 'tiny', '--port', '0', '--no-jobs', '--json'];
const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
let log = '';
server.stderr.on('data', (text) => {
	log = (log + text).slice(-100_000);
});
while (!log.includes('the model is loaded')) await once(server.stderr, 'data');
const [, url = ''] = /Listening on (http:[^"\s]+)/.exec(log)!;

const body = JSON.stringify({ identity: { embedding: before.embedding }, steps });
const statuses = new Map<number | string, number>();
const memory: number[] = [];
let isWarm = false;
let isOver = false;
const ask = async () => {
	while (!isOver) {
		let status: number | string;
		let wait = 0;
		try {
			const headers = { 'content-type': 'application/json', accept: 'image/png' };
			const response = await fetch(`${url}/v1/portraits`, { method: 'POST', headers, body });
			await response.arrayBuffer();
			status = response.status;
			wait = 1000 * Number(response.headers.get('retry-after') ?? 0);
		} catch (error) {
			status = (error as Error).message;
		}
		if (!isWarm) continue;
		statuses.set(status, (statuses.get(status) ?? 0) + 1);
		if (status !== 200) await sleep(Math.min(wait, 5000));
	}
};
const asking = Array.from({ length: clients }, ask);
await sleep(5000);
isWarm = true;
const probe = spawn(process.execPath, ['-e', prober, url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const counted = async () => ({
	rows: await metric(url, 'arc2face_batch_rows_total'),
	places: await metric(url, 'arc2face_batch_places_total'),
	steps: await metric(url, 'arc2face_steps_total'),
});
const first = await counted();
const begun = performance.now();
while (performance.now() - begun < 60_000 * minutes) {
	memory.push(residentBytes(server.pid!));
	await sleep(2000);
}
const last = await counted();
const perSecond = (last.steps - first.steps) / steps / ((performance.now() - begun) / 1000);
const filled = (last.rows - first.rows) / (last.places - first.places);
probe.send('end');
const [health] = (await once(probe, 'message')) as [{ count: number; p50: number; p99: number; most: number }];
isOver = true;
await Promise.all(asking);
server.kill('SIGTERM');
await once(server, 'close');
const after = await alone();

const half = Math.floor(memory.length / 2);
const megabytes = (list: readonly number[]) => (Math.max(...list) / 1e6).toFixed(0);
const own = (before.perSecond + after.perSecond) / 2;
console.log(`${clients} clients, ${minutes} min, ${steps} steps, embedded bundle, ${process.version}`);
console.log(`answers by status: ${[...statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`);
console.log(
	`portraits a second: ${perSecond.toFixed(2)}; generate alone ${before.perSecond.toFixed(2)} before, ${after.perSecond.toFixed(2)} after: ${((100 * perSecond) / own).toFixed(0)} %`,
);
console.log(`batches filled: ${(100 * filled).toFixed(1)} %`);
console.log(
	`most memory: ${megabytes(memory.slice(0, half))} MB in the first half, ${megabytes(memory.slice(half))} MB in the second`,
);
console.log(
	`/healthz, ${health.count} times: median ${health.p50.toFixed(1)} ms, p99 ${health.p99.toFixed(1)} ms, most ${health.most.toFixed(1)} ms`,
);
