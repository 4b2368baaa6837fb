// Jobs while whatever works on them is killed: servers with a model over a file, or servers and workers over Redis.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/package.ts';

/** A Redis that can be killed and started again. */
export type KillableRedis = { url: string; kill(): Promise<void>; start(): Promise<void> };

export type Scene = Readonly<{
	/** For everything that is written. */
	folder: string;
	jobs: number;
	kills: number;
	/** A photo. */
	photo: Uint8Array;
	/** Instead of a file. Once it is killed, too. */
	redis?: KillableRedis | undefined;
	/** What happens. */
	tell?: (text: string) => void;
}>;

/** What clients saw. */
export type Seen = Readonly<{
	jobs: number;
	/** Different jobs that were added: retries of one request are one. */
	ids: number;
	done: number;
	failed: number;
	/** Of jobs that were done, and then were not, or had other images. */
	changed: number;
	/** Images whose file is missing, or is not as the job says. */
	broken: number;
	images: number;
	kills: number;
	/** The most attempts of a job. */
	attempts: number;
	seconds: number;
}>;

type Job = {
	id: string;
	state: string;
	attempts: number;
	images: { url: string; sha256: string; bytes: number; seed: number }[];
};

/** A process that is started again whenever it is killed. */
class Restarting {
	readonly #args: readonly string[];
	readonly #ready: RegExp;
	#child: ChildProcess | undefined;
	#isEnding = false;

	constructor(args: readonly string[], ready: RegExp) {
		this.#args = args;
		this.#ready = ready;
	}

