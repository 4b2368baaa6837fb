// Provider libraries and NVIDIA's, good and bad, and whole loads through the stand-in.
import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, statSync, truncateSync } from 'node:fs';
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import type { Examination, Problem } from '../../lib/commands/doctor.ts';
import { probeLibrary } from '../../lib/engines/probe.ts';
import { productTable } from '../../lib/engines/products.ts';
import { sha256 } from '../../lib/files/digests.ts';
import { Arc2Face, Identity, type LoadOptions, type LoadProgress } from '../../lib/index.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { providers, rtx, standIn, withoutRtx } from '../engines.ts';
import { insideFile } from '../inside.ts';

const folder = temporaryFolder();
const built = (name: string) => join(dirname(insideFile), `arc2face_${name}.so`);
const noDevice = (...texts: (string | RegExp)[]) =>
	expect.objectContaining({
		code: 'NO_DEVICE',
		message: expect.toSatisfy(
			(message: string) => texts.every((text) => message.search(text) >= 0),
			`contains ${texts.join(' and ')}`,
		),
	});

describe.skipIf(process.platform !== 'linux')('a provider library', () => {
	test('says what it is', async () => {
		expect(await probeLibrary(standIn)).toEqual({ product: 'stand-in', version: '1.2.3.4' });
	});

	test('is tried whatever is to be logged', async () => {
		vi.stubEnv('ARC2FACE_LOG', 'loud');
		try {
			expect(await probeLibrary(standIn)).toMatchObject({ product: 'stand-in' });
		} finally {
			vi.unstubAllEnvs();
		}
	});

	test.each([
		['is missing', join(folder.path('.'), 'missing.so'), "can't be opened"],
		['is a text', import.meta.filename, 'no shared library'],
		['is another library', built('other_tensorrt'), 'Arc2FaceGetEngineApi'],
		['ends the process', built('deadly_library'), 'SIGABRT'],
	])('that %s is named', async (_, provider, why) => {
		await expect(probeLibrary({ ...standIn, provider })).rejects.toEqual(noDevice(provider, why));
	});
});

const reason = withoutRtx();
if (reason !== undefined) console.log(`Leaving out the library of TensorRT-RTX: ${reason}.`);

describe.skipIf(reason !== undefined)('a library of NVIDIA', () => {
	test('says its version', async () => {
		expect(await probeLibrary(rtx)).toEqual({
			product: 'TensorRT-RTX',
			version: expect.stringMatching(/^1\.6\.\d+\.\d+$/),
		});
	});

	test.each([
		['is missing', join(folder.path('.'), 'missing.so'), "can't be opened"],
		['is another library', standIn.provider, 'getInferLibMajorVersion'],
		['is of another version', built('other_tensorrt'), /Expected TensorRT-RTX 1\.6 .* received version 1\.99\.0\.7/],
		['ends the process', built('deadly_library'), 'SIGABRT'],
	])('that %s is named', async (_, core, why) => {
		await expect(probeLibrary({ ...rtx, core })).rejects.toEqual(noDevice(core, why));
	});

	test.each([0.1, 0.5, 0.999])('that is cut to %d of its size is named', async (part) => {
		const core = folder.path('libtensorrt_rtx.so.1');
		copyFileSync(rtx.core, core);
		truncateSync(core, Math.floor(statSync(core).size * part));
		await expect(probeLibrary({ ...rtx, core })).rejects.toEqual(noDevice(core));
	});

	test('whose parser is another library is named', async () => {
		const parser = standIn.provider;
		expect(existsSync(parser)).toBe(true);
		await expect(probeLibrary({ ...rtx, parser })).rejects.toEqual(noDevice(parser, 'getNvOnnxParserVersion'));
	});
});

