// The choice of a device. Tests decide which GPUs exist, where provider libraries are, and which libraries work.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseBuilder, chooseDevice, chooseGpu } from '../../lib/device/device.ts';
import { libraryVariable } from '../../lib/device/onnxruntime-library.ts';
import { capabilityName, parseCapability } from '../../lib/engines/capability.ts';
import { probeLibrary } from '../../lib/engines/probe.ts';
import { products, productTable } from '../../lib/engines/products.ts';
import { EngineRuntimes } from '../../lib/engines/runtimes.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { type EngineLibraryPaths, loadNative, type NativeGpu, type NativeGpus } from '../../lib/native.ts';
import { onnxRuntimeLibrary } from '../inside.ts';

const machine = vi.hoisted(() => ({ survey: { gpus: [] } as NativeGpus, addonFolder: '' }));
vi.mock('../../lib/native.ts', async (original) => {
	const native = await original<typeof import('../../lib/native.ts')>();
	const fake = { findGpus: () => machine.survey };
	return {
		...native,
		loadNative: () => Object.assign(Object.create(native.loadNative()), fake),
		addonFile: () => join(machine.addonFolder, 'arc2face.node'),
	};
});
vi.mock('../../lib/engines/probe.ts', () => ({ probeLibrary: vi.fn() }));

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-device-'));
	machine.survey = { gpus: [], runtime: '13.0', obstacle: 'There is no driver.' };
	machine.addonFolder = join(folder, 'addon');
	for (const { provider } of Object.values(productTable)) put('addon', `${provider}.so`);
	vi.mocked(probeLibrary).mockReset();
	vi.mocked(probeLibrary).mockImplementation(async ({ core }) => works(core));
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await rm(folder, { recursive: true });
});

function put(...path: string[]): string {
	const file = join(folder, ...path);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, '');
	return file;
}
function works(core: string) {
	const name = basename(core);
	if (name === 'libnvinfer.so.10') return { product: 'TensorRT', version: '10.15.1.29' };
	return name.startsWith('libnvinfer')
		? { product: 'TensorRT', version: '11.1.0.106' }
		: { product: 'TensorRT-RTX', version: '1.6.1.120' };
}
const fails = (core: string) => new Arc2FaceError('NO_DEVICE', `Could not load ${core}: it is cut short.`);

const tensorRt = ['libnvinfer.so.11', 'libnvonnxparser.so.11'];
const tensorRt10 = ['libnvinfer.so.10', 'libnvonnxparser.so.10'];
/** Of TensorRT 11.1's builder, for GPUs of 8.9. */
const kernels = 'libnvinfer_builder_resource_sm89.so.11.1.0';
const rtx = ['libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1'];
/** NVIDIA's libraries in the cache folder, and those that `env` names. */
function libraries(names: readonly string[], env: NodeJS.ProcessEnv = {}): EngineRuntimes {
	for (const name of names) put('cache/tensorrt', name);
	return new EngineRuntimes({ env, root: join(folder, 'root'), home: folder, cacheDir: join(folder, 'cache') });
}

const gpu = (capability: number, change: Partial<NativeGpu> = {}): NativeGpu => ({
	...{ name: `GPU of ${capability}`, capability, memory: 24e9, multiprocessors: 128, supported: true },
	...change,
});
const survey = (...gpus: NativeGpu[]): NativeGpus => ({ gpus, runtime: '13.0', driver: '13.0' });

describe('the CPU', () => {
	test('is what is left for auto where there is no GPU, which says why', async () => {
		const choice = await chooseDevice('auto');
		expect(choice).toMatchObject({ device: 'cpu', provider: 'onnxruntime', library: onnxRuntimeLibrary });
		expect(choice.reasons.slice(0, 2)).toEqual(['There is no driver.', 'The CPU remains.']);
		expect(choice.reasons.at(-1)).toContain(onnxRuntimeLibrary);
		expect(probeLibrary).not.toHaveBeenCalled();
	});

	test('may be asked for, whatever else there is', async () => {
		machine.survey = survey(gpu(89));
		expect(await chooseDevice('cpu')).toMatchObject({
			device: 'cpu',
			reasons: ['The CPU was asked for.', expect.anything()],
		});
	});

	test('has a library that works', () => {
		const { version } = loadNative().probeOnnxRuntime(onnxRuntimeLibrary);
		expect(version).toMatch(/^1\.\d+\.\d+/);
	});

	test('may have another library by the environment', async () => {
		const library = put('libonnxruntime.so');
		await writeFile(library, 'no library');
		vi.stubEnv(libraryVariable, library);
		const choice = await chooseDevice();
		expect(choice).toMatchObject({ library });
		expect(choice.reasons.join(' ')).toContain(libraryVariable);
		expect(() => loadNative().probeOnnxRuntime(library)).toThrow(expect.objectContaining({ code: 'NO_DEVICE' }));
	});

	test('needs a library that is there', async () => {
		vi.stubEnv(libraryVariable, '/no/such/libonnxruntime.so');
		await expect(chooseDevice()).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringContaining('/no/such/libonnxruntime.so'),
		});
	});

	test('needs a platform that onnxruntime-node has a library for', async () => {
		const { platform } = process;
		Object.defineProperty(process, 'platform', { value: 'sunos' });
		try {
			await expect(chooseDevice('cpu')).rejects.toMatchObject({
				code: 'NO_DEVICE',
				message: expect.stringContaining('sunos'),
			});
		} finally {
			Object.defineProperty(process, 'platform', { value: platform });
		}
	});
});

