// What `doctor` finds on machines that tests describe. The addon need not be built.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { failureOf } from '../../lib/cli/failure.ts';
import { canRun, describeDevice, type Examination, problemsOf } from '../../lib/commands/doctor.ts';
import { findBundles } from '../../lib/doctor/bundles.ts';
import {
	examineGpus,
	examineWithoutAddon,
	type GpuReport,
	type GpuState,
	gpuRows,
	libraryTable,
} from '../../lib/doctor/gpus.ts';
import { findNvidiaDriver } from '../../lib/doctor/machine.ts';
import { EngineRuntimes } from '../../lib/engines/runtimes.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import type { NativeGpus } from '../../lib/native.ts';

vi.mock('../../lib/native.ts', async (original) => ({
	...(await original<typeof import('../../lib/native.ts')>()),
	addonFile: () => '/no/such/arc2face.node',
}));

const tiny = {
	...{ name: 'tiny', folder: '/p/models/tiny', usable: true, canEncode: true },
	...{ extras: [], unfinished: [], files: [] },
};
const healthy: Examination = {
	system: { platform: 'linux', release: '6', arch: 'x64', cpu: 'some', threads: 2, memoryBytes: 8e9 },
	node: '20.18.1',
	package: { version: '1.0.0', folder: '/p' },
	addon: { path: '/p/build/Release/arc2face.node' },
	sharp: { version: '0.35.0' },
	device: { device: 'cpu', provider: 'onnxruntime', library: '/p/libonnxruntime.so.1', reasons: [], version: '1.30.0' },
	driver: {},
	gpus: {
		cuda: {},
		obstacle: 'There is no driver.',
		found: [],
		libraries: [],
		engines: { folder: '/c', count: 0, bytes: 0 },
	},
	bundles: [tiny],
	dataFolder: { path: '/home/a/.cache/arc2face', freeBytes: 1e12 },
};

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-doctor-'));
});
afterEach(async () => {
	await rm(folder, { recursive: true, force: true });
});
async function put(path: string, text = ''): Promise<string> {
	const file = join(folder, path);
	await mkdir(join(file, '..'), { recursive: true });
	await writeFile(file, text);
	return file;
}

describe('a machine', () => {
	test('with everything in place can run and has no problems', () => {
		expect(canRun(healthy)).toBe(true);
		expect(problemsOf(healthy)).toEqual([]);
	});

	test.each<[string, Partial<Examination>, RegExp, RegExp]>([
		[
			'without an addon',
			{ addon: { error: 'No native build was found', remedy: 'Build.' } },
			/No native build/,
			/Build/,
		],
		['without sharp', { sharp: { error: 'Could not load', remedy: 'Install.' } }, /Could not load/, /Install/],
		['without a device', { device: { error: 'Found no library', remedy: 'Name one.' } }, /Found no library/, /Name/],
		[
			'whose ONNX Runtime does not work',
			{
				device: {
					...{ device: 'cpu', provider: 'onnxruntime', library: '/l', reasons: [] },
					...{ error: 'not ONNX Runtime', remedy: 'Name another.' },
				},
			},
			/not ONNX Runtime/,
			/Name another/,
		],
	])('%s cannot run, and learns why', (_, change, problem, remedy) => {
		const found = { ...healthy, ...change };
		expect(canRun(found)).toBe(false);
		expect(problemsOf(found)[0]?.problem).toMatch(problem);
		expect(problemsOf(found)[0]?.remedy).toMatch(remedy);
	});

	test.each([
		['no bundle', []],
		['a broken bundle', [{ ...tiny, usable: false, error: { problem: 'no UNet', remedy: 'mend it' } }]],
	])('with %s can run one, and learns where to get it', (_, bundles) => {
		const found = { ...healthy, bundles };
		expect(canRun(found)).toBe(true);
		expect(problemsOf(found).slice(0, -1)).toEqual(
			bundles.map(() => ({ problem: 'Bundle tiny: no UNet', remedy: 'mend it' })),
		);
		expect(problemsOf(found).at(-1)?.remedy).toContain('arc2face pull');
	});

	test('with one good bundle can run in spite of an unfinished one', () => {
		const official = { ...tiny, name: 'arc2face', usable: false, unfinished: ['encoder/pytorch_model.bin'] };
		const found = { ...healthy, bundles: [tiny, official] };
		expect(canRun(found)).toBe(true);
		expect(problemsOf(found)).toHaveLength(1);
		expect(problemsOf(found)[0]?.problem).toContain('encoder/pytorch_model.bin');
	});
});

