// The search for NVIDIA's libraries, on machines that tests describe.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { describeFault } from '../../lib/device/obstacles.ts';
import { type Product, products } from '../../lib/engines/products.ts';
import { type Finding, searchTensorRt } from '../../lib/engines/search.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
let root: string;
let runs = 0;
beforeEach(() => {
	root = folder.path(`root-${runs++}`);
});

const files = {
	'TensorRT 11': ['libnvinfer.so.11', 'libnvonnxparser.so.11'],
	'TensorRT 10': ['libnvinfer.so.10', 'libnvonnxparser.so.10'],
	'TensorRT-RTX': ['libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1'],
} as const satisfies Record<Product, readonly [string, string]>;

function put(...paths: string[]): string {
	const file = join(root, ...paths);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, '');
	return file;
}
function putLibraries(product: Product, where: string): { core: string; parser: string } {
	const [core, parser] = files[product].map((name) => put(where, name));
	return { core: core!, parser: parser! };
}

/** Looks only where the test has put files. */
function search(product: Product, env: NodeJS.ProcessEnv = {}): Finding[] {
	return searchTensorRt(product, { env, root, home: join(root, 'home'), cacheDir: join(root, 'cache') });
}
const found = (findings: Finding[]) => findings.flatMap(({ libraries }) => libraries ?? []);
const problems = (findings: Finding[]) =>
	findings.flatMap(({ fault }) => (fault === undefined ? [] : describeFault(fault)));

