// The engine cache with NVIDIA's own builder, which needs no GPU: in separate processes, as users run it, and in this one.
// test/unit/engine-cache.test.ts covers the details, with instant builders.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { explain } from '../../lib/device/obstacles.ts';
import { EngineCache } from '../../lib/engines/cache.ts';
import { type EngineRequest, ModelEngines, type PreparedEngine, targetFor } from '../../lib/engines/prepare.ts';
import { type EngineRuntime, EngineRuntimes } from '../../lib/engines/runtimes.ts';
import { sha256 } from '../../lib/files/digests.ts';
import type { LoadProgress } from '../../lib/options/load.ts';
import type { ResolvedLora } from '../../lib/options/loras.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { rtx, withoutRtx } from '../engines.ts';
import { writeFusedBundle } from '../fused-bundle.ts';

const reason = withoutRtx();
if (reason !== undefined) console.log(`Leaving out the cache of TensorRT-RTX's engines: ${reason}.`);

const networks = ['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder'];
const shapes = { batchSizes: [2], imageSizes: [{ width: 128, height: 128 }], detectionSize: 128 };
const folder = temporaryFolder();
const bundle = folder.path('bundle');
const cacheDir = folder.path('cache');
const cache = new EngineCache({ cacheDir });
const unused = { ARC2FACE_PROVIDER: undefined, ARC2FACE_TENSORRT: dirname(rtx.core) };

/** Starts a process that prepares the engines and reports in lines of JSON. */
function start(more: { cacheDir?: string; user?: number } = {}) {
	const request = { bundle, cacheDir, shapes, ...more };
	const script = fileURLToPath(new URL('../engine-build-process.js', import.meta.url));
	const child = spawn(process.execPath, [script, JSON.stringify(request)], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, ...unused },
	});
	const said: Said[] = [];
	let text = '';
	child.stdout.setEncoding('utf8').on('data', (chunk) => {
		const lines = (text + chunk).split('\n');
		text = lines.pop()!;
		for (const line of lines) said.push(JSON.parse(line));
	});
	const ended = once(child, 'close').then(() => said);
	const says = async (wanted: (what: Said) => boolean) => {
		while (!said.some(wanted) && child.exitCode === null) await once(child.stdout, 'data');
		expect(said.some(wanted), JSON.stringify(said)).toBe(true);
	};
	return { child, ended, says };
}
type Said = Partial<LoadProgress & { prepared: PreparedEngine[]; code: string; message: string }>;
const builtBy = (said: readonly Said[]) =>
	said
		.flatMap(({ prepared = [] }) => prepared.filter(({ seconds }) => seconds !== undefined))
		.map(({ network }) => network);

let runtime: EngineRuntime;

async function enginesOf(change: Partial<EngineRequest>, of = bundle, loras: readonly ResolvedLora[] = []) {
	const graphs = { operators: 'standard', precision: 'fp16' } as const;
	const opened = await openBundle(of, { ...graphs, loras });
	return await ModelEngines.of(opened, {
		...{ runtime, target: targetFor(89), precision: 'fp16', shapes, cacheDir },
		...change,
	});
}

/** Prepares the engines in this process; returns the networks built, and all files. */
async function prepare(change: Partial<EngineRequest> = {}, of = bundle, loras: readonly ResolvedLora[] = []) {
	const building: string[] = [];
	const prepared = await (await enginesOf(change, of, loras)).prepare({
		onProgress: ({ network, phase }) => phase === 'building' && building.push(network),
	});
	return { built: [...new Set(building)], files: new Map(prepared.map(({ network, file }) => [network, file])) };
}

/** Changes one byte in place. */
async function flipByte(file: string, fromEnd: number): Promise<void> {
	const handle = await open(file, 'r+');
	const position = (await handle.stat()).size - fromEnd;
	const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
	await handle.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, position);
	await handle.close();
}

