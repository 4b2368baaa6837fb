import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../files/cache-folder.ts';

/** NVIDIA's products that build and run engines, the preferred one first. */
export const products = ['TensorRT', 'TensorRT-RTX'] as const;
export type Product = (typeof products)[number];

/** Environment variable that names a folder, or the core library in it, to look at before all other places. */
export const tensorRtVariable = 'ARC2FACE_TENSORRT';

/** What led to a folder of pip's. */
export const pythonOrigin = 'Python packages';

/** A folder that was looked into for the libraries of a product. */
export type Finding = Readonly<{
	product: Product;
	/** What led there, for people. */
	origin: string;
	folder: string;
	/** What is there: absolute paths. */
	libraries?: Readonly<{ core: string; parser: string }>;
	/** Why what is there is of no use, as in "<folder> <problem>". */
	problem?: string;
}>;

/** Where a search looks; other surroundings than this process's in tests. */
export interface Surroundings {
	env?: NodeJS.ProcessEnv;
	/** Where the file system begins. */
	root?: string;
	home?: string;
	cacheDir?: string | undefined;
}

type Names = Readonly<{
	core: string;
	parser: string;
	/** What the name of the core library begins with, in every version. */
	stem: string;
	/** The name of the core library in any version. */
	anyVersion: RegExp;
}>;

/** The files of the versions that this package's provider libraries are compiled for. */
const fileNames: Partial<Record<NodeJS.Platform, Readonly<Record<Product, Names>>>> = {
	linux: {
		TensorRT: {
			core: 'libnvinfer.so.11',
			parser: 'libnvonnxparser.so.11',
			stem: 'libnvinfer.',
			anyVersion: /^libnvinfer\.so\.\d+$/,
		},
		'TensorRT-RTX': {
			core: 'libtensorrt_rtx.so.1',
			parser: 'libtensorrt_onnxparser_rtx.so.1',
			stem: 'libtensorrt_rtx.',
			anyVersion: /^libtensorrt_rtx\.so\.\d+$/,
		},
	},
	win32: {
		TensorRT: {
			core: 'nvinfer_11.dll',
			parser: 'nvonnxparser_11.dll',
			stem: 'nvinfer_',
			anyVersion: /^nvinfer_\d+\.dll$/,
		},
		'TensorRT-RTX': {
			core: 'tensorrt_rtx_1_6.dll',
			parser: 'tensorrt_onnxparser_rtx_1_6.dll',
			stem: 'tensorrt_rtx_',
			anyVersion: /^tensorrt_rtx_\d+_\d+\.dll$/,
		},
	},
};

/** The folder that the product's pip package has in `site-packages`. */
const pipFolders: Readonly<Record<Product, string>> = {
	TensorRT: 'tensorrt_libs',
	'TensorRT-RTX': 'tensorrt_rtx_libs',
};

/** The core library that is looked for; undefined on systems that the product has no libraries for. */
export function coreNameOf(product: Product): string | undefined {
	return fileNames[process.platform]?.[product].core;
}

/**
 * Looks for NVIDIA's libraries, by their names alone: nothing is opened or run.
 *
 * @returns every folder that was looked into, in the order of preference
 */
export function searchTensorRt(product: Product, surroundings: Surroundings = {}): Finding[] {
	const names = fileNames[process.platform]?.[product];
	if (names === undefined) return [];
	const named = (surroundings.env ?? process.env)[tensorRtVariable];
	const findings = named ? lookAtNamed(product, names, resolve(named)) : [];
	const seen = new Set<string>();
	for (const { origin, folder } of placesOf(product, surroundings)) {
		if (seen.has(folder)) continue;
		seen.add(folder);
		findings.push({ product, origin, folder, ...lookInto(folder, names) });
	}
	return findings;
}

/** What the environment variable names: the core library, or a folder with the libraries in it or below. */
function lookAtNamed(product: Product, names: Names, path: string): Finding[] {
	const origin = tensorRtVariable;
	if (!existsSync(path)) return [{ product, origin, folder: path, problem: 'there is no such file or folder' }];
	if (statSync(path).isDirectory()) {
		const found = lookBelow(path, names);
		if (found !== undefined) return [{ product, origin, ...found }];
		const all = Object.values(fileNames[process.platform]!);
		if (all.some((one) => lookBelow(path, one) !== undefined)) return [{ product, origin, folder: path }];
		const cores = all.map(({ core }) => `no ${core}`).join(' and ');
		return [{ product, origin, folder: path, problem: `has ${cores} in it, in its lib or in its bin` }];
	}
	// By its name it may be one of the other product.
	const owner = products.find((one) => basename(path).startsWith(fileNames[process.platform]![one].stem));
	if (owner !== undefined && owner !== product) return [];
	return [{ product, origin, folder: dirname(path), ...withParser(path, names) }];
}