/** A library that says it is of any version, and can't start. */
describe.skipIf(reason !== undefined)('a library of', () => {
	const core = built('failing_tensorrt');
	afterEach(() => vi.unstubAllEnvs());
	const probe = (provider: string, version: string) => {
		vi.stubEnv('TEST_TENSORRT_VERSION', version);
		return probeLibrary({ provider, core });
	};

	test.each([
		['10.6.0.26', 'TensorRT', providers.tensorrt10],
		['10.15.1.29', 'TensorRT', providers.tensorrt10],
		['10.16.1.11', 'TensorRT', providers.tensorrt10],
		['11.1.0.106', 'TensorRT', providers.tensorrt],
		['11.4.0.1', 'TensorRT', providers.tensorrt],
		['1.6.2.5', 'TensorRT-RTX', providers.rtx],
	])('version %s is one of %s', async (version, product, provider) => {
		expect(await probe(provider, version)).toEqual({ product, version });
	});

	test.each([
		['10.5.0.18', 'TensorRT 10.6 to 10.16', providers.tensorrt10],
		['10.17.0.1', 'TensorRT 10.6 to 10.16', providers.tensorrt10],
		['11.1.0.106', 'TensorRT 10.6 to 10.16', providers.tensorrt10],
		['1.6.1.120', 'TensorRT 10.6 to 10.16', providers.tensorrt10],
		['10.16.1.11', 'TensorRT 11.1 or a later minor', providers.tensorrt],
		['11.0.0.90', 'TensorRT 11.1 or a later minor', providers.tensorrt],
		['12.1.0.1', 'TensorRT 11.1 or a later minor', providers.tensorrt],
		['1.5.0.1', 'TensorRT-RTX 1.6', providers.rtx],
		['1.7.0.1', 'TensorRT-RTX 1.6', providers.rtx],
		['10.6.0.26', 'TensorRT-RTX 1.6', providers.rtx],
	])('version %s is refused where %s is wanted', async (version, wanted, provider) => {
		const why = `Expected ${wanted} for the library ${core} but received version ${version}.`;
		await expect(probe(provider, version)).rejects.toMatchObject({ code: 'NO_DEVICE' });
		await expect(probe(provider, version)).rejects.toThrow(why);
	});

	// In a process of its own, which such a library has been seen to end; and the environment of a thread is not C's.
	test.each([
		['10.6.0.26', 100600, providers.tensorrt10],
		['10.15.1.29', 101501, providers.tensorrt10],
		['10.16.1.11', 101600, providers.tensorrt10],
		['11.4.0.1', 110100, providers.tensorrt],
	])('version %s is asked for version %i, and can say why it does not start', async (version, asked, provider) => {
		const script = `
			const [inside, paths] = process.argv.slice(1);
			try {
				require(inside).buildEngine({ ...JSON.parse(paths), graph: Buffer.alloc(0), weights: [], profiles: [{}] });
			} catch ({ code, message }) {
				console.log(JSON.stringify({ code, message }));
			}
		`;
		const argv = ['-e', script, insideFile, JSON.stringify({ provider, core })];
		const env = { ...process.env, TEST_TENSORRT_VERSION: version };
		const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
		expect(JSON.parse(stdout)).toEqual({
			code: 'ENGINE_FAILED',
			message: expect.stringMatching(
				`Could not make a runtime with ${core}: CUDA can't start \\(asked for version ${asked}\\)\\.$`,
			),
		});
	});
});