test('the runtime is blamed only when it was tried', () => {
	const device = { device: 'cpu', provider: 'onnxruntime', library: '/l', reasons: [] };
	expect(describeDevice({ ...device, version: '1.30.0' })).toBe('cpu (onnxruntime 1.30.0)');
	expect(describeDevice({ ...device, error: 'not ONNX Runtime' })).toBe('cpu (onnxruntime not working)');
	expect(describeDevice(device)).toBe('cpu (onnxruntime, untested without the addon)');
	expect(describeDevice({ error: 'Found no library', remedy: '' })).toBe('none');
});

test('a failure is split into what happened and what to do', () => {
	expect(failureOf(new Arc2FaceError('DISPOSED', 'The model was disposed.', { remedy: 'Load again.' }))).toEqual({
		problem: 'The model was disposed.',
		remedy: 'Load again.',
	});
	expect(failureOf(new Error('first\nsecond'))).toEqual({ problem: 'first', remedy: '' });
});

describe('GPUs', () => {
	const gpu: GpuState = {
		device: 'cuda:0',
		name: 'NVIDIA H200',
		capability: '9.0',
		memoryBytes: 150e9,
		supported: true,
		uses: 'TensorRT 11.1.0.106',
		reasons: [],
		remedy: 'Install TensorRT.',
	};
	const withGpus = (gpus: Partial<GpuReport>): Examination => ({ ...healthy, gpus: { ...healthy.gpus, ...gpus } });

	test('are told with what they would use', () => {
		const { uses: _, ...bare } = gpu;
		const old = { ...bare, device: 'cuda:1', capability: '6.1', supported: false };
		const { gpus } = withGpus({ cuda: { runtime: '13.0', driver: '12.8' }, found: [gpu, old] });
		expect(gpuRows(gpus)).toEqual([
			['CUDA', '13.0 in this build, 12.8 in the driver'],
			['cuda:0', 'NVIDIA H200, compute capability 9.0, 150.0 GB memory: TensorRT 11.1.0.106'],
			['cuda:1', 'NVIDIA H200, compute capability 6.1, 150.0 GB memory, too old for this build: not usable'],
			['engine cache', '/c: 0 engines, 0 bytes'],
		]);
	});

	test.skipIf(process.platform !== 'linux')('need parts, and a build without them says how to get them', async () => {
		const runtimes = () => new EngineRuntimes({ env: {}, root: folder, home: folder, cacheDir: folder });
		const rows = async (survey: NativeGpus) => gpuRows(await examineGpus(survey, runtimes()));
		const without = await rows({ gpus: [], obstacle: 'This build has no CUDA.' });
		const how = /^not in this build\. In .*npm run toolchain.*node-gyp rebuild.*docs\/gpu\.md/;
		expect(without).toContainEqual(['GPU parts', expect.stringMatching(how)]);
		const parts = (found: string[][]) => found.filter(([what]) => what === 'GPU parts');
		expect(parts(await rows({ gpus: [], runtime: '13.0', obstacle: 'There is no driver.' }))).toEqual([]);
		expect(parts(gpuRows(await examineWithoutAddon()))).toEqual([]);
	});

	test('are no problem where there are none, which says why', () => {
		expect(problemsOf(healthy)).toEqual([]);
		expect(gpuRows(healthy.gpus)[1]).toEqual(['GPU', 'There is no driver.']);
	});

	test.each<[string, GpuReport['cuda'], RegExp]>([
		['without CUDA in this build', { driver: '13.0' }, /npm run toolchain.*node-gyp rebuild.*prebuild/],
		['without a driver', { runtime: '13.0' }, /Install NVIDIA's driver.*container/],
		['with a driver that is too old', { runtime: '13.0', driver: '12.8' }, /Install an NVIDIA driver for CUDA 13\.0/],
		['with a driver that does not work', { runtime: '13.1', driver: '13.0' }, /nvidia-smi.*CUDA_VISIBLE_DEVICES/],
	])('that are not found are a problem where there are traces of one, such as %s', (_, cuda, remedy) => {
		const report = withGpus({ cuda, obstacle: 'It does not work.' });
		expect(problemsOf(report)).toEqual([]);
		for (const driver of [{ gpu: '0000:01:00.0' }, { kernel: 'NVRM version: 580.65' }, { tool: '/bin/nvidia-smi' }]) {
			expect(problemsOf({ ...report, driver })).toEqual([
				{ problem: 'It does not work.', remedy: expect.stringMatching(remedy) },
			]);
			expect(canRun({ ...report, driver })).toBe(true);
		}
	});

	test('that can not be used are a problem, with what to install', () => {
		const { uses: _, ...bare } = gpu;
		const found = withGpus({ found: [{ ...bare, reasons: ['Found no libnvinfer.so.11 in /usr/lib.'] }] });
		expect(problemsOf(found)).toEqual([
			{
				problem: "cuda:0 can't be used: Found no libnvinfer.so.11 in /usr/lib.",
				remedy: 'Install TensorRT.',
			},
		]);
		expect(canRun(found)).toBe(true);
	});

	test('have libraries, of which each broken one is a row and a problem', () => {
		const error = { problem: 'it is cut short.', remedy: 'Install it again.' };
		const found = withGpus({
			libraries: [
				{ product: 'TensorRT 11', origin: 'cache folder', path: '/c/libnvinfer.so.11', error },
				{ product: 'TensorRT-RTX', origin: 'Python packages', path: '/p/libtensorrt_rtx.so.1', version: '1.6.1.120' },
				{ product: 'TensorRT-RTX', origin: 'system folder', path: '/usr/lib' },
			],
		});
		const rows = libraryTable(found.gpus.libraries).split('\n');
		expect(rows[1]).toMatch(/^TensorRT 11 +\/c\/libnvinfer\.so\.11 +cache folder +not usable$/);
		expect(rows[2]).toMatch(/^TensorRT-RTX +\/p\/libtensorrt_rtx\.so\.1 +Python packages +1\.6\.1\.120$/);
		expect(rows[3]).toMatch(/^TensorRT-RTX +\/usr\/lib +system folder +nothing$/);
		expect(problemsOf(found)).toEqual([
			{ problem: '/c/libnvinfer.so.11 (cache folder): it is cut short.', remedy: 'Install it again.' },
		]);
	});

	test.skipIf(process.platform !== 'linux')('are examined with every folder that was looked into', async () => {
		await put('tensorrt/libnvinfer.so.8');
		const surroundings = { env: {}, root: join(folder, 'root'), home: folder, cacheDir: folder };
		const gpus = [{ name: 'NVIDIA H200', capability: 90, memory: 150e9, multiprocessors: 132, supported: true }];
		const report = await examineGpus({ gpus, driver: '13.0' }, new EngineRuntimes(surroundings));
		expect(report.cuda).toEqual({ driver: '13.0' });
		expect(report.found).toMatchObject([
			{ device: 'cuda:0', capability: '9.0', reasons: expect.any(Array), remedy: expect.any(String) },
		]);
		expect(report.found[0]).not.toHaveProperty('uses');
		expect(report.libraries).toContainEqual({
			product: 'TensorRT 10',
			origin: 'cache folder',
			path: join(folder, 'tensorrt'),
			error: {
				problem: 'has libnvinfer.so.8, but libnvinfer.so.11 or libnvinfer.so.10 is needed.',
				remedy: expect.stringContaining('Install TensorRT 10.6'),
			},
		});
		const looked = report.libraries.map(({ path }) => path);
		expect(looked.filter((path) => path === join(folder, 'root/usr/lib64'))).toHaveLength(3);
	});

	test('that can run engines, but build none, are a problem of their own', () => {
		const error = { problem: 'TensorRT has no kernels for it.', remedy: 'Put them there.' };
		const gpu = { device: 'cuda:0', name: 'NVIDIA H200', capability: '9.0', memoryBytes: 150e9, supported: true };
		const found = withGpus({ found: [{ ...gpu, uses: 'TensorRT 11.2.1.2', reasons: [], remedy: '', error }] });
		expect(problemsOf(found)).toEqual([
			{ problem: 'cuda:0: TensorRT has no kernels for it.', remedy: 'Put them there.' },
		]);
		expect(gpuRows(found.gpus).map((row) => row.join(' '))).toContainEqual(
			expect.stringMatching(/^cuda:0 NVIDIA H200.*: TensorRT 11\.2\.1\.2$/),
		);
	});

	test('whose engine cache can not be used are told so', () => {
		const error = { problem: 'Expected a private folder.', remedy: 'Close it.' };
		const found = withGpus({ engines: { folder: '/c', error } });
		expect(problemsOf(found)).toEqual([error]);
		expect(gpuRows(found.gpus).at(-1)).toEqual(['engine cache', '/c: not usable']);
	});
});

describe.skipIf(process.platform === 'win32')('the NVIDIA driver', () => {
	test('is recognised by its kernel module, library and tool, wherever they are', async () => {
		await put('proc/driver/nvidia/version', 'NVRM version: 580.65\nGCC version: 12\n');
		const library = await put('cuda/libcuda.so.1');
		const tool = await put('bin/nvidia-smi');
		const env = { LD_LIBRARY_PATH: join(folder, 'cuda'), PATH: join(folder, 'bin') };
		expect(findNvidiaDriver(env, folder)).toEqual({ kernel: 'NVRM version: 580.65', library, tool });
	});

	test('may be missing for a GPU on the bus', async () => {
		await put('sys/bus/pci/devices/0000:00:01.0/vendor', '0x8086\n'); // another vendor's display controller
		await put('sys/bus/pci/devices/0000:00:01.0/class', '0x030000\n');
		await put('sys/bus/pci/devices/0000:01:00.1/vendor', '0x10de\n'); // sound, which such cards also have
		await put('sys/bus/pci/devices/0000:01:00.1/class', '0x040300\n');
		expect(findNvidiaDriver({}, folder)).toEqual({});
		await put('sys/bus/pci/devices/0000:02:00.0/vendor', '0x10de\n');
		await put('sys/bus/pci/devices/0000:02:00.0/class', '0x030200\n');
		expect(findNvidiaDriver({}, folder)).toEqual({ gpu: '0000:02:00.0' });
	});

	test('is absent where there is no trace of it', () => {
		expect(findNvidiaDriver({}, folder)).toEqual({});
	});
});

describe('bundles', () => {
	const home = process.env.ARC2FACE_HOME;
	beforeEach(() => {
		process.env.ARC2FACE_HOME = folder;
	});
	afterEach(() => {
		if (home === undefined) delete process.env.ARC2FACE_HOME;
		else process.env.ARC2FACE_HOME = home;
	});

	test('none are downloaded when there is no data folder', async () => {
		await rm(folder, { recursive: true });
		const { bundles, dataFolder } = await findBundles();
		expect(bundles.filter(({ name }) => name !== 'tiny')).toEqual([]);
		expect(dataFolder.path.startsWith(folder)).toBe(true);
		expect(dataFolder.freeBytes).toBeGreaterThan(0);
	});

	test('one whose download stopped is not usable, and its missing files are named', async () => {
		const { dataFolder } = await findBundles();
		const inside = dataFolder.path.slice(folder.length);
		await put(join(inside, 'arc2face/encoder/pytorch_model.bin.part'), 'half');
		const { bundles } = await findBundles();
		expect(bundles.find(({ name }) => name === 'arc2face')).toMatchObject({
			usable: false,
			unfinished: ['encoder/pytorch_model.bin'],
			error: { problem: expect.stringContaining('arc2face'), remedy: expect.stringContaining('pull') },
		});
	});
});