type Found = Pick<Finding, 'libraries' | 'problem'>;

/** The libraries in a folder or below, else what is of no use there; undefined when there is nothing of the product. */
function lookBelow(path: string, names: Names): (Found & { folder: string }) | undefined {
	const found = ['', 'lib', 'bin'].map((name) => {
		const folder = join(path, name);
		return { folder, ...lookInto(folder, names) };
	});
	return found.find(({ libraries }) => libraries !== undefined) ?? found.find(({ problem }) => problem !== undefined);
}

function lookInto(folder: string, names: Names): Found {
	const core = join(folder, names.core);
	if (existsSync(core)) return withParser(core, names);
	const others = entriesOf(folder).filter((name) => names.anyVersion.test(name));
	return others.length === 0 ? {} : { problem: `has ${others.join(', ')}, but ${names.core} is needed` };
}

function withParser(core: string, names: Names): Found {
	const parser = join(dirname(core), names.parser);
	if (existsSync(parser)) return { libraries: { core, parser } };
	return { problem: `has ${basename(core)}, but no ${names.parser} beside it, which building engines needs` };
}

function placesOf(
	product: Product,
	{ env = process.env, root = '/', home = homedir(), cacheDir }: Surroundings,
): { origin: string; folder: string }[] {
	const at = (origin: string, folders: readonly string[]) => folders.map((folder) => ({ origin, folder }));
	const pythonFolders = sitePackages(env, home, root).map((folder) => join(folder, pipFolders[product]));
	const places = [...at('cache folder', [cacheFolder('tensorrt', cacheDir)]), ...at(pythonOrigin, pythonFolders)];
	if (process.platform === 'win32') return [...places, ...at('PATH', pathEntries(env.PATH))];
	const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
	const system = [`usr/lib/${triplet}`, 'usr/lib64', 'usr/lib', 'usr/local/lib'].map((folder) => join(root, folder));
	return [
		...places,
		...at('LD_LIBRARY_PATH', pathEntries(env.LD_LIBRARY_PATH)),
		...at('system folder', system),
		...at('unpacked archive', matching(join(root, 'usr/local'), /^tensorrt/i, 'lib')),
	];
}

/** Where pip puts packages of the Python that a shell would start, of virtual environments, and of the user. */
function sitePackages(env: NodeJS.ProcessEnv, home: string, root: string): string[] {
	const isWindows = process.platform === 'win32';
	const python = pathEntries(env.PATH)
		.map((folder) => join(folder, isWindows ? 'python.exe' : 'python3'))
		.find((file) => existsSync(file));
	// In a virtual environment it is a link to the program that the environment was made from.
	const programs = python === undefined ? [] : [python, realpathSync(python)];
	const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX, ...programs.map((file) => prefixOf(file, isWindows))];
	const given = prefixes.filter((prefix) => prefix !== undefined && prefix !== '') as string[];
	if (isWindows) {
		const user = matching(join(env.APPDATA ?? home, 'Python'), /^Python3/, 'site-packages');
		return [...given.map((prefix) => join(prefix, 'Lib', 'site-packages')), ...user];
	}
	// Debian's own packages lie in dist-packages, and what pip adds for all users in /usr/local.
	const libraries = [...given, env.PYTHONUSERBASE || join(home, '.local'), join(root, 'usr/local')].flatMap(
		(prefix) => [join(prefix, 'lib'), join(prefix, 'lib64')],
	);
	return libraries.flatMap((folder) => [
		...matching(folder, /^python3(\.\d+)?$/, 'site-packages'),
		...matching(folder, /^python3(\.\d+)?$/, 'dist-packages'),
	]);
}

function prefixOf(program: string, isWindows: boolean): string {
	return isWindows ? dirname(program) : dirname(dirname(program));
}

/** `<folder>/<each that matches>/<below>`, where there is such a folder. */
function matching(folder: string, pattern: RegExp, below: string): string[] {
	return entriesOf(folder)
		.filter((name) => pattern.test(name))
		.map((name) => join(folder, name, below))
		.filter((path) => existsSync(path));
}

/** What is in a folder, in one order on every machine; nothing when there is none, or it can't be read. */
function entriesOf(folder: string): string[] {
	try {
		return readdirSync(folder).sort();
	} catch {
		return [];
	}
}

function pathEntries(list: string | undefined): string[] {
	return (list ?? '')
		.split(delimiter)
		.filter((folder) => folder !== '')
		.map((folder) => resolve(folder));
}
