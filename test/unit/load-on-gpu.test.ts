// Loading on a GPU: the machine's description and the core are fakes, everything around them is real.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { loadModel, loadPool } from '../../lib/cli/model.ts';
import buildCommand from '../../lib/commands/engines-build.ts';
import listCommand from '../../lib/commands/engines-list.ts';
import { EngineCache } from '../../lib/engines/cache.ts';
import { ModelEngines, targetFor } from '../../lib/engines/prepare.ts';
import { Arc2Face, type LoadOptions, type LoadProgress } from '../../lib/index.ts';
import type {
	EngineLibraryPaths,
	NativeBuildRequest,
	NativeEngine,
	NativeGpus,
	NativeLoadRequest,
	NativeModel,
	NativeNetworks,
} from '../../lib/native.ts';
import { silentContext } from '../command-line.ts';
import { writeWeights } from '../layouts.ts';

const core = vi.hoisted(() => ({
	product: 'TensorRT-RTX',
	folder: '',
	builds: [] as NativeBuildRequest[],
	loads: [] as NativeLoadRequest[],
	build: async (_: NativeBuildRequest, __: AbortSignal): Promise<void> => {},
	load: async (_: NativeLoadRequest): Promise<void> => {},
}));
const gpus = {
	driver: '13.0',
	gpus: [
		{ name: 'Old', capability: 61, memory: 4e9, multiprocessors: 10, supported: false },
		{ name: 'New', capability: 89, memory: 24e9, multiprocessors: 128, supported: true },
	],
} satisfies NativeGpus;
vi.mock('../../lib/native.ts', async (original) => ({
	...(await original<typeof import('../../lib/native.ts')>()),
	addonFile: () => join(core.folder, 'addon/arc2face.node'),
	loadNative: () => ({
		findGpus: () => gpus,
		buildEngine(request: NativeBuildRequest) {
			core.builds.push(request);
			const stop = new AbortController();
			return { promise: core.build(request, stop.signal), cancel: () => stop.abort() };
		},
		load(request: NativeLoadRequest) {
			core.loads.push(request);
			const model = { dispose: async () => {} } as unknown as NativeModel;
			return { promise: core.load(request).then(() => model), cancel() {} };
		},
	}),
}));
vi.mock('../../lib/engines/probe.ts', () => ({
	probeLibrary: async (paths: EngineLibraryPaths) => ({ product: core.product, version: versionOf(paths.core) }),
}));

let bundle: string;
beforeAll(async () => {
	bundle = await mkdtemp(join(tmpdir(), 'arc2face-bundle-'));
	await writeRandomBundle(bundle, { size: 'tiny', adapters: true, lcmLora: true });
});
afterAll(() => rm(bundle, { recursive: true }));

let cacheDir: string;
beforeEach(async () => {
	core.folder = await mkdtemp(join(tmpdir(), 'arc2face-gpu-'));
	cacheDir = join(core.folder, 'cache');
	for (const name of ['arc2face_tensorrt', 'arc2face_tensorrt10', 'arc2face_tensorrt_rtx']) put('addon', `${name}.so`);
	for (const name of ['libnvinfer.so.11', 'libnvonnxparser.so.11']) put('TensorRT', name);
	for (const name of ['libnvinfer.so.10', 'libnvonnxparser.so.10']) put('TensorRT-10', name);
	put('TensorRT', 'libnvinfer_builder_resource_sm89.so.11.1.0');
	put('TensorRT-10', 'libnvinfer_builder_resource.so.10.6.0');
	for (const name of ['libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1']) put('TensorRT-RTX', name);
	use('TensorRT-RTX');
	core.build = ({ name, to }) => writeFile(to, `the engine of ${name}`);
	core.load = async () => {};
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await rm(core.folder, { recursive: true });
});