describe.skipIf(process.platform !== 'linux')('a GPU', () => {
	test('gets TensorRT 11 where all products have engines for it', async () => {
		const choice = await chooseGpu('auto', survey(gpu(89)), libraries([...rtx, ...tensorRt10, ...tensorRt, kernels]));
		expect(choice).toMatchObject({
			device: 'cuda:0',
			provider: 'tensorrt',
			driver: '13.0',
			runtime: { product: 'TensorRT', version: '11.1.0.106', provider: join(folder, 'addon/arc2face_tensorrt.so') },
		});
		expect(choice.reasons.join(' ')).toMatch(/8\.9.*It goes before TensorRT 10.* and TensorRT-RTX/);
		expect(probeLibrary).toHaveBeenCalledOnce();
	});

	test('gets TensorRT 10 where there is no 11, with the provider library for it', async () => {
		const choice = await chooseGpu('auto', survey(gpu(90)), libraries([...tensorRt10, ...rtx]));
		expect(choice).toMatchObject({
			provider: 'tensorrt',
			runtime: {
				...{ product: 'TensorRT', version: '10.15.1.29', provider: join(folder, 'addon/arc2face_tensorrt10.so') },
				core: join(folder, 'cache/tensorrt/libnvinfer.so.10'),
				parser: join(folder, 'cache/tensorrt/libnvonnxparser.so.10'),
			},
		});
		expect(choice.reasons.join(' ')).toMatch(/no libnvinfer\.so\.11 in .*It goes before TensorRT-RTX/);
	});

	test.each([
		['10.6.0.26', 90, 'tensorrt'],
		['10.6.0.26', 120, 'tensorrt-rtx'],
		['10.7.0.23', 100, undefined],
		['10.8.0.43', 120, 'tensorrt'],
	])('with TensorRT %s and capability %i gets %s', async (version, capability, provider) => {
		vi.mocked(probeLibrary).mockImplementation(async ({ core }) => ({
			...works(core),
			...(core.endsWith('libnvinfer.so.10') ? { version } : {}),
		}));
		const names = [...tensorRt10, `libnvinfer_builder_resource.so.${version.replace(/\.\d+$/, '')}`, ...rtx];
		const choice = await chooseGpu('cuda', survey(gpu(capability)), libraries(names));
		expect('provider' in choice ? choice.provider : undefined).toBe(provider);
		if (provider === 'tensorrt') return;
		expect(choice.reasons.join(' ')).toContain(`TensorRT ${version} has no engines for cuda:0`);
	});

	describe('for which TensorRT has no kernels to build with', () => {
		const lacks =
			/TensorRT 11\.1\.0\.106 can't build engines for GPUs of compute capability 8\.9: found no .*_sm89\.so\.11\.1\.0 /;

		test('gets TensorRT-RTX, which needs none, and is told why', async () => {
			const choice = await chooseGpu('cuda', survey(gpu(89)), libraries([...tensorRt, ...rtx]));
			expect(choice).toMatchObject({ provider: 'tensorrt-rtx' });
			expect(choice.reasons.join(' ')).toMatch(lacks);
		});

		test('gets the TensorRT that has some: another version, or the same elsewhere', async () => {
			const older = [...tensorRt10, 'libnvinfer_builder_resource_sm89.so.10.15.1'];
			const choice = await chooseGpu('cuda', survey(gpu(89)), libraries([...tensorRt, ...older, ...rtx]));
			expect(choice).toMatchObject({ runtime: { version: '10.15.1.29' } });
			expect(choice.reasons.join(' ')).toMatch(lacks);

			const env = { VIRTUAL_ENV: join(folder, 'venv') };
			for (const name of [...tensorRt, kernels]) put('venv/lib/python3.11/site-packages/tensorrt_libs', name);
			expect(await chooseGpu('cuda', survey(gpu(89)), libraries([...tensorRt, ...rtx], env))).toMatchObject({
				runtime: { core: join(folder, 'venv/lib/python3.11/site-packages/tensorrt_libs/libnvinfer.so.11') },
			});
		});

		test('gets the first of them if nothing else works: it runs what was built before', async () => {
			const choice = await chooseGpu('cuda', survey(gpu(89)), libraries([...tensorRt, ...tensorRt10]));
			expect(choice).toMatchObject({ runtime: { version: '11.1.0.106' } });
			expect(choice.reasons.join(' ')).toMatch(lacks);
			expect(choice.reasons.at(-1)).toContain('TensorRT 11.1.0.106 runs the engines that were built before: ');
			expect(choice.reasons.join(' ')).not.toContain('builds and runs');
			const broken = libraries([...tensorRt, ...rtx]);
			vi.mocked(probeLibrary).mockImplementation(async ({ core }) => {
				if (core.includes('rtx')) throw fails(core);
				return works(core);
			});
			expect(await chooseGpu('cuda', survey(gpu(89)), broken)).toMatchObject({ provider: 'tensorrt' });
		});
	});

	test('gets TensorRT-RTX where there is no TensorRT, and says where that was looked for', async () => {
		const choice = await chooseGpu('auto', survey(gpu(120)), libraries(rtx));
		expect(choice).toMatchObject({
			provider: 'tensorrt-rtx',
			runtime: {
				core: join(folder, 'cache/tensorrt/libtensorrt_rtx.so.1'),
				parser: join(folder, 'cache/tensorrt/libtensorrt_onnxparser_rtx.so.1'),
			},
		});
		expect(choice.reasons.join(' ')).toMatch(/no libnvinfer\.so\.11 in .*cache\/tensorrt/);
	});

	test.each<[number, readonly string[], string | undefined]>([
		[75, rtx, 'tensorrt-rtx'],
		[70, [...tensorRt, ...rtx], undefined],
		[90, rtx, undefined],
		[90, [...tensorRt, ...rtx], 'tensorrt'],
		[100, rtx, undefined],
		[103, tensorRt, 'tensorrt'],
		[103, tensorRt10, 'tensorrt'],
		[70, tensorRt10, undefined],
		[121, rtx, 'tensorrt-rtx'],
		[122, rtx, undefined],
		[122, tensorRt, 'tensorrt'],
	])('of capability %i with %j gets %s', async (capability, names, provider) => {
		const choice = await chooseGpu('cuda', survey(gpu(capability)), libraries(names));
		expect('provider' in choice ? choice.provider : undefined).toBe(provider);
		if (provider === undefined) expect(choice.reasons.join(' ')).toContain(capabilityName(capability));
	});

	test('that can be used is found behind one that can not', async () => {
		const gpus = survey(gpu(61, { supported: false }), gpu(90), gpu(86));
		const choice = await chooseGpu('cuda', gpus, libraries(rtx));
		expect(choice).toMatchObject({ device: 'cuda:2', index: 2, gpu: { capability: 86 } });
		expect(choice.reasons.join(' ')).toMatch(/cuda:0, .* can't run the kernels.*no engines for cuda:1/);
	});

	test('may be asked for by its number', async () => {
		const gpus = survey(gpu(86), gpu(89));
		expect(await chooseGpu('cuda:1', gpus, libraries(rtx))).toMatchObject({
			device: 'cuda:1',
			gpu: { capability: 89 },
		});
		expect(await chooseGpu('cuda:2', gpus, libraries(rtx))).toEqual({
			reasons: ['There is no cuda:2: the GPUs of this machine are cuda:0 (GPU of 86), cuda:1 (GPU of 89).'],
			remedies: [],
		});
	});

	test('takes the next library when one does not work, and says why not the first', async () => {
		const broken = join(folder, 'cache/tensorrt/libnvinfer.so.11');
		const other = put('home/lib/libnvinfer.so.11');
		put('home/lib/libnvonnxparser.so.11');
		vi.mocked(probeLibrary).mockImplementation(async ({ core }) => {
			if (core === broken) throw fails(core);
			return works(core);
		});
		const env = { LD_LIBRARY_PATH: join(folder, 'home/lib') };
		expect(await chooseGpu('cuda', survey(gpu(90)), libraries(tensorRt, env))).toMatchObject({
			runtime: { core: other },
		});
		const one = await chooseGpu('cuda', survey(gpu(90)), libraries(tensorRt));
		expect(one).toEqual({
			reasons: expect.arrayContaining([expect.stringContaining('9.0'), `Could not load ${broken}: it is cut short.`]),
			remedies: [
				'Install TensorRT 11.1 or a newer 11, with its ONNX parser; or TensorRT 10.6 to 10.16, with its ONNX parser.',
			],
		});
	});

	test.each<[string, NativeGpus, RegExp]>([
		['without a driver', { gpus: [], runtime: '13.0', obstacle: 'No driver.' }, /^Install NVIDIA's driver/],
		['of an old driver', { gpus: [], runtime: '13.0', driver: '12.8', obstacle: 'Old.' }, /for CUDA 13\.0 or newer/],
		['without CUDA in this build', { gpus: [], obstacle: 'No CUDA.' }, /npm run toolchain/],
		['that is too old', survey(gpu(61, { supported: false })), /^Use the CPU/],
		['without libraries', survey(gpu(89)), /^Install TensorRT 11\.1 .*; or TensorRT 10\.6 .*; or TensorRT-RTX 1\.6/],
	])('%s comes with what to do about it', async (_, gpus, remedy) => {
		expect(await chooseGpu('cuda', gpus, libraries([]))).toMatchObject({ remedies: [expect.stringMatching(remedy)] });
	});

	test('whose libraries are not where ARC2FACE_TENSORRT says is told so, also where others are found or there is no GPU', async () => {
		put('named/readme');
		const env = { ARC2FACE_TENSORRT: join(folder, 'named') };
		const passedOver = expect.stringMatching(/named \(ARC2FACE_TENSORRT\) has no libnvinfer/);
		const toldSo = {
			reasons: expect.arrayContaining([passedOver]),
			remedies: expect.arrayContaining([expect.stringMatching(/^Let ARC2FACE_TENSORRT name/)]),
		};
		expect(await chooseGpu('cuda', survey(gpu(89)), libraries([], env))).toEqual(toldSo);
		expect(await chooseGpu('cuda', { gpus: [], obstacle: 'No GPU.' }, libraries([], env))).toEqual(toldSo);
		const found = await chooseGpu('cuda', survey(gpu(89)), libraries(rtx, env));
		expect(found).toMatchObject({ device: 'cuda:0', provider: 'tensorrt-rtx' });
		expect(found.reasons.filter((reason) => reason.includes('ARC2FACE_TENSORRT'))).toEqual([passedOver]);
	});

	test('whose libraries do not work where ARC2FACE_TENSORRT says is told so when others are used', async () => {
		const [core] = rtx.map((name) => put('named', name));
		vi.mocked(probeLibrary).mockImplementation(async (paths) => {
			if (paths.core === core) throw fails(core);
			return works(paths.core);
		});
		const env = { ARC2FACE_TENSORRT: join(folder, 'named') };
		const { reasons } = await chooseGpu('cuda', survey(gpu(89)), libraries(rtx, env));
		expect(reasons).toContain(`Could not load ${core}: it is cut short.`);
	});

	test('can not be used by a build without the library for it', async () => {
		await rm(machine.addonFolder, { recursive: true });
		const { reasons } = await chooseGpu('cuda', survey(gpu(89)), libraries([...tensorRt, ...rtx]));
		expect(reasons.join(' ')).toMatch(
			/has no .*arc2face_tensorrt\.so.*has no .*arc2face_tensorrt10\.so.*has no .*arc2face_tensorrt_rtx\.so/,
		);
		expect(probeLibrary).not.toHaveBeenCalled();
	});

	test.each(['cuda', 'cuda:1'] as const)('asked for as %s where there is none is refused', async (request) => {
		await expect(chooseDevice(request)).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringMatching(
				/^Can't use the device "cuda(:1)?": There is no driver\. Install NVIDIA's driver; .* Run `arc2face doctor`/,
			),
		});
	});

	test('whose libraries do not work leaves the CPU to auto', async () => {
		machine.survey = survey(gpu(89));
		vi.mocked(probeLibrary).mockImplementation(async ({ core }) => {
			throw fails(core);
		});
		const choice = await chooseDevice('auto', { runtimes: libraries(rtx) });
		expect(choice.device).toBe('cpu');
		expect(choice.reasons.join(' ')).toMatch(/libtensorrt_rtx\.so\.1: it is cut short.*The CPU remains/);
	});
});

