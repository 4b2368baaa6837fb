// The libraries of kernels that TensorRT's builder needs, in folders that tests describe.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { missingKernels, requireKernels } from '../../lib/engines/kernels.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
let root: string;
let runs = 0;
beforeEach(() => {
	root = folder.path(`root-${runs++}`);
});
function put(...paths: string[]): string {
	const file = join(root, ...paths);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, '');
	return file;
}

/** @param version - of libraries in `trt` */
function look(version: string, capability: number, env: NodeJS.ProcessEnv = {}) {
	const isRtx = version.startsWith('1.');
	const core = put('trt', isRtx ? 'libtensorrt_rtx.so.1' : `libnvinfer.so.${version.split('.')[0]}`);
	const runtime = { product: isRtx ? 'TensorRT-RTX' : 'TensorRT', version, provider: '/p.so', core };
	return missingKernels(runtime, capability, { env, root });
}

describe.skipIf(process.platform !== 'linux')('the kernels that a builder needs', () => {
	test.each([
		['10.6.0.26', 75, 'libnvinfer_builder_resource.so.10.6.0'],
		['10.6.0.26', 90, 'libnvinfer_builder_resource.so.10.6.0'],
		['10.9.0.34', 90, 'libnvinfer_builder_resource.so.10.9.0'],
		['10.9.0.34', 90, 'libnvinfer_builder_resource_sm90.so.10.9.0'],
		['10.15.1.29', 90, 'libnvinfer_builder_resource_sm90.so.10.15.1'],
		['10.15.1.29', 86, 'libnvinfer_builder_resource_sm86.so.10.15.1'],
		['11.2.1.2', 120, 'libnvinfer_builder_resource_sm120.so.11.2.1'],
		['11.2.1.2', 121, 'libnvinfer_builder_resource_sm120.so.11.2.1'],
		['11.2.1.2', 103, 'libnvinfer_builder_resource_sm103.so.11.2.1'],
	])('of %s for %i are %s', (version, capability, name) => {
		expect(look(version, capability)?.problem).toContain(`${version} can't build engines for GPUs`);
		put('trt', name);
		expect(look(version, capability)).toBeUndefined();
	});

	test.each([
		['the one for all GPUs', '10.15.1.29', 90, 'libnvinfer_builder_resource.so.10.15.1', 'sm90.so.10.15.1'],
		['one for each', '10.6.0.26', 90, 'libnvinfer_builder_resource_sm90.so.10.6.0', 'resource.so.10.6.0'],
		['the portable ones', '11.2.1.2', 90, 'libnvinfer_builder_resource_ptx.so.11.2.1', 'sm90.so.11.2.1'],
		['those of another GPU', '11.2.1.2', 89, 'libnvinfer_builder_resource_sm80.so.11.2.1', 'sm89.so.11.2.1'],
		['those of another version', '10.15.1.29', 90, 'libnvinfer_builder_resource_sm90.so.10.15.0', 'sm90.so.10.15.1'],
	])('are missed where only %s are there, by name and place', (_, version, capability, name, wanted) => {
		put('trt', name);
		const { problem, remedy, file } = look(version, capability)!;
		expect(file).toContain(wanted);
		expect(problem).toContain(`found no ${file} in ${join(root, 'trt')}, `);
		expect(problem).toContain(`compute capability ${(capability / 10).toFixed(1)}`);
		expect(remedy).toContain(`Put ${file} beside ${join(root, 'trt', 'libnvinfer.so.')}`);
	});

	test('are found where the loader looks, and where a link to the library leads', () => {
		const name = 'libnvinfer_builder_resource_sm90.so.11.2.1';
		put('elsewhere', name);
		expect(look('11.2.1.2', 90)).toBeDefined();
		expect(look('11.2.1.2', 90, { LD_LIBRARY_PATH: join(root, 'elsewhere') })).toBeUndefined();

		const core = join(root, 'links', 'libnvinfer.so.11');
		const runtime = { product: 'TensorRT', version: '11.2.1.2', provider: '/p.so', core };
		mkdirSync(dirname(core));
		symlinkSync(put('elsewhere', 'libnvinfer.so.11.2.1'), core);
		expect(missingKernels(runtime, 90, { env: {}, root })).toBeUndefined();

		put('usr/lib64', 'libnvinfer_builder_resource.so.10.6.0');
		expect(look('10.6.0.26', 90)).toBeUndefined();
	});

	test('are not asked for where TensorRT-RTX or a stand-in builds', () => {
		expect(look('1.6.1.120', 89)).toBeUndefined();
		const standIn = { product: 'stand-in', version: '1.2.3.4', provider: '/p.so', core: '' };
		expect(missingKernels(standIn, 90, { env: {}, root })).toBeUndefined();
	});

	test('are an error of NO_DEVICE that names the file', () => {
		const core = put('trt', 'libnvinfer.so.11');
		const runtime = { product: 'TensorRT', version: '11.2.1.2', provider: '/p.so', core };
		const target = { gpu: 'H200', capability: 90, multiprocessors: 132, driver: '13.0' };
		expect(() => requireKernels(runtime, target)).toThrow(
			expect.objectContaining({
				code: 'NO_DEVICE',
				details: { file: 'libnvinfer_builder_resource_sm90.so.11.2.1' },
				remedy: expect.stringContaining(core),
			}),
		);
		expect(() => requireKernels(runtime, { capabilities: [90] })).not.toThrow();
	});
});