function put(folder: string, name: string): void {
	mkdirSync(join(core.folder, folder), { recursive: true });
	writeFileSync(join(core.folder, folder, name), name);
}
function versionOf(file: string): string {
	return file.endsWith('.11') ? '11.1.0.106' : file.endsWith('.10') ? '10.6.0.26' : '1.6.1.120';
}
/** @param folder - with the libraries */
function use(product: string, folder = product): void {
	core.product = product;
	core.builds = [];
	core.loads = [];
	for (const name of ['PATH', 'VIRTUAL_ENV', 'CONDA_PREFIX', 'LD_LIBRARY_PATH', 'ARC2FACE_PROVIDER'])
		vi.stubEnv(name, '');
	vi.stubEnv('ARC2FACE_TENSORRT', join(core.folder, folder));
}
const load = (options: LoadOptions = {}) => Arc2Face.load({ bundle, cacheDir, device: 'cuda', ...options });
const standardGraphs = { operators: 'standard', precision: 'fp16' } as const;
const context = silentContext();
const names = ['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder'];
const built = () => core.builds.map(({ name }) => name);
const buildOf = (name: string) => core.builds.find((request) => request.name === name)!;

describe.skipIf(process.platform !== 'linux')('a load on a GPU', () => {
	test('tells of no reading once it builds, although it reads what it has built', async () => {
		core.build = ({ to }) => writeFile(to, Buffer.alloc(5 << 20)); // large enough to be read with progress
		const told: string[] = [];
		const onProgress = ({ network, phase }: LoadProgress) => told.push(`${phase} ${network}`);
		await load({ onProgress });
		expect(told.filter((one) => /^(reading|building)/.test(one))).toEqual(names.map((name) => `building ${name}`));
	});

	test('builds an engine of each network, and loads the engines', async () => {
		const model = await load();
		expect(model.info).toMatchObject({
			device: 'cuda:1',
			provider: 'tensorrt-rtx',
			version: '1.6.1.120',
			precision: 'fp16',
			imageSize: { width: 128, height: 128 },
			canEncode: true,
		});
		expect(built()).toEqual(names);
		const [request] = core.loads;
		expect(request).toMatchObject({ files: [], runtime: { gpu: 1, engines: buildOf('unet').library } });
		for (const [name, { engine, compiled }] of Object.entries(request!.networks as NativeNetworks<NativeEngine>)) {
			expect(await readFile(engine, 'utf8')).toBe(`the engine of ${name}`);
			expect(engine.startsWith(join(cacheDir, 'engines'))).toBe(true);
			expect(compiled).toBe(engine.replace(/engine$/, 'compiled'));
		}
	});

	test('asks for standard operators, and for the shapes that calls will have', async () => {
		await load();
		for (const name of ['textEncoder', 'unet', 'vaeDecoder']) {
			const { network } = buildOf(name);
			if (!('graph' in network)) throw new Error(`expected a graph for ${name}`);
			expect(Buffer.from(network.graph).includes('com.microsoft')).toBe(false);
		}
		expect(buildOf('detector').profiles).toEqual([{ 'input.1': [1, 3, 640, 640] }]);
		expect(buildOf('recognizer').profiles).toEqual([{ 'input.1': [1, 3, 112, 112] }]);
		expect(buildOf('textEncoder').profiles).toEqual([
			{ input_ids: [1, 77], identity: [1, 512], identity_position: [1] },
		]);
		expect(buildOf('vaeDecoder').profiles).toEqual([{ latents: [1, 4, 16, 16] }]);
		const { profiles } = buildOf('unet');
		expect(profiles.map(({ sample }) => sample)).toEqual([2, 8].map((rows) => [rows, 4, 16, 16]));
		expect(profiles[1]).toMatchObject({ timestep: [8], encoder_hidden_states: [8, 77, expect.any(Number)] });
	});

	test('with a feature also builds and loads the networks that it needs, and no other anew', async () => {
		const plain = await load();
		expect(plain.info.features).toEqual([]);
		core.builds = [];
		const imageSizes = [
			{ width: 128, height: 128 },
			{ width: 64, height: 96 },
		];
		const model = await load({ edit: true });
		expect(model.info.features).toEqual(['edit']);
		expect(built()).toEqual(['vaeEncoder']);
		expect(buildOf('vaeEncoder').profiles).toEqual([{ image: [1, 3, 128, 128] }]);
		expect(Object.keys(core.loads.at(-1)!.networks)).toEqual([...names, 'vaeEncoder']);
		core.builds = [];
		await load({ edit: true });
		expect(built()).toEqual([]);
		await load({ edit: true, imageSizes });
		expect(buildOf('vaeEncoder').profiles).toEqual([{ image: [1, 3, 128, 128] }, { image: [1, 3, 96, 64] }]);
		core.builds = [];
		await load({ edit: true, precision: 'fp32' });
		expect(built()).toContain('vaeEncoder');
	});

	test.each([
		['control', ['unet', 'controlNet']],
		['expression', ['unet']],
		['reference', ['unet', 'vaeEncoder']],
	] as const)('with %s builds %j, once, beside those of the plain model', async (feature, anew) => {
		await load();
		core.builds = [];
		const model = await load({ [feature]: true });
		expect(model.info.features).toEqual([feature]);
		expect(built().toSorted()).toEqual(anew.toSorted());
		const { inputs } = (await openBundle(bundle, { ...standardGraphs, features: [feature] })).declarations.unet!;
		const { profiles } = buildOf('unet');
		expect(Object.keys(profiles[0]!)).toEqual(inputs.map(({ name }) => name));
		core.builds = [];
		await load({ [feature]: true });
		await load();
		expect(built()).toEqual([]);
	});

	test('with all features has one UNet for all of them', async () => {
		await load({ control: true, edit: true, reference: true, expression: true });
		expect(built()).toEqual([...names, 'vaeEncoder', 'controlNet']);
		expect(core.loads.at(-1)!.levels).toMatchObject({ down_0: 0, mid: 3, bank_0: 0, written_9: 0 });
		core.builds = [];
		await load({ reference: true, expression: true, control: true });
		expect(built()).toEqual([]);
	});

	test('with other shapes builds other engines, where these matter', async () => {
		await load();
		core.builds = [];
		const imageSizes = [
			{ width: 64, height: 96 },
			{ width: 128, height: 128 },
		];
		const model = await load({ imageSizes, batchSizes: [4, 2, 4], detectionSize: 320 });
		expect(model.info.imageSize).toEqual(imageSizes[0]);
		expect(built()).toEqual(['detector', 'unet', 'vaeDecoder']);
		expect(buildOf('detector').profiles).toEqual([{ 'input.1': [1, 3, 320, 320] }]);
		expect(buildOf('unet').profiles.map(({ sample }) => sample)).toEqual([
			[2, 4, 12, 8],
			[4, 4, 12, 8],
			[2, 4, 16, 16],
			[4, 4, 16, 16],
		]);
	});

	test('notes for people which shapes an engine is for', async () => {
		const size = { width: 64, height: 96 };
		await load({ imageSizes: [size], batchSizes: [4, 2], detectionSize: 320 });
		const { engines } = await new EngineCache({ cacheDir }).list();
		expect(Object.fromEntries(engines.map(({ network, shapes }) => [network, shapes]))).toEqual({
			detector: { detectionSize: 320 },
			recognizer: {},
			textEncoder: {},
			unet: { imageSizes: [size], batchSizes: [2, 4] },
			vaeDecoder: { imageSizes: [size] },
		});
		const list = await listCommand.run({ values: { cacheDir }, positionals: [] }, context);
		expect(list.text).toMatch(/^unet .* fp16 +64x96 +2,4 +\d/m);
		expect(list.text).toMatch(/^detector .* fp32 +320 +\d/m);
	});

	test('finds the engines of the last one, also those that were built for its capability from afar', async () => {
		const { runtime } = await loadedRuntime();
		core.builds = [];
		await load();
		expect(built()).toEqual([]);

		const shapes = { batchSizes: [2], imageSizes: [{ width: 128, height: 128 }], detectionSize: 640 };
		const graphs = { operators: 'standard', precision: 'fp16' } as const;
		const request = { runtime, target: targetFor(89), precision: 'fp16', shapes, cacheDir } as const;
		const afar = await ModelEngines.of(await openBundle(bundle, graphs), request);
		expect((await afar.prepare()).filter(({ seconds }) => seconds !== undefined)).toHaveLength(1);
		core.builds = [];
		await load({ batchSizes: [2] });
		expect(built()).toEqual([]);
	});

	test('from the command line finds the engines that were built ahead for the same shapes', async () => {
		const values = {
			...{ bundle, device: 'cuda', precision: undefined, cacheDir, threads: undefined },
			...{ imageSizes: ['64x96', '128x128'], batchSizes: ['4', '2'], detectionSize: 320, json: undefined },
		};
		const build = (edit?: boolean, control?: boolean) =>
			buildCommand.run({ values: { ...values, edit, control, capability: undefined }, positionals: [] }, context);
		await build();
		expect(built()).toEqual(names);
		core.builds = [];
		await build(true);
		expect(built()).toEqual(['vaeEncoder']);
		core.builds = [];
		await build(undefined, true);
		expect(built().toSorted()).toEqual(['controlNet', 'unet']);
		core.builds = [];
		const model = await loadModel(values, context, { width: 128, height: 128 });
		expect(model.info.imageSize).toEqual({ width: 64, height: 96 });
		expect(built()).toEqual([]);
		// A single size: nothing else to build for.
		await loadModel({ ...values, imageSizes: undefined }, context, { width: 128, height: 128 });
		expect(buildOf('vaeDecoder').profiles).toEqual([{ latents: [1, 4, 16, 16] }]);
	});

	test('on all devices has a model on each GPU that can be used, builds once for equal ones, and says why not on others', async () => {
		const values = {
			...{ bundle, device: 'all', precision: undefined, cacheDir, threads: undefined },
			...{ imageSizes: undefined, batchSizes: undefined, detectionSize: undefined, json: undefined },
		};
		const notes: string[] = [];
		gpus.gpus.push({ ...gpus.gpus[1]! });
		try {
			const pool = await loadPool(values, silentContext({ note: (text) => notes.push(text) }));
			if (!('models' in pool)) throw new Error('expected a pool');
			expect(pool.models.map(({ info }) => info.device)).toEqual(['cuda:1', 'cuda:2']);
		} finally {
			gpus.gpus.pop();
		}
		expect(built()).toEqual(names);
		expect(core.loads.map(({ runtime }) => runtime)).toMatchObject([{ gpu: 1 }, { gpu: 2 }]);
		expect(notes.filter((note) => note.startsWith('cuda:'))).toEqual([
			expect.stringMatching(/^cuda:0 is not used: .*Old/),
		]);
	});

	describe('with LoRAs', () => {
		const lcm = () => join(bundle, 'lcm-lora/pytorch_lora_weights.safetensors');
		/** The deltas of the weights of the last UNet that was built. */
		const deltasOf = () => {
			const { network, files } = core.builds.findLast(({ name }) => name === 'unet')!;
			if (!('graph' in network)) throw new Error('expected a graph');
			return network.weights.flatMap(({ deltas = [] }) =>
				deltas.map(({ factor, up, down }) => ({ factor, files: [files[up.file], files[down.file]] })),
			);
		};

		test('builds a UNet of its own from the sums, and says what it is', async () => {
			const model = await load();
			expect(model.info).toMatchObject({
				loras: [],
				defaults: { sampler: 'dpm++2m', steps: 25, guidanceScale: 3 },
			});
			expect(deltasOf()).toEqual([]);
			core.builds = [];
			const adapted = await load({ loras: ['lcm'] });
			expect(built()).toEqual(['unet']);
			const deltas = deltasOf();
			expect(deltas.length).toBeGreaterThan(100);
			for (const one of deltas) expect(one).toEqual({ factor: 1, files: [lcm(), lcm()] });
			expect(adapted.info).toMatchObject({
				loras: [{ name: 'lcm', file: lcm(), scale: 1 }],
				defaults: { sampler: 'lcm', steps: 4, guidanceScale: 1 },
			});
		});

		test('finds the engine of the same, by name or by path, and builds another for another scale or content', async () => {
			await load({ loras: ['lcm'] });
			core.builds = [];
			const byPath = await load({ loras: [lcm()] });
			expect([built(), byPath.info.loras, byPath.info.defaults.steps]).toEqual([[], [{ file: lcm(), scale: 1 }], 25]);
			await load({ loras: [{ name: 'lcm', scale: 0.5 }] });
			expect([built(), deltasOf()[0]!.factor]).toEqual([['unet'], 0.5]);
			core.builds = [];
			await load({ loras: ['lcm', { path: lcm(), scale: -0.5 }] });
			expect([built(), deltasOf().slice(0, 2)]).toMatchObject([['unet'], [{ factor: 1 }, { factor: -0.5 }]]);

			const other = join(core.folder, 'other.safetensors');
			const bytes = await readFile(lcm());
			await writeFile(other, bytes);
			core.builds = [];
			await load({ loras: [other] });
			expect(built()).toEqual([]);
			bytes[bytes.length - 1]! ^= 1;
			await writeFile(other, bytes);
			await load({ loras: [other] });
			expect(built()).toEqual(['unet']);
		});

		test('that have a part for a text encoder says that it is left out', async () => {
			const file = join(core.folder, 'style.safetensors');
			const half = (name: string, shape: readonly number[]) => ({
				...{ name, shape, type: 'float32' as const },
				chunks: () => [new Uint8Array(4 * shape.reduce((product, size) => product * size))],
			});
			await writeWeights(file, [
				half('lora_unet_conv_in.lora_down.weight', [2, 4, 3, 3]),
				half('lora_unet_conv_in.lora_up.weight', [32, 2, 1, 1]),
				half('lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight', [2, 768]),
			]);
			const model = await load({ loras: [file] });
			expect(model.info.warnings).toEqual([{ code: 'TEXT_ENCODER_LORA', message: expect.stringContaining(file) }]);
			expect(deltasOf()).toEqual([{ factor: 1, files: [file, file] }]);
		});

		test('from the command line finds the engines that were built ahead', async () => {
			const values = {
				...{ bundle, device: 'cuda', precision: undefined, cacheDir, threads: undefined, json: undefined },
				...{ imageSizes: undefined, batchSizes: undefined, detectionSize: undefined },
				...{ lcm: true, lora: [`${lcm()}:0.25`] },
			};
			await buildCommand.run({ values: { ...values, capability: undefined }, positionals: [] }, context);
			expect([built(), deltasOf().slice(0, 2)]).toMatchObject([names, [{ factor: 1 }, { factor: 0.25 }]]);
			core.builds = [];
			const model = await loadModel(values, context);
			expect(built()).toEqual([]);
			expect(model.info.loras).toEqual([
				{ name: 'lcm', file: lcm(), scale: 1 },
				{ file: lcm(), scale: 0.25 },
			]);
		});
	});

	/** The libraries that the first load used, and their versions. */
	async function loadedRuntime() {
		await load();
		return { runtime: { ...buildOf('unet').library, product: core.product, version: '1.6.1.120' } };
	}

	test('in another precision builds what computes in it', async () => {
		await load();
		core.builds = [];
		expect((await load({ precision: 'fp32' })).info.precision).toBe('fp32');
		expect(built()).toEqual(['textEncoder', 'unet', 'vaeDecoder']);
	});

	test('builds for a compute capability with TensorRT-RTX', async () => {
		await load();
		expect(buildOf('unet').target).toEqual({ capabilities: [89] });
		expect(buildOf('unet')).not.toHaveProperty('timings');
	});

	test.each([
		['11.1.0.106', 'TensorRT', 'arc2face_tensorrt.so'],
		['10.6.0.26', 'TensorRT-10', 'arc2face_tensorrt10.so'],
	])('builds on the GPU itself with TensorRT %s', async (version, where, provider) => {
		use('TensorRT', where);
		expect((await load()).info).toMatchObject({ provider: 'tensorrt', version });
		expect(buildOf('unet')).toMatchObject({
			library: { provider: join(core.folder, 'addon', provider) },
			target: { gpu: 1 },
		});
		// What one build times is for all that follow.
		expect(new Set(core.builds.map(({ timings }) => timings))).toEqual(
			new Set([expect.stringMatching(`^${join(cacheDir, 'engines')}/[0-9a-f]{64}\\.timings$`)]),
		);
		// Nothing is left to compile for the GPU.
		expect(core.loads[0]!.networks).toMatchObject({ unet: { compiled: '' } });
	});

	test.each([
		['11.1.0.106', 'TensorRT', 'libnvinfer_builder_resource_sm89.so.11.1.0'],
		['10.6.0.26', 'TensorRT-10', 'libnvinfer_builder_resource.so.10.6.0'],
	])('without the kernels that TensorRT %s builds with runs what was built', async (version, where, kernels) => {
		const file = join(core.folder, where, kernels);
		use('TensorRT', where);
		await rm(file);
		await expect(load()).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringMatching(
				`^TensorRT ${version} can't build engines .* capability 8\\.9: found no ${kernels} in ${join(core.folder, where)}, `,
			),
		});
		expect(built()).toEqual([]);

		await writeFile(file, '');
		await load();
		await rm(file);
		core.builds = [];
		expect((await load()).info).toMatchObject({ provider: 'tensorrt', version });
		expect(built()).toEqual([]);
		await expect(load({ detectionSize: 320 })).rejects.toMatchObject({ code: 'NO_DEVICE' });
	});

	test('tells what it does and how far it is', async () => {
		core.build = async ({ to, onProgress }) => {
			onProgress!({ phase: 'build', step: 1, steps: 2 });
			await writeFile(to, 'engine');
		};
		core.load = async ({ onProgress }) => onProgress!({ network: 'unet', done: 4, total: 5 });
		const seen: LoadProgress[] = [];
		await load({ onProgress: (progress) => seen.push(progress) });
		const building = seen.filter(({ phase }) => phase === 'building');
		expect(building.map(({ network, fraction, done }) => [network, fraction, done])).toEqual(
			names.flatMap((name, i) => [
				[name, 0, i],
				[name, 0.5, i],
			]),
		);
		expect(seen.at(-1)).toEqual({ network: 'unet', phase: 'loading', fraction: 1, done: 4, total: 5 });
		expect(seen.every(({ total }) => total === names.length)).toBe(true);
	});

	test('tells when a build waits for calls on the GPU', async () => {
		core.build = async ({ to, onProgress }) => {
			onProgress!({ phase: 'waiting', step: 0, steps: 0 });
			onProgress!({ phase: 'build', step: 1, steps: 2 });
			await writeFile(to, 'engine');
		};
		const seen: LoadProgress[] = [];
		await load({ onProgress: (progress) => seen.push(progress) });
		const ofDetector = seen.filter(({ network, phase }) => network === 'detector' && phase !== 'reading');
		expect(ofDetector.map(({ phase, fraction }) => [phase, fraction])).toEqual([
			['building', 0],
			['waiting', 0],
			['building', 0.5],
		]);
	});

	test('that is one of two at once builds each engine once', async () => {
		await Promise.all([load(), load()]);
		expect(built().toSorted()).toEqual(names.toSorted());
	});

	test('stops a build when the signal aborts, and leaves the cache usable', async () => {
		const abort = new AbortController();
		let stopped = false;
		core.build = (_, signal) =>
			new Promise((_, reject) => {
				signal.addEventListener('abort', () => {
					stopped = true;
					reject(Object.assign(new Error('stopped'), { code: 'CANCELLED' }));
				});
				setImmediate(() => abort.abort());
			});
		await expect(load({ signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
		expect(stopped).toBe(true);
		expect(built()).toEqual(['detector']);
		core.build = ({ to }) => writeFile(to, 'engine');
		await load();
		expect(built().slice(1)).toEqual(names);
	});

	test('that fails to build an engine leaves none', async () => {
		core.build = async ({ name }) => {
			throw Object.assign(new Error(`The node conv of ${name} is refused.`), { code: 'ENGINE_FAILED' });
		};
		await expect(load()).rejects.toMatchObject({
			name: 'Arc2FaceError',
			code: 'ENGINE_FAILED',
			message: expect.stringMatching(/^The node conv of detector is refused\. Run `arc2face doctor`.* report/),
		});
		expect((await readdir(join(cacheDir, 'engines'))).filter((name) => !name.endsWith('.digest'))).toEqual([]);
	});

	test('ends with what onProgress throws', async () => {
		const problem = new Error('the progress bar broke');
		const onProgress = () => {
			throw problem;
		};
		await expect(load({ onProgress })).rejects.toBe(problem);
	});

	describe('builds an engine again that its library refuses', () => {
		const refuse = (network: string) => {
			throw Object.assign(new Error(`${network} is for another GPU.`), {
				code: 'INVALID_ENGINE',
				details: { network },
			});
		};

		test('once', async () => {
			const refusals = ['unet', 'detector'];
			core.load = async () => {
				const network = refusals.shift();
				if (network !== undefined) refuse(network);
			};
			await load();
			expect(built()).toEqual([...names, 'unet', 'detector']);
			expect(core.loads).toHaveLength(3);
		});

		test('and gives up when it refuses that, too', async () => {
			core.load = async () => refuse('unet');
			await expect(load()).rejects.toMatchObject({
				name: 'Arc2FaceError',
				code: 'ENGINE_FAILED',
				message: expect.stringContaining('unet is for another GPU.'),
			});
			expect(built()).toEqual([...names, 'unet']);
		});

		test('but not for other failures', async () => {
			core.load = async () => {
				throw Object.assign(new Error('The GPU is full.'), { code: 'OUT_OF_MEMORY' });
			};
			await expect(load()).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
			expect(built()).toEqual(names);
		});
	});

	test('tells how much memory it takes before it does, and afterwards how much it has', async () => {
		core.load = async ({ onProgress, onMemory }) => {
			onMemory!({ bytes: 2e9, freeBytes: 20e9 });
			onProgress!({ network: 'detector', done: 1, total: 5 });
			onMemory!({ network: 'unet', bytes: 3e9, freeBytes: 18e9 });
		};
		const seen: LoadProgress[] = [];
		const model = await load({ onProgress: (progress) => seen.push(progress) });
		expect(seen.slice(-3)).toEqual([
			{
				...{ network: 'detector', phase: 'allocating', fraction: 0, done: 0, total: 5 },
				memory: { bytes: 2e9, freeBytes: 20e9 },
			},
			{ network: 'detector', phase: 'loading', fraction: 1, done: 1, total: 5 },
			{
				...{ network: 'unet', phase: 'allocating', fraction: 0, done: 1, total: 5 },
				memory: { bytes: 3e9, freeBytes: 18e9 },
			},
		]);
		expect(model.info.memoryBytes).toBe(5e9);
		core.load = async () => {};
		expect((await load()).info).not.toHaveProperty('memoryBytes');
	});

	test.each<[string, object, RegExp]>([
		[
			'with the batch size that fits',
			{ network: 'unet', bytes: 3e9, freeBytes: 1e9, batchSize: 2 },
			/`batchSizes` of at most 2,/,
		],
		[
			'when none fits',
			{ network: 'unet', bytes: 3e9, freeBytes: 1e9 },
			/fewer and lower `batchSizes` and `imageSizes`/,
		],
		[
			'when the engines alone are too large',
			{ bytes: 3e9, freeBytes: 1e9 },
			/^Load on a GPU with more memory, or close/,
		],
		['when it was not seen before', { network: 'unet', bytes: 3e9 }, /fewer and lower `batchSizes` and `imageSizes`/],
		['when it is not known for what', { bytes: 3e9 }, /fewer and lower `batchSizes` and `imageSizes`/],
		['for the detector', { network: 'detector', bytes: 3e9, freeBytes: 1e9 }, /^Load with a lower `detectionSize`, or/],
		['for the VAE', { network: 'vaeDecoder', bytes: 3e9, freeBytes: 1e9 }, /^Load with lower `imageSizes`, or/],
		['for its encoder', { network: 'vaeEncoder', bytes: 3e9, freeBytes: 1e9 }, /^Load with lower `imageSizes`, or/],
		[
			'for the ControlNet',
			{ network: 'controlNet', bytes: 3e9, freeBytes: 1e9 },
			/^Load with fewer and lower `batchSizes` and `imageSizes`, or/,
		],
		[
			'for the recognizer',
			{ network: 'recognizer', bytes: 3e9, freeBytes: 1e9 },
			/^Load on a GPU with more memory, or/,
		],
		['for the text encoder', { network: 'textEncoder', bytes: 3e9 }, /^Load on a GPU with more memory, or/],
	])('that finds too little memory says what to do: %s', async (_, details, remedy) => {
		core.load = async () => {
			throw Object.assign(new Error('The GPU is full.'), {
				code: 'OUT_OF_MEMORY',
				details: { device: 'cuda:1', ...details },
			});
		};
		await expect(load()).rejects.toMatchObject({
			code: 'OUT_OF_MEMORY',
			remedy: expect.stringMatching(remedy),
			details: { device: 'cuda:1', ...details },
		});
	});

	test('refuses before it builds what it can not do', async () => {
		await expect(load({ imageSizes: [{ width: 100, height: 128 }] })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringMatching(/multiple of 8 .* for `imageSizes` but received 100×128/),
		});
		await writeFile(join(core.folder, 'file'), '');
		await expect(load({ cacheDir: join(core.folder, 'file') })).rejects.toMatchObject({
			code: 'FILE_FAILED',
			message: expect.stringContaining(join(core.folder, 'file')),
		});
		await expect(load({ device: 'cpu', precision: 'fp16' })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringContaining('`precision`'),
		});
		await expect(load({ device: 'cuda:0' })).rejects.toMatchObject({ code: 'NO_DEVICE' });
		expect(built()).toEqual([]);
		expect(existsSync(join(cacheDir, 'engines'))).toBe(false);
	});

	test('refuses a severity that is none before it reads anything', async () => {
		for (const severity of ['loud', 'Info', ' ']) {
			vi.stubEnv('ARC2FACE_LOG', severity);
			await expect(load({ bundle: '/no/such/bundle' })).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(
					`Expected one of error, warning, info, verbose for ARC2FACE_LOG but received "${severity}".`,
				),
			});
		}
		for (const severity of ['', 'info', 'verbose']) {
			vi.stubEnv('ARC2FACE_LOG', severity);
			await load();
		}
	});

	test('that can not use what it was asked for says what was found and what to do', async () => {
		put('empty', 'readme');
		vi.stubEnv('ARC2FACE_TENSORRT', join(core.folder, 'empty'));
		await expect(load()).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringMatching(
				/empty \(ARC2FACE_TENSORRT\) has no libnvinfer.* Install TensorRT 11\.1 .* Let ARC2FACE_TENSORRT name .* Run `arc2face doctor`/,
			),
		});
	});

	test('of a bundle without face networks builds the others', async () => {
		const own = join(core.folder, basename(bundle));
		await writeRandomBundle(own, { size: 'tiny' });
		await rm(join(own, 'antelopev2'), { recursive: true });
		const model = await load({ bundle: own });
		expect(model.info.canEncode).toBe(false);
		expect(built()).toEqual(names.slice(2));
		expect(Object.keys(core.loads[0]!.networks)).toEqual(names.slice(2));
	});
});