describe.skipIf(process.platform !== 'linux')('the search for NVIDIA’s libraries', () => {
	test.each(products)('finds none of %s on an empty machine, and says where it looked', (product) => {
		const findings = search(product, { LD_LIBRARY_PATH: '/a::/b' });
		expect([...found(findings), ...problems(findings)]).toEqual([]);
		const folders = findings.map(({ folder }) => folder);
		for (const place of ['/a', '/b', join(root, 'cache/tensorrt'), join(root, 'usr/lib64')]) {
			expect(folders).toContain(place);
		}
		expect(new Set(folders).size).toBe(folders.length);
	});

	const wheel = {
		'TensorRT 11': 'tensorrt_libs',
		'TensorRT 10': 'tensorrt_libs',
		'TensorRT-RTX': 'tensorrt_rtx_libs',
	} as const;
	const places: [string, (product: Product) => string, () => NodeJS.ProcessEnv][] = [
		['the cache folder', () => 'cache/tensorrt', () => ({})],
		['LD_LIBRARY_PATH', () => 'own/lib', () => ({ LD_LIBRARY_PATH: `/nowhere:${join(root, 'own/lib')}` })],
		['a system folder', () => `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`, () => ({})],
		['an unpacked archive', () => 'usr/local/TensorRT-11.1.0.106/lib', () => ({})],
		[
			'a virtual environment',
			(product) => `venv/lib/python3.12/site-packages/${wheel[product]}`,
			() => ({ VIRTUAL_ENV: join(root, 'venv') }),
		],
		[
			'Conda',
			(product) => `conda/lib/python3.10/site-packages/${wheel[product]}`,
			() => ({ CONDA_PREFIX: join(root, 'conda') }),
		],
		["the user's packages", (product) => `home/.local/lib/python3.11/site-packages/${wheel[product]}`, () => ({})],
		[
			"Debian's packages for all users",
			(product) => `usr/local/lib/python3.11/dist-packages/${wheel[product]}`,
			() => ({}),
		],
	];
	describe.each(products)('%s', (product) => {
		test.each(places)('is found in %s', (_, where, env) => {
			const libraries = putLibraries(product, where(product));
			expect(found(search(product, env()))).toEqual([libraries]);
		});
	});

	test('follows the Python of the PATH to its packages, also from a link to it', () => {
		putLibraries('TensorRT-RTX', 'opt/python/lib/python3.12/site-packages/tensorrt_rtx_libs');
		putLibraries('TensorRT-RTX', 'env/lib/python3.12/site-packages/tensorrt_rtx_libs');
		const program = put('opt/python/bin/python3.12');
		mkdirSync(join(root, 'env/bin'), { recursive: true });
		symlinkSync(program, join(root, 'env/bin/python3'));
		const cores = found(search('TensorRT-RTX', { PATH: `/nowhere:${join(root, 'env/bin')}` })).map(({ core }) => core);
		expect(cores.map((core) => core.slice(root.length).split('/')[1])).toEqual(['env', 'opt']);
	});

	test('prefers what ARC2FACE_TENSORRT names: the folder, the one above, or the library', () => {
		putLibraries('TensorRT 11', 'cache/tensorrt');
		const libraries = putLibraries('TensorRT 11', 'sdk/lib');
		for (const path of ['sdk', 'sdk/lib', 'sdk/lib/libnvinfer.so.11']) {
			const findings = search('TensorRT 11', { ARC2FACE_TENSORRT: join(root, path) });
			expect(found(findings)[0]).toEqual(libraries);
			expect(findings[0]).toMatchObject({ origin: 'ARC2FACE_TENSORRT', folder: join(root, 'sdk/lib') });
		}
	});

	test('takes a library that ARC2FACE_TENSORRT names for what its name says, else for any product', () => {
		put('sdk/libnvonnxparser.so.11');
		put('sdk/libnvonnxparser.so.10');
		put('sdk/libtensorrt_onnxparser_rtx.so.1');
		const ownNames = (name: string) => {
			const env = { ARC2FACE_TENSORRT: put('sdk', name) };
			return products.filter((product) => found(search(product, env)).length > 0);
		};
		expect(ownNames('libnvinfer.so.11.1.0')).toEqual(['TensorRT 11']);
		expect(ownNames('libnvinfer.so.10')).toEqual(['TensorRT 10']);
		expect(ownNames('libnvinfer.so.10.15.1')).toEqual(['TensorRT 10']);
		expect(ownNames('libnvinfer.so')).toEqual(['TensorRT 11', 'TensorRT 10']);
		expect(ownNames('libtensorrt_rtx.so.1.6.1')).toEqual(['TensorRT-RTX']);
		expect(ownNames('libother.so')).toEqual(products);
	});

	test('says when what ARC2FACE_TENSORRT names is not there', () => {
		const findings = search('TensorRT 11', { ARC2FACE_TENSORRT: join(root, 'gone') });
		expect(findings[0]).toMatchObject({ folder: join(root, 'gone'), product: undefined });
		expect(problems(findings)[0]).toContain('does not exist');
	});

	test('says when there is nothing of use in the folder that ARC2FACE_TENSORRT names, or below', () => {
		put('sdk/lib/libcudart.so.13');
		const env = { ARC2FACE_TENSORRT: join(root, 'sdk') };
		for (const product of products) {
			const findings = search(product, env);
			expect(findings[0]).toMatchObject({ folder: join(root, 'sdk'), product: undefined });
			expect(problems(findings)).toEqual([
				'has no libnvinfer.so.11 and no libnvinfer.so.10 and no libtensorrt_rtx.so.1 in it, in its lib or in its bin',
			]);
		}
		put('sdk/lib/libnvinfer.so.8');
		expect(search('TensorRT 11', env)[0]).toMatchObject({
			folder: join(root, 'sdk/lib'),
			fault: { kind: 'other version', found: ['libnvinfer.so.8'], needed: ['libnvinfer.so.11', 'libnvinfer.so.10'] },
		});
		// The findings about one product are enough.
		expect(problems(search('TensorRT-RTX', env))).toEqual([]);
		putLibraries('TensorRT-RTX', 'sdk/lib');
		expect(found(search('TensorRT-RTX', env))).toHaveLength(1);
	});

	test('says when there is another version, or no parser', () => {
		put('usr/lib64/libnvinfer.so.8');
		put('usr/lib64/libnvinfer.so.8.6.1');
		put('cache/tensorrt/libnvinfer.so.11');
		const findings = search('TensorRT 11');
		expect(found(findings)).toEqual([]);
		expect(problems(findings)).toEqual([
			'has libnvinfer.so.11, but no libnvonnxparser.so.11 beside it, which building engines needs',
			'has libnvinfer.so.8, but libnvinfer.so.11 or libnvinfer.so.10 is needed',
		]);
	});

	test('says nothing about other versions beside one that works', () => {
		putLibraries('TensorRT 10', 'cache/tensorrt');
		put('cache/tensorrt/libnvinfer.so.8');
		expect(products.flatMap((product) => problems(search(product)))).toEqual([]);
	});

	test('finds every version that is there', () => {
		const eleven = putLibraries('TensorRT 11', 'cache/tensorrt');
		const ten = putLibraries('TensorRT 10', 'cache/tensorrt');
		expect(products.flatMap((product) => found(search(product)))).toEqual([eleven, ten]);
	});
});

test('there is nothing to look for on systems without such libraries', () => {
	const { platform } = process;
	Object.defineProperty(process, 'platform', { value: 'darwin' });
	try {
		expect(products.flatMap((product) => search(product))).toEqual([]);
	} finally {
		Object.defineProperty(process, 'platform', { value: platform });
	}
});