describe.skipIf(process.platform !== 'linux')('a provider library that is named', () => {
	const named = () => ({ ARC2FACE_PROVIDER: put('own/provider.so') });
	const only = (accepts: (paths: EngineLibraryPaths) => boolean, library: { product: string; version: string }) =>
		vi.mocked(probeLibrary).mockImplementation(async (paths) => {
			if (!accepts(paths)) throw fails(paths.core || paths.provider);
			return library;
		});

	test('that needs nothing of NVIDIA’s stands in for a GPU, whichever is asked for', async () => {
		only(({ core }) => core === '', { product: 'stand-in', version: '1.2.3.4' });
		for (const [request, device] of [
			['auto', 'cuda:0'],
			['cuda', 'cuda:0'],
			['cuda:3', 'cuda:3'],
		] as const) {
			const choice = await chooseGpu(request, { gpus: [] }, libraries([], named()));
			expect(choice).toMatchObject({ device, provider: 'stand-in', gpu: undefined, runtime: { version: '1.2.3.4' } });
		}
	});

	test('is used with NVIDIA’s libraries, on the GPUs of its product', async () => {
		only(({ core }) => core.includes('tensorrt_rtx'), { product: 'TensorRT-RTX', version: '1.6.1.120' });
		const own = libraries([...tensorRt, ...rtx], named());
		expect(await chooseGpu('cuda', survey(gpu(89)), own)).toMatchObject({
			provider: 'tensorrt-rtx',
			runtime: { provider: join(folder, 'own/provider.so') },
		});
		expect((await chooseGpu('cuda', survey(gpu(90)), own)).reasons.join(' ')).toContain('TensorRT-RTX has no engines');
		expect((await chooseGpu('cuda', { gpus: [], obstacle: 'No GPU.' }, own)).reasons).toEqual(['No GPU.']);
		expect((await own.tryAll()).filter((trial) => 'problem' in trial).map(({ paths }) => paths.core)).toEqual([
			join(folder, 'cache/tensorrt/libnvinfer.so.11'),
		]);
	});

	test('that does not work is named, also where there is no GPU', async () => {
		only(() => false, { product: '', version: '' });
		expect(await chooseGpu('cuda', { gpus: [] }, libraries(rtx, named()))).toEqual({
			reasons: [
				`Could not load ${join(folder, 'own/provider.so')}: it is cut short.`,
				`Could not load ${join(folder, 'cache/tensorrt/libtensorrt_rtx.so.1')}: it is cut short.`,
			],
			remedies: [expect.stringContaining('ARC2FACE_PROVIDER')],
		});
	});
});