	async start(): Promise<void> {
		const launcher = join(packageRoot, 'dist/lib/cli/launch.cjs');
		const child = spawn(process.execPath, [launcher, ...this.#args], { stdio: ['ignore', 'ignore', 'pipe'] });
		this.#child = child;
		let said = '';
		const ready = new Promise<void>((resolve) => {
			child.stderr.on('data', (text) => {
				said = (said + text).slice(-10_000);
				if (this.#ready.test(said)) resolve();
			});
		});
		const ended = once(child, 'close').then(([code]) => {
			if (code !== null && !this.#isEnding) throw new Error(`${this.#args.join(' ')} ended with ${code}: ${said}`);
		});
		await Promise.race([ready, ended]);
		ended.catch(() => {});
	}

	async kill(): Promise<void> {
		const child = this.#child!;
		const ended = once(child, 'close');
		child.kill('SIGKILL');
		await ended;
	}

	/** As a service manager does. */
	async end(): Promise<void> {
		this.#isEnding = true;
		const ended = once(this.#child!, 'close');
		this.#child!.kill('SIGTERM');
		await ended;
	}
}

/** Adds jobs and follows them, while processes are killed at random moments. */
export async function killAndSee({ folder, jobs, kills, photo, redis, tell = () => {} }: Scene): Promise<Seen> {
	await mkdir(folder, { recursive: true });
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	const common = ['--bundle', 'tiny', '--features', 'none'];
	const place = ['--results', join(folder, 'images')];
	const listen = ['serve', '--port', `${port}`];
	const processes =
		redis === undefined
			? [new Restarting([...listen, ...common, '--jobs', join(folder, 'jobs.db'), ...place], /Listening/)]
			: [
					new Restarting([...listen, '--no-model', '--redis', redis.url, ...place], /Listening/),
					...[1, 2].map(
						() => new Restarting(['worker', ...common, '--redis', redis.url, ...place, '--threads', '1'], /Ready/),
					),
				];
	const begun = performance.now();
	await Promise.all(processes.map((one) => one.start()));
	const client = new Client(url, photo);
	const adding = client.addAll(jobs);
	let killed = 0;
	const killing = (async () => {
		while (killed < kills && !client.isDone) {
			await sleep(300 + 2500 * Math.random());
			if (client.isDone) break;
			const victim = processes[Math.floor(processes.length * Math.random())]!;
			await victim.kill();
			killed++;
			if (redis !== undefined && killed === Math.ceil(kills / 3)) {
				await redis.kill();
				await sleep(500);
				await redis.start();
				tell('Redis was killed and started again.');
			}
			await victim.start();
			tell(`${killed} kills, ${client.done} of ${jobs} jobs done`);
		}
	})();
	await adding;
	await Promise.all([client.follow(jobs), killing]);
	const seen = await client.look();
	await Promise.all(processes.map((one) => one.end()));
	return { jobs, kills: killed, ...seen, seconds: (performance.now() - begun) / 1000 };
}

class Client {
	readonly #url: string;
	readonly #photo: string;
	readonly #ids = new Set<string>();
	/** Of jobs that have ended: what they looked like. */
	readonly #ended = new Map<string, string>();
	readonly #changed = new Set<string>();
	isDone = false;

	constructor(url: string, photo: Uint8Array) {
		this.#url = url;
		this.#photo = Buffer.from(photo).toString('base64');
	}

	get done(): number {
		return this.#ended.size;
	}

	/** Eight at a time; each again and again, until the server has answered that it is kept. */
	async addAll(jobs: number): Promise<void> {
		let next = 0;
		await Promise.all(
			Array.from({ length: 8 }, async () => {
				while (next < jobs) {
					const seed = next++;
					const response = await this.#call('/v1/jobs', {
						method: 'POST',
						headers: { 'content-type': 'application/json', 'idempotency-key': `job-${seed}` },
						body: JSON.stringify({ photo: this.#photo, steps: 2, seed, count: 1 + (seed % 2) }),
					});
					this.#ids.add(((await response.json()) as Job).id);
				}
			}),
		);
	}

	/** Until all have ended. Jobs that have are looked at again, too: they stay as they are. */
	async follow(jobs: number): Promise<void> {
		while (this.#ended.size < jobs) {
			for (const job of await this.#all()) this.#note(job);
			await sleep(500);
		}
		this.isDone = true;
	}

	/** All jobs and files, once everything has ended. */
	async look() {
		const all = await this.#all();
		for (const job of all) this.#note(job);
		let broken = 0;
		const images = all.flatMap((job) => job.images);
		for (const { url, bytes, sha256 } of images) {
			const file = Buffer.from(await (await this.#call(url)).arrayBuffer());
			if (file.length !== bytes || createHash('sha256').update(file).digest('hex') !== sha256) broken++;
		}
		const count = (state: string) => all.filter((job) => job.state === state).length;
		return {
			...{
				ids: new Set([...this.#ids, ...all.map(({ id }) => id)]).size,
				done: count('done'),
				failed: count('failed'),
			},
			...{ changed: this.#changed.size, broken, images: images.length },
			attempts: Math.max(...all.map(({ attempts }) => attempts)),
		};
	}

	#note(job: Job): void {
		const hasEnded = job.state === 'done' || job.state === 'failed';
		const text = JSON.stringify(job);
		const before = this.#ended.get(job.id);
		if (before !== undefined && before !== text) this.#changed.add(job.id);
		if (hasEnded) this.#ended.set(job.id, text);
	}

	async #all(): Promise<Job[]> {
		const all: Job[] = [];
		for (let after: string | undefined; ; ) {
			const response = await this.#call(`/v1/jobs?limit=100${after === undefined ? '' : `&after=${after}`}`);
			const page = (await response.json()) as { jobs: Job[]; next?: string };
			all.push(...page.jobs);
			if (page.next === undefined) return all;
			after = page.next;
		}
	}

	/** Again until a server answers, as clients of servers that restart do. */
	async #call(path: string, init?: RequestInit): Promise<Response> {
		for (;;) {
			try {
				const response = await fetch(this.#url + path, init);
				if (response.ok) return new Response(await response.arrayBuffer(), response);
				if (response.status !== 503 && response.status !== 429) throw new Refused(`${path}: ${await response.text()}`);
			} catch (error) {
				if (error instanceof Refused) throw error;
			}
			await sleep(100);
		}
	}
}

class Refused extends Error {}

/** @returns one of this machine that nobody listens on */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}
