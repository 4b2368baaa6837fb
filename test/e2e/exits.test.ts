// Processes that end at random moments during every call, in every way: at once, and with their own exit code.
// ARC2FACE_TEST_EXITS says how many, ARC2FACE_TEST_NODE with which Node.js.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { standIn } from '../engines.ts';
import { insideFile } from '../inside.ts';

const exits = Number(process.env.ARC2FACE_TEST_EXITS ?? 66);
const node = process.env.ARC2FACE_TEST_NODE ?? process.execPath;
const folder = temporaryFolder();
const slowExit = join(dirname(insideFile), 'arc2face_slow_exit.node');
const program = fileURLToPath(new URL('../exit-process.js', import.meta.url));

/** What ends the process, the thread that the package works on, and the expected exit code. */
const endings = [
	{ thread: 'main', end: 'exit', expected: 7 },
	{ thread: 'main', end: 'throw', expected: 1 },
	{ thread: 'main', end: 'reject', expected: 1 },
	{ thread: 'main', end: 'SIGTERM', expected: 'SIGTERM' },
	{ thread: 'main', end: 'finish', expected: 7 },
	{ thread: 'worker', end: 'exit', expected: 7 },
	{ thread: 'worker', end: 'throw', expected: 1 },
	{ thread: 'worker', end: 'mainExits', expected: 7 },
	{ thread: 'worker', end: 'terminate', expected: 7 },
] as const;
/** Mostly calls during which the runtime creates what it will destroy. */
const calls = ['load', 'load', 'load', 'build', 'load', 'all', 'detect', 'encode', 'generate'] as const;
/** Endless loops, which only work already under way can finish. */
const endless: readonly string[] = ['load', 'build'];

type Scene = { call: string; thread: string; end: string; expected: number | string; after: number };

/** Runs a scene; returns how it ended, and how long that took in milliseconds. */
async function run({ expected: _, ...scene }: Scene, number: number) {
	const options =
		scene.call === 'build' || number % 5 === 4
			? { bundle: folder.path('bundle'), device: 'cuda:0', cacheDir: folder.path(`engines of ${number}`) }
			: { bundle: folder.path('bundle'), device: 'cpu' };
	const child = spawn(node, [program, JSON.stringify({ ...scene, options, slowExit })], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, ARC2FACE_PROVIDER: standIn.provider },
	});
	let [stdout, stderr] = ['', ''];
	child.stdout.on('data', (text) => {
		stdout += text;
	});
	child.stderr.on('data', (text) => {
		stderr += text;
	});
	let ended = 0;
	child.once('exit', () => {
		ended = Date.now();
	});
	const [code, signal] = await once(child, 'close');
	return { ended: code ?? signal, took: ended - Number(stdout), stderr };
}

beforeAll(() => writeRandomBundle(folder.path('bundle'), { size: 'tiny', seed: 5 }));

test(`${exits} processes that end at work end at once, with their own exit code`, {
	timeout: exits * 30_000,
}, async () => {
	const pairs = endings.flatMap((ending) =>
		calls.filter((call) => !(ending.end === 'finish' && endless.includes(call))).map((call) => ({ ...ending, call })),
	);
	const scenes = Array.from({ length: exits }, (_, i): Scene => {
		// 37 shares no factor with the number of pairs, so even a few runs cover all kinds.
		return { ...pairs[(i * 37) % pairs.length]!, after: Math.floor(400 * Math.random()) };
	});
	const wrong: object[] = [];
	let slowest = 0;
	const next = scenes.entries();
	const work = async () => {
		for (const [number, scene] of next) {
			const { ended, took, stderr } = await run(scene, number);
			if (ended !== scene.expected) wrong.push({ ...scene, ended, stderr });
			slowest = Math.max(slowest, took);
		}
	};
	await Promise.all([work(), work()]);
	console.log(`Of ${exits} exits the slowest took ${slowest} ms.`);
	expect(scenes.length).toBeGreaterThan(0);
	expect(wrong).toEqual([]);
	expect(slowest).toBeLessThan(10_000);
});
