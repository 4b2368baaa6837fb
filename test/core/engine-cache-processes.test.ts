// Processes that share the engine cache; test/unit/engine-cache.test.ts covers a single process.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineCache } from '../../lib/engines/cache.ts';
import type { EngineDescription } from '../../lib/engines/key.ts';
import { describeEngine, engineBytes } from '../engine-description.ts';
import { isRoot, isWindows, nobody } from '../users.ts';

let root: string;
let cacheDir: string;
let folder: string;
let description: EngineDescription;
let children: ChildProcess[];
beforeEach(async () => {
	// Every user can reach /tmp, wherever TMPDIR is.
	root = await mkdtemp(join(isRoot ? '/tmp' : tmpdir(), 'arc2face-engines-'));
	cacheDir = join(root, 'cache');
	folder = join(cacheDir, 'engines');
	description = await describeEngine(root);
	children = [];
});
afterEach(async () => {
	for (const child of children) child.kill('SIGKILL');
	await rm(root, { recursive: true, force: true });
});

type Said = { building?: string; waiting?: true; file?: string; code?: string; message?: string };

/** Starts a process that requests the engine, whose builder takes this long. */
function start(buildMs: number, more: { cacheDir?: string; user?: number } = {}) {
	const { network, ...rest } = description;
	const graph = 'graph' in network ? Buffer.from(network.graph).toString('base64') : '';
	const argument = {
		description: { ...rest, network: { ...network, graph } },
		...{ cacheDir, engine: engineBytes, builds: join(root, 'builds'), buildMs, ...more },
	};
	const child = spawn(
		process.execPath,
		[join(import.meta.dirname, '../engine-cache-process.js'), JSON.stringify(argument)],
		{
			cwd: root,
			stdio: ['ignore', 'pipe', 'inherit'],
		},
	);
	children.push(child);
	const said: Said[] = [];
	let text = '';
	child.stdout.on('data', (chunk) => {
		const lines = (text + chunk).split('\n');
		text = lines.pop()!;
		for (const line of lines) said.push(JSON.parse(line));
	});
	let over = false;
	const ended = new Promise<Said>((done) => child.on('close', () => done(said.at(-1) ?? {})));
	ended.then(() => (over = true));
	const says = async (what: keyof Said) => {
		while (!said.some((one) => what in one)) {
			if (over) throw new Error(`The process ended without a word of "${what}": ${JSON.stringify(said)}`);
			await sleep(20);
		}
	};
	return { child, said, ended, says };
}
/** Builds the engine of another network, in this process. */
const build = async (name: string) =>
	await new EngineCache({ cacheDir }).engine({ ...description, name }, (file) => writeFile(file, engineBytes));
/** How often the processes built. */
const builds = async () => (await readFile(join(root, 'builds'), 'utf8')).length;

test('two that ask at once build once', async () => {
	const both = [start(1500), start(1500)];
	const [a, b] = await Promise.all(both.map(({ ended }) => ended));
	expect(a?.file).toBeDefined();
	expect(b).toEqual(a);
	expect(await builds()).toBe(1);
	expect(both.flatMap(({ said }) => said).filter(({ waiting }) => waiting)).toHaveLength(1);
	expect(await readFile(a!.file!, 'utf8')).toBe(engineBytes);
});

test.skipIf(isWindows)(
	'kill -9 during a build leaves nothing that is taken for an engine, and the next build cleans up',
	async () => {
		const killed = start(60_000);
		await killed.says('building');
		const waiting = start(0);
		await waiting.says('waiting');
		killed.child.kill('SIGKILL');
		await killed.ended;
		const left = await readdir(folder);
		expect(left.some((name) => name.endsWith('.part'))).toBe(true);
		expect(left.filter((name) => /\.(engine|json)$/.test(name))).toEqual([]);
		expect((await new EngineCache({ cacheDir }).list()).engines).toEqual([]);

		// The waiting one takes over once the lock has not been renewed for 10 s.
		const { file } = await waiting.ended;
		expect(await readFile(file!, 'utf8')).toBe(engineBytes);
		expect(await builds()).toBe(2);
		expect((await readdir(folder)).sort()).toEqual(
			[basename(file!), basename(file!).replace(/engine$/, 'json')].sort(),
		);
	},
);

test.skipIf(isWindows)('the build of another engine cleans up after a kill -9, too', async () => {
	const killed = start(60_000);
	await killed.says('building');
	await build('while it builds');
	expect((await readdir(folder)).some((name) => name.endsWith('.part'))).toBe(true);
	killed.child.kill('SIGKILL');
	await killed.ended;
	const lock = join(folder, (await readdir(folder)).find((name) => name.endsWith('.lock'))!);
	const then = new Date(Date.now() - 60_000); // instead of waiting until it is stale
	await utimes(lock, then, then);
	await build('afterwards');
	expect((await readdir(folder)).filter((name) => !/\.(engine|json)$/.test(name))).toEqual([]);
});

describe.skipIf(isWindows)('in a folder that can only be read', () => {
	// Modes do not bind root, so as root the process becomes another user.
	const user = isRoot ? { user: nobody } : {};
	const own = async (...paths: string[]) => {
		for (const path of isRoot ? paths : []) await chown(path, nobody, nobody);
	};
	beforeEach(async () => {
		await chmod(root, 0o777);
	});
	afterEach(async () => {
		if (existsSync(folder)) await chmod(folder, 0o700);
		await chmod(cacheDir, 0o700);
	});

	test('a miss fails before the build, and names the folder', async () => {
		await mkdir(folder, { recursive: true });
		await chmod(cacheDir, 0o755);
		await chmod(folder, 0o500);
		await own(folder);
		const outcome = await start(0, user).ended;
		expect(outcome).toMatchObject({ code: 'FILE_FAILED', message: expect.stringContaining(folder) });
		expect(existsSync(join(root, 'builds'))).toBe(false);
	});

	test('the folder can not be made where none can be written', async () => {
		await mkdir(cacheDir);
		await chmod(cacheDir, 0o555);
		const outcome = await start(0, user).ended;
		expect(outcome).toMatchObject({ code: 'FILE_FAILED', message: expect.stringContaining(folder) });
		expect(existsSync(join(root, 'builds'))).toBe(false);
	});

	test('a hit is a hit', async () => {
		await mkdir(cacheDir, { mode: 0o755 });
		await own(cacheDir);
		const { file } = await start(0, user).ended;
		await chmod(folder, 0o500);
		expect(await start(0, user).ended).toEqual({ file });
		expect(await builds()).toBe(1);
	});
});
