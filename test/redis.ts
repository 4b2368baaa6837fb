// A Redis of one's own, in a folder of its own, that loses nothing when it is killed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../benchmarks/serve/kills.ts';

/** Why there is none here; undefined if there is one. `.ci/run` demands it. */
export const noRedis: string | undefined = whyNot();

function whyNot(): string | undefined {
	try {
		execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
		return undefined;
	} catch {
		if (process.env.CI === 'true') throw new Error('there is no redis-server, which .ci/run installs');
		return 'there is no redis-server';
	}
}

/** A Redis that tests start, kill and start again. */
export class TestRedis {
	readonly #folder: string;
	readonly #port: number;
	#process: ChildProcess | undefined;

	private constructor(folder: string, port: number) {
		this.#folder = folder;
		this.#port = port;
	}

	/** @param folder - for what it keeps */
	static async start(folder: string): Promise<TestRedis> {
		const redis = new TestRedis(folder, await freePort());
		await redis.start();
		return redis;
	}

	get url(): string {
		return `redis://127.0.0.1:${this.#port}`;
	}

	async start(): Promise<void> {
		const settings = ['--port', `${this.#port}`, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
		const kept = ['--appendonly', 'yes', '--appendfsync', 'always'];
		const child = spawn('redis-server', [...settings, ...kept], { stdio: ['ignore', 'pipe', 'inherit'] });
		this.#process = child;
		let said = '';
		for await (const text of child.stdout!) {
			said += text;
			if (said.includes('Ready to accept connections')) break;
		}
		if (!said.includes('Ready to accept connections')) throw new Error(`redis-server did not start: ${said}`);
	}

	/** Writes all that it knows to dump.rdb, uncompressed. */
	dump(): void {
		const ask = (...command: string[]) =>
			execFileSync('redis-cli', ['-p', `${this.#port}`, ...command], { stdio: 'ignore' });
		ask('CONFIG', 'SET', 'rdbcompression', 'no');
		ask('SAVE');
	}

	async kill(): Promise<void> {
		const child = this.#process;
		this.#process = undefined;
		if (child === undefined || child.exitCode !== null) return;
		const ended = once(child, 'exit');
		child.kill('SIGKILL');
		await ended;
	}
}
