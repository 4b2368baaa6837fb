// What `doctor` says about GPUs and libraries of machines that tests describe: all problems of a whole examination.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { examineGpus, gpuProblems } from '../../lib/doctor/gpus.ts';
import { probeLibrary } from '../../lib/engines/probe.ts';
import { EngineRuntimes } from '../../lib/engines/runtimes.ts';
import { Arc2FaceError } from '../../lib/errors.ts';

const machine = vi.hoisted(() => ({ addonFolder: '' }));
vi.mock('../../lib/native.ts', async (original) => ({
	...(await original<typeof import('../../lib/native.ts')>()),
	addonFile: () => join(machine.addonFolder, 'arc2face.node'),
}));
vi.mock('../../lib/engines/probe.ts', () => ({ probeLibrary: vi.fn() }));

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-remedies-'));
	machine.addonFolder = join(folder, 'addon');
	vi.mocked(probeLibrary).mockReset();
	vi.mocked(probeLibrary).mockRejectedValue(new Arc2FaceError('NO_DEVICE', 'It is cut short.'));
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await rm(folder, { recursive: true });
});

function put(...paths: string[]): void {
	for (const path of paths) {
		const file = join(folder, path);
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, '');
	}
}
const providers = ['addon/arc2face_tensorrt.so', 'addon/arc2face_tensorrt10.so', 'addon/arc2face_tensorrt_rtx.so'];
const rtxFiles = ['libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1'];

async function problems(capability: number | undefined, env: NodeJS.ProcessEnv = {}) {
	const gpu = { name: 'GPU', memory: 24e9, multiprocessors: 128, supported: (capability ?? 0) >= 75 };
	const gpus = capability === undefined ? [] : [{ ...gpu, capability }];
	const surroundings = { env, root: join(folder, 'root'), home: folder, cacheDir: join(folder, 'cache') };
	const report = await examineGpus({ gpus, runtime: '13.0', driver: '13.0' }, new EngineRuntimes(surroundings));
	return gpuProblems({ ...report, engines: { folder: '', count: 0, bytes: 0 } }, true);
}

describe.skipIf(process.platform !== 'linux')('what to do about', () => {
	test.each<[string, number, readonly string[], RegExp]>([
		[
			'one for all products',
			89,
			providers,
			/^Install TensorRT 11\.1 .*; or TensorRT 10\.6 .*; or TensorRT-RTX 1\.6 \(`pip install/,
		],
		[
			'one for TensorRT alone',
			90,
			providers,
			/^Install TensorRT 11\.1 or a newer 11, .*; or TensorRT 10\.6 to 10\.16, with its ONNX parser\.$/,
		],
		['one that this build has only TensorRT-RTX for', 89, providers.slice(2), /^Install TensorRT-RTX 1\.6/],
		['one that this build has no library for', 90, providers.slice(2), /npm run toolchain.*node-gyp rebuild/],
		['an old one', 61, providers, /^Use the CPU, or a GPU of compute capability 7\.5/],
	])('a GPU without libraries: %s', async (_, capability, files, remedy) => {
		put(...files);
		expect(await problems(capability)).toEqual([
			{ problem: expect.stringContaining("cuda:0 can't be used"), remedy: expect.stringMatching(remedy) },
		]);
	});

	test.each<[string, string, readonly string[], NodeJS.ProcessEnv, RegExp, RegExp]>([
		[
			'broken libraries',
			'cache/tensorrt',
			rtxFiles,
			{},
			/cut short/,
			/^Install TensorRT-RTX 1\.6 .* ARC2FACE_TENSORRT names/,
		],
		[
			'broken libraries of pip',
			'venv/lib/python3.11/site-packages/tensorrt_rtx_libs',
			rtxFiles,
			{ VIRTUAL_ENV: 'venv' },
			/cut short/,
			/pip install --force-reinstall/,
		],
		[
			'another version',
			'cache/tensorrt',
			['libnvinfer.so.8'],
			{},
			/libnvinfer\.so\.11 or libnvinfer\.so\.10 is needed\.$/,
			/^Install TensorRT 11/,
		],
		[
			'a missing parser',
			'cache/tensorrt',
			['libnvinfer.so.11'],
			{},
			/no libnvonnxparser\.so\.11/,
			/with its ONNX parser/,
		],
		[
			'what the environment names',
			'named',
			['libnvinfer.so.8'],
			{ ARC2FACE_TENSORRT: 'named' },
			/\(ARC2FACE_TENSORRT\)/,
			/^Let ARC2FACE_TENSORRT name/,
		],
		[
			'a named folder that is not there',
			'other',
			[],
			{ ARC2FACE_TENSORRT: 'named' },
			/does not exist/,
			/^Let ARC2FACE_TENSORRT name .*TensorRT 11.*TensorRT-RTX/,
		],
		[
			'a named folder without libraries',
			'named/lib',
			['libcudart.so.13'],
			{ ARC2FACE_TENSORRT: 'named' },
			/\(ARC2FACE_TENSORRT\): has no libnvinfer\.so\.11 and no libnvinfer\.so\.10 and no libtensorrt_rtx\.so\.1 in it/,
			/^Let ARC2FACE_TENSORRT name/,
		],
	])('%s', async (_, place, files, env, problem, remedy) => {
		put(...providers, ...files.map((name) => join(place, name)));
		const inFolder = Object.fromEntries(Object.entries(env).map(([name, path]) => [name, join(folder, path!)]));
		expect(await problems(undefined, inFolder)).toEqual([
			{ problem: expect.stringMatching(problem), remedy: expect.stringMatching(remedy) },
		]);
	});

	test('a severity that is none', async () => {
		vi.stubEnv('ARC2FACE_LOG', 'loud');
		expect(await problems(undefined)).toEqual([
			{
				problem: 'Expected one of error, warning, info, verbose for ARC2FACE_LOG but received "loud".',
				remedy: 'Let ARC2FACE_LOG be one of these, or unset it.',
			},
		]);
	});

	test('libraries that this build can not use', async () => {
		put(...rtxFiles.map((name) => `cache/tensorrt/${name}`));
		expect(await problems(undefined)).toEqual([
			{
				problem: expect.stringContaining("this build can't use"),
				remedy: expect.stringContaining('npm run toolchain'),
			},
		]);
	});

	test('a provider library that is named', async () => {
		put('own.so');
		const found = await problems(89, { ARC2FACE_PROVIDER: join(folder, 'own.so') });
		expect(found).toHaveLength(2);
		for (const { remedy } of found) expect(remedy).toMatch(/^Let ARC2FACE_PROVIDER name .* or unset it\.$/);
	});
});