/** From bundle to portraits as on a GPU, with a provider library whose engines compute on the host. */
describe.skipIf(process.platform !== 'linux')('a model that is loaded through a provider library', () => {
	const bundle = folder.path('bundle');
	let cacheDir: string;
	let runs = 0;
	beforeAll(() => writeRandomBundle(bundle, { size: 'tiny' }));
	beforeEach(() => {
		cacheDir = folder.path(`cache-${runs++}`);
		vi.stubEnv('ARC2FACE_PROVIDER', standIn.provider);
	});
	afterEach(() => vi.unstubAllEnvs());

	const engines = ['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder'];
	const inLoadingOrder = ['detector', 'recognizer', 'textEncoder', 'vaeDecoder', 'unet'];

	/** Loads and disposes; returns which engines were built. */
	async function load(options: LoadOptions = {}) {
		const seen: LoadProgress[] = [];
		const onProgress = (progress: LoadProgress) => seen.push(progress);
		await using model = await Arc2Face.load({ bundle, cacheDir, device: 'cuda', onProgress, ...options });
		const built = seen.filter(({ phase }) => phase === 'building').map(({ network }) => network);
		return { info: model.info, seen, built: [...new Set(built)] };
	}

	async function flipByte(file: string, position: number): Promise<void> {
		const handle = await open(file, 'r+');
		const byte = Buffer.alloc(1);
		await handle.read(byte, 0, 1, position);
		await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position);
		await handle.close();
	}

	test('builds its engines once, tells so, and paints', async () => {
		const first = await load();
		expect(first.info).toMatchObject({ device: 'cuda:0', provider: 'stand-in', version: '1.2.3.4', precision: 'fp16' });
		expect(first.built).toEqual(engines);
		const ready = first.seen.filter(({ phase }) => phase === 'loading');
		expect(ready.map(({ network, done, total }) => [network, done, total])).toEqual(
			inLoadingOrder.map((network, i) => [network, i + 1, 5]),
		);
		expect(first.seen.every(({ fraction }) => fraction >= 0 && fraction <= 1)).toBe(true);

		const before = process.cpuUsage(); // of all threads; wall time depends on how busy the machine is
		const second = await load({ device: 'auto' });
		const { user, system } = process.cpuUsage(before);
		expect([second.built, second.info.device]).toEqual([[], 'cuda:0']);
		expect((user + system) / 1e6, 'seconds').toBeLessThan(1);

		await using model = await Arc2Face.load({ bundle, cacheDir });
		const someone = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i + 1)));
		const images = await model.generate(someone, { count: 3, steps: 2, seed: 1 });
		expect(images.map(({ width, height }) => [width, height])).toEqual([128, 128, 128].map((side) => [side, side]));
	});

	test('is built anew where something has changed', async () => {
		const own = folder.path('changing');
		cpSync(bundle, own, { recursive: true });
		expect((await load({ bundle: own })).built).toEqual(engines);
		const weights = join(own, 'arc2face/diffusion_pytorch_model.safetensors');
		await flipByte(weights, statSync(weights).size - 1);
		expect((await load({ bundle: own })).built).toEqual(['unet']);
		expect((await load({ bundle: own, batchSizes: [2, 4] })).built).toEqual(['unet']);
		expect((await load({ bundle: own, detectionSize: 320 })).built).toEqual(['detector']);
		expect((await load({ bundle: own, precision: 'fp32' })).built).toEqual(engines.slice(2));
		expect((await load({ bundle: own })).built).toEqual([]);
	});

	const filesOf = async (kind: string) =>
		(await readdir(join(cacheDir, 'engines')))
			.filter((name) => name.endsWith(`.${kind}`))
			.map((name) => join(cacheDir, 'engines', name));
	const manifestOf = async (network: string) => {
		for (const file of await filesOf('json')) {
			const manifest = JSON.parse(await readFile(file, 'utf8'));
			if (manifest.fingerprint.network === network) return { file, manifest, engine: file.replace(/json$/, 'engine') };
		}
		throw new Error(`there is no engine of ${network}`);
	};

	test('has a damaged engine built again', async () => {
		await load();
		const { engine } = await manifestOf('vaeDecoder');
		await flipByte(engine, 40);
		expect((await load()).built).toEqual(['vaeDecoder']);
	});

	test('has an engine built again that is whole, and that the library refuses', async () => {
		await load();
		const { file, manifest, engine } = await manifestOf('unet');
		const foreign = 'an engine of another library';
		await writeFile(engine, foreign);
		await writeFile(file, JSON.stringify({ ...manifest, bytes: foreign.length, sha256: sha256(foreign) }));
		expect((await load()).built).toEqual(['unet']);
		expect(await readFile(engine, 'utf8')).not.toBe(foreign);
		expect((await load()).built).toEqual([]);
	});

	test('stops building when the signal aborts, and leaves nothing half', async () => {
		const abort = new AbortController();
		const onProgress = ({ phase, network }: LoadProgress) => {
			if (phase === 'building' && network === 'unet') abort.abort();
		};
		await expect(load({ signal: abort.signal, onProgress })).rejects.toMatchObject({ name: 'AbortError' });
		const { built } = await load();
		expect(built).toEqual(engines.slice(3));
		expect(await filesOf('part')).toEqual([]);
	});

	test('keeps what its builds have timed, which no failure of that file prevents', async () => {
		const timings = async () => (await filesOf('timings')).map((file) => readFile(file, 'utf8'));
		await load();
		const [file] = await filesOf('timings');
		const text = `timings of the stand-in\n${engines.join('\n')}\n`;
		expect((await Promise.all(await timings())).map((all) => all.slice(0, text.length))).toEqual([text]);
		await load({ batchSizes: [2] });
		expect(await readFile(file!, 'utf8')).toContain(`${text}unet\n`);

		await flipByte(file!, 30);
		expect((await load({ batchSizes: [4] })).built).toEqual(['unet']);
		expect(await readFile(file!, 'utf8')).toMatch(/^timings of the stand-in\nunet\n/);

		await rm(file!);
		mkdirSync(file!);
		expect((await load({ batchSizes: [8] })).built).toEqual(['unet']);
		expect(await filesOf('part')).toEqual([]);
	});

	test('waits until calls on the GPU have ended before it builds, and tells so', async () => {
		await using model = await Arc2Face.load({ bundle, cacheDir });
		const someone = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i + 1)));
		const order: string[] = [];
		let begun = () => {};
		const running = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const onStep = ({ step, steps }: { step: number; steps: number }) => {
			if (step === 1) begun();
			if (step === steps) order.push('last step');
		};
		const painting = model.generate(someone, { steps: 1000, count: 32, seed: 1, onStep });
		await running;
		const onProgress = ({ phase, fraction }: LoadProgress) => {
			if (phase === 'waiting' || (phase === 'building' && fraction > 0)) order.push(phase);
		};
		await load({ batchSizes: [4], onProgress });
		await painting;
		expect(order.slice(0, 3)).toEqual(['waiting', 'last step', 'building']);
	});

	test('stops waiting for calls on the GPU when the signal aborts, and when the calls do', async () => {
		await using model = await Arc2Face.load({ bundle, cacheDir });
		const someone = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i + 1)));
		const paint = (signal: AbortSignal) => model.generate(someone, { steps: 1000, count: 32, seed: 1, signal });
		for (const aborted of ['load', 'call'] as const) {
			const aborts = { load: new AbortController(), call: new AbortController() };
			const painting = paint(aborts.call.signal).catch((error: Error) => error.name);
			const onProgress = ({ phase }: LoadProgress) => {
				if (phase === 'waiting') aborts[aborted].abort();
			};
			const { signal } = aborts.load;
			const loading = load({ batchSizes: [4], onProgress, signal }).then(
				() => 'loaded',
				(error: Error) => error.name,
			);
			expect(await loading).toBe(aborted === 'load' ? 'AbortError' : 'loaded');
			expect(aborts[aborted].signal.aborted).toBe(true);
			aborts.call.abort();
			expect(await painting).toBe('AbortError');
		}
	});

	test('is built once for two loads at once', async () => {
		const both = await Promise.all([load(), load()]);
		expect(both.flatMap(({ built }) => built).toSorted()).toEqual(engines.toSorted());
	});

	test('is refused when the cache can not be used, before anything is built', async () => {
		await writeFile(cacheDir, 'a file in its way');
		await expect(load()).rejects.toMatchObject({ code: 'FILE_FAILED', message: expect.stringContaining(cacheDir) });
	});

	test.each([
		['is missing', join(folder.path('.'), 'missing.so')],
		['is a text', import.meta.filename],
		['is another library', built('other_tensorrt')],
		['ends the process', built('deadly_library')],
	])('and that %s is refused by name, and leaves the CPU to auto', async (_, provider) => {
		vi.stubEnv('ARC2FACE_PROVIDER', provider);
		await expect(load()).rejects.toEqual(noDevice(provider));
		const { info } = await load({ device: 'auto' });
		expect(info.device).toBe('cpu');
		expect(info.reasons.join(' ')).toContain(provider);
	});

	const nvidia = [
		['TensorRT 11', providers.tensorrt, 'libnvinfer.so.11', 'libnvonnxparser.so.11'],
		['TensorRT 10', providers.tensorrt10, 'libnvinfer.so.10', 'libnvonnxparser.so.10'],
		['TensorRT-RTX', providers.rtx, 'libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1'],
	] as const;
	describe.skipIf(reason !== undefined).each(nvidia)('and that with %s', (product, provider, coreName, parserName) => {
		const core = () => join(cacheDir, coreName);
		beforeEach(() => {
			mkdirSync(cacheDir);
			copyFileSync(rtx.parser!, join(cacheDir, parserName));
			vi.stubEnv('ARC2FACE_TENSORRT', cacheDir);
		});

		test.each([
			['that is cut short', () => writeCutShort(core()), 'it is cut short'],
			['of another version', () => copyFileSync(built('other_tensorrt'), core()), 'received version 1.99.0.7'],
		])('%s is refused by its name, also by doctor', async (_, place, why) => {
			place();
			vi.stubEnv('ARC2FACE_PROVIDER', provider);
			await expect(load()).rejects.toEqual(noDevice(core(), productTable[product].name, why));

			vi.stubEnv('ARC2FACE_PROVIDER', undefined);
			const { canRun, device, problems } = await examine();
			expect([canRun, device]).toEqual([true, expect.objectContaining({ device: 'cpu' })]);
			const found = problems.filter(({ problem }) => problem.includes(core()));
			expect(found).toEqual([{ problem: expect.stringContaining(why), remedy: expect.any(String) }]);
		});
	});
});

/** One of NVIDIA's libraries without its second half. */
function writeCutShort(file: string): void {
	copyFileSync(rtx.core, file);
	truncateSync(file, Math.floor(statSync(file).size / 2));
}

/** What `arc2face doctor` reports in this process's environment. */
async function examine(): Promise<Examination & { canRun: boolean; problems: Problem[] }> {
	const program = fileURLToPath(new URL('../../dist/lib/cli/launch.cjs', import.meta.url));
	const { stdout } = await promisify(execFile)(process.execPath, [program, 'doctor', '--json']);
	return JSON.parse(stdout);
}
