// What concerns only the CPU: ONNX Runtime and the small random networks of test/golden. behaviour.test.ts has what models do
// whatever runs them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Arc2Face, type GeneratedImage } from '../../lib/index.ts';
import { goldenFolder } from '../golden.ts';

const bundle = `${goldenFolder}tiny-sd`;
const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));

test('calls for images of different sizes at once paint what each paints alone', async () => {
	await using model = await Arc2Face.load({ bundle, device: 'cpu' });
	const sizes = [{ width: 96, height: 64 }, { width: 64, height: 64 }, {}, { width: 64, height: 96 }];
	const paint = async (size: object, seed: number) => (await model.generate(identity, { ...size, seed, steps: 4 }))[0]!;
	const alone: GeneratedImage[] = [];
	for (const [seed, size] of sizes.entries()) alone.push(await paint(size, seed));
	const together = await Promise.all(sizes.map(paint));
	together.forEach(({ width, height, data }, i) => {
		const expected = alone[i]!;
		expect([width, height]).toEqual([expected.width, expected.height]);
		// No two share a batch.
		expect(Buffer.compare(data, expected.data)).toBe(0);
	});
});

/** Runs an ES module in a process of its own, with `library` and `bundle` as arguments; returns its exit code and what it printed. */
async function runModule(
	source: string,
	{ env = process.env, options = [] }: { env?: NodeJS.ProcessEnv; options?: string[] } = {},
): Promise<{ code: number | null; printed: string }> {
	const library = new URL('../../dist/lib/index.js', import.meta.url).href;
	const child = spawn(process.execPath, [...options, '--input-type=module', '--eval', source, library, bundle], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env,
	});
	const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
	return { code, printed };
}

test('200 cycles of load, generate and dispose leave memory where it was', { timeout: 1_200_000 }, async () => {
	const source = `
		const { Arc2Face } = await import(process.argv[1]);
		const cycle = async () => {
			const model = await Arc2Face.load({ bundle: process.argv[2] });
			await model.generate(new Float32Array(512).fill(1), { steps: 1, seed: 1 });
			await model.dispose();
		};
		const residentBytes = async () => {
			const measured = [];
			for (let i = 0; i < 10; i++) {
				await cycle();
				globalThis.gc();
				await new Promise(setImmediate);
				measured.push(process.memoryUsage.rss());
			}
			return measured.sort((a, b) => a - b)[5];
		};
		for (let i = 0; i < 10; i++) await cycle(); // until what is compiled and kept once has been
		const before = await residentBytes();
		for (let i = 0; i < 80; i++) await cycle();
		const between = await residentBytes();
		for (let i = 0; i < 80; i++) await cycle();
		console.log(JSON.stringify([before, between, await residentBytes()]));
	`;
	// A young generation that may grow, and one pool of malloc for each thread, make up ten times what is looked for.
	const { code, printed } = await runModule(source, {
		env: { ...process.env, MALLOC_ARENA_MAX: '1' },
		options: ['--expose-gc', '--min-semi-space-size=1', '--max-semi-space-size=1'],
	});
	expect(code).toBe(0);
	const [before, between, after] = JSON.parse(printed) as [number, number, number];
	// A leak grows with every cycle, so in both halves; growth in only one of them has settled.
	expect(Math.min(between / before, after / between)).toBeLessThan(1.01);
	expect(after / before).toBeLessThan(1.05);
});

test('nothing is reported or written: the runtime of the networks would keep an identifier and call home', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'arc2face-home-'));
	const { CI: _, ORT_DISABLE_TELEMETRY: __, ...env } = process.env; // in CI the runtime is silent anyway
	const source = `
		const { Arc2Face } = await import(process.argv[1]);
		const model = await Arc2Face.load({ bundle: process.argv[2] });
		await model.generate(new Float32Array(512).fill(1), { steps: 1 });
		await model.dispose();
	`;
	try {
		const home = { HOME: folder, TMPDIR: folder, XDG_CACHE_HOME: folder };
		expect(await runModule(source, { env: { ...env, ...home } })).toEqual({ code: 0, printed: '' });
		expect(await readdir(folder)).toEqual([]);
	} finally {
		await rm(folder, { recursive: true });
	}
});

test('a process lives on when worker threads were all that used the package, and were terminated at work', async () => {
	const worker = `
		import { parentPort, workerData } from 'node:worker_threads';
		const { Arc2Face } = await import(workerData.library);
		const model = await Arc2Face.load({ bundle: workerData.bundle });
		const onStep = () => parentPort.postMessage('');
		for (;;) await model.generate(new Float32Array(512).fill(1), { steps: 9, onStep });
	`;
	const source = `
		import { once } from 'node:events';
		import { readFileSync } from 'node:fs';
		import { setTimeout } from 'node:timers/promises';
		import { Worker } from 'node:worker_threads';
		const [, library, bundle] = process.argv;
		for (let i = 0; i < 3; i++) {
			const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: { library, bundle } });
			await once(worker, 'message');
			await worker.terminate();
			await setTimeout(50);
		}
		// Its threads sleep in the addon, which must stay loaded although Node closes it with the last worker.
		if (process.platform === 'linux' && !/arc2face.*\\.node/.test(readFileSync('/proc/self/maps', 'utf8'))) process.exit(2);
	`;
	expect(await runModule(source)).toEqual({ code: 0, printed: '' });
});