describe.skipIf(process.platform !== 'linux')('engines for GPUs that are not here', () => {
	test('are built by TensorRT-RTX', async () => {
		expect(await chooseBuilder(libraries([...tensorRt, ...rtx]))).toMatchObject({ product: 'TensorRT-RTX' });
	});

	test('can not be built without it, nor by TensorRT', async () => {
		await expect(chooseBuilder(libraries(tensorRt))).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringMatching(/no libtensorrt_rtx\.so\.1 in .* Install TensorRT-RTX 1\.6/),
		});
		const named = libraries(tensorRt, { ARC2FACE_PROVIDER: put('own/arc2face_tensorrt.so') });
		vi.mocked(probeLibrary).mockResolvedValue(works('libnvinfer'));
		await expect(chooseBuilder(named)).rejects.toMatchObject({
			code: 'NO_DEVICE',
			message: expect.stringContaining('TensorRT builds on the GPU that it builds for'),
		});
	});
});

test('a compute capability is written with a dot', () => {
	expect([75, 89, 100, 121].map(capabilityName)).toEqual(['7.5', '8.9', '10.0', '12.1']);
	expect(['8.9', '12.0', '89', '8.', 'x', '8.99', ''].map(parseCapability)).toEqual([
		89,
		120,
		...Array.from({ length: 5 }, () => undefined),
	]);
	for (const capability of [75, 80, 86, 89, 120, 121]) {
		for (const product of products) expect(productTable[product].runsOn(capability)).toBe(true);
	}
	for (const capability of [87, 90, 100, 110, 122]) expect(productTable['TensorRT-RTX'].runsOn(capability)).toBe(false);
	for (const product of products) expect(productTable[product].runsOn(61)).toBe(false);
	expect(products.length).toBeGreaterThan(0);
});