describe.skipIf(reason !== undefined)('engines of TensorRT-RTX in the cache', { timeout: 1_800_000 }, () => {
	beforeAll(async () => {
		await writeRandomBundle(bundle, { size: 'tiny', seed: 5, lcmLora: true });
		const libraries = new EngineRuntimes({ env: { ...process.env, ...unused } });
		runtime = (await libraries.first('TensorRT-RTX'))!;
		expect(runtime, explain(await libraries.obstacles('TensorRT-RTX'), false).reasons.join(' ')).toBeDefined();
	}, 600_000);

	test('kill -9 during a build leaves nothing that is taken for an engine', async () => {
		const killed = start();
		await killed.says(({ phase, fraction }) => phase === 'building' && fraction! > 0);
		killed.child.kill('SIGKILL');
		await killed.ended;
		expect((await readdir(cache.folder)).filter((name) => /\.(engine|json)$/.test(name))).toEqual([]);
		expect((await cache.list()).engines).toEqual([]);
	});

	test('two processes that ask at once build each once, and clean up after the one that was killed', async () => {
		const both = await Promise.all([start().ended, start().ended]);
		expect(both.flatMap(builtBy).sort()).toEqual(networks);
		const files = both.map((said) => said.at(-1)!.prepared?.map(({ file }) => file));
		expect(files[0]).toHaveLength(5);
		expect(files[1]).toEqual(files[0]);
		const { engines, leftoverBytes } = await cache.list();
		expect([engines.map(({ network }) => network).sort(), leftoverBytes]).toEqual([networks, 0]);
		for (const { file, sha256: digest, product, version } of engines) {
			expect(sha256(await readFile(file))).toBe(digest);
			expect([product, version]).toEqual([runtime.product, runtime.version]);
		}
	});

	// A load except for opening the engines, which needs a GPU. engine-library.test.ts has whole loads, with the stand-in.
	test('engines that are there are not built again, and are ready in under a second of processor time', async () => {
		const before = process.cpuUsage(); // of all threads; wall time depends on how busy the machine is
		const { built } = await prepare();
		const { user, system } = process.cpuUsage(before);
		expect(built).toEqual([]);
		expect((user + system) / 1e6).toBeLessThan(1);
	});

	test('another shape is another engine, of the network that has it', async () => {
		const { files } = await prepare();
		const { built, files: others } = await prepare({ shapes: { ...shapes, detectionSize: 160 } });
		expect(built).toEqual(['detector']);
		expect(others.get('detector')).not.toBe(files.get('detector'));
	});

	test('a changed byte of the weights is another engine, with other bytes', async () => {
		const { files } = await prepare();
		const changed = folder.path('changed-bundle');
		await cp(bundle, changed, { recursive: true });
		await flipByte(join(changed, 'vae/diffusion_pytorch_model.safetensors'), 1);
		const { built, files: others } = await prepare({}, changed);
		expect(built).toEqual(['vaeDecoder']);
		const bytes = [files, others].map((all) => readFile(all.get('vaeDecoder')!));
		expect(Buffer.compare(await bytes[0]!, await bytes[1]!)).not.toBe(0);
	});

	test('a LoRA is another engine of the UNet, that of a bundle whose file has the sums, and so is another scale', async () => {
		const { files } = await prepare();
		const lcm = join(bundle, 'lcm-lora/pytorch_lora_weights.safetensors');
		const adapted = await prepare({}, bundle, [{ name: 'lcm', scale: 1 }]);
		expect(adapted.built).toEqual(['unet']);
		expect((await prepare({}, bundle, [{ path: lcm, scale: 1 }])).built).toEqual([]);
		const fused = folder.path('fused-bundle');
		await writeFusedBundle(bundle, fused, [{ file: lcm, scale: 1 }]);
		const other = await prepare({}, fused);
		expect(other.built).toEqual(['unet']);
		const [plain, sums, expected] = await Promise.all(
			[files, adapted.files, other.files].map((all) => readFile(all.get('unet')!)),
		);
		expect(Buffer.compare(sums!, plain!)).not.toBe(0);
		expect(Buffer.compare(sums!, expected!)).toBe(0);
		expect((await prepare({}, bundle, [{ name: 'lcm', scale: 0.5 }])).built).toEqual(['unet']);
	});

	test.each<[string, () => Partial<EngineRequest>]>([
		['version of the library', () => ({ runtime: { ...runtime, version: '1.6.1.119' } })],
		['capability', () => ({ target: targetFor(120) })],
	])('another %s is a miss', async (_, change) => {
		const stop = new AbortController();
		const missed: string[] = [];
		const preparing = (await enginesOf(change())).prepare({
			signal: stop.signal,
			onProgress: ({ network, phase }) => {
				if (phase !== 'building') return;
				missed.push(network);
				stop.abort();
			},
		});
		await expect(preparing).rejects.toMatchObject({ name: 'AbortError' });
		expect(missed[0]).toBe('detector'); // the first
		expect((await cache.list()).leftoverBytes).toBe(0);
	});

	test('a byte of an engine that was changed is found, and the engine is built again', async () => {
		const { files } = await prepare();
		const file = files.get('recognizer')!;
		const size = (await readFile(file)).length;
		await flipByte(file, Math.floor(size / 2));
		const { built, files: again } = await prepare();
		expect([built, again.get('recognizer')]).toEqual([['recognizer'], file]);
		const { engines } = await cache.list();
		expect(sha256(await readFile(file))).toBe(engines.find((engine) => engine.file === file)!.sha256);
	});

	test.skipIf(process.platform === 'win32')('a cache folder that can only be read is named', async () => {
		// Modes do not bind root, so as root the process becomes another user.
		const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
		const place = folder.path('read-only');
		await mkdir(join(place, 'engines'), { recursive: true });
		await chmod(dirname(place), 0o755);
		if (nobody !== undefined) await chown(join(place, 'engines'), nobody, nobody);
		await chmod(join(place, 'engines'), 0o500);
		const said = await start({ cacheDir: place, ...(nobody === undefined ? {} : { user: nobody }) }).ended;
		expect(said.at(-1)).toMatchObject({
			code: 'FILE_FAILED',
			message: expect.stringContaining(join(place, 'engines')),
		});
		expect(said.some(({ phase }) => phase === 'building')).toBe(false);
	});
});
