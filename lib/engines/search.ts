// Searches this machine for NVIDIA's libraries.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { cacheFolder } from '../files/cache-folder.ts';
import { allLibraryNames, type LibraryNames, libraryNames, type Product, productTable } from './products.ts';

/** Environment variable that names a folder, or the core library in it, to search before all other places. */
export const tensorRtVariable = 'ARC2FACE_TENSORRT';

/** How a folder of pip's was found. */
export const pythonOrigin = 'Python packages';

/** Why the files in a place are unusable. */
export type Fault =
	| Readonly<{ kind: 'gone' }>
	/** Nothing of any product is there. */
	| Readonly<{ kind: 'empty'; needed: readonly string[] }>
	/** Only versions are there that no product has; any of `needed` would do. */
	| Readonly<{ kind: 'other version'; found: readonly string[]; needed: readonly string[] }>
	| Readonly<{ kind: 'no parser'; core: string; needed: string }>;

/** A folder that was searched. */
export type Finding = Readonly<{
	/** Whose libraries; undefined for a fault that concerns all products. */
	product: Product | undefined;
	/** What led there, for people. */
	origin: string;
	folder: string;
	/** What is there: absolute paths. */
	libraries?: Readonly<{ core: string; parser: string }>;
	fault?: Fault;
}>;

/** The environment of a search; in tests another than this process's. */
export interface Surroundings {
	env?: NodeJS.ProcessEnv;
	/** The root of the file system. */
	root?: string;
	home?: string;
	cacheDir?: string | undefined;
}

/**
 * Looks for NVIDIA's libraries by name only: nothing is opened or run.
 *
 * @returns every folder searched, in order of preference
 */
export function searchTensorRt(product: Product, surroundings: Surroundings = {}): Finding[] {
	const names = libraryNames(product);
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

/** The place that the environment variable names: the core library, or a folder with the libraries in or below it. */
function lookAtNamed(product: Product, names: LibraryNames, path: string): Finding[] {
	const origin = tensorRtVariable;
	const useless = (fault: Fault) => [{ product: undefined, origin, folder: path, fault }];
	if (!existsSync(path)) return useless({ kind: 'gone' });
	const all = allLibraryNames();
	if (statSync(path).isDirectory()) {
		const found = lookBelow(path, names);
		if (found !== undefined) return [{ product, origin, ...found }];
		if (all.some((one) => lookBelow(path, one) !== undefined)) return [{ product, origin, folder: path }];
		return useless({ kind: 'empty', needed: all.map(({ core }) => core) });
	}
	if (!ownersOf(basename(path), all).includes(names)) return [];
	return [{ product, origin, folder: dirname(path), ...withParser(path, names) }];
}

/** Whose library a file may be: of a version that it names, else of any with such a name, else anyone's. */
function ownersOf(file: string, all: readonly LibraryNames[]): readonly LibraryNames[] {
	const exact = all.filter(({ core }) => file === core || file.startsWith(`${core}.`));
	const alike = all.filter(({ stem }) => file.startsWith(stem));
	return [exact, alike, all].find((some) => some.length > 0) ?? [];
}

type Found = Pick<Finding, 'libraries' | 'fault'>;

/** The libraries in a folder or below, or why those there are unusable; undefined when nothing of the product is there. */
function lookBelow(path: string, names: LibraryNames): (Found & { folder: string }) | undefined {
	const found = ['', 'lib', 'bin'].map((name) => {
		const folder = join(path, name);
		return { folder, ...lookInto(folder, names) };
	});
	return found.find(({ libraries }) => libraries !== undefined) ?? found.find(({ fault }) => fault !== undefined);
}

function lookInto(folder: string, names: LibraryNames): Found {
	const core = join(folder, names.core);
	if (existsSync(core)) return withParser(core, names);
	const others = entriesOf(folder).filter((name) => names.anyVersion.test(name));
	const needed = allLibraryNames().flatMap((one) => (one.stem === names.stem ? [one.core] : []));
	if (others.length === 0 || others.some((name) => needed.includes(name))) return {};
	return { fault: { kind: 'other version', found: others, needed } };
}

function withParser(core: string, names: LibraryNames): Found {
	const parser = join(dirname(core), names.parser);
	if (existsSync(parser)) return { libraries: { core, parser } };
	return { fault: { kind: 'no parser', core: basename(core), needed: names.parser } };
}

function placesOf(
	product: Product,
	{ env = process.env, root = '/', home = homedir(), cacheDir }: Surroundings,
): { origin: string; folder: string }[] {
	const at = (origin: string, folders: readonly string[]) => folders.map((folder) => ({ origin, folder }));
	const pythonFolders = sitePackages(env, home, root).map((folder) => join(folder, productTable[product].pipFolder));
	const places = [...at('cache folder', [cacheFolder('tensorrt', cacheDir)]), ...at(pythonOrigin, pythonFolders)];
	if (process.platform === 'win32') return [...places, ...at('PATH', pathEntries(env.PATH))];
	return [
		...places,
		...at('LD_LIBRARY_PATH', pathEntries(env.LD_LIBRARY_PATH)),
		...at('system folder', systemFolders(root)),
		...at('unpacked archive', matching(join(root, 'usr/local'), /^tensorrt/i, 'lib')),
	];
}

function systemFolders(root: string): string[] {
	const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
	return [`usr/lib/${triplet}`, 'usr/lib64', 'usr/lib', 'usr/local/lib'].map((folder) => join(root, folder));
}

/** Where Linux looks for a library that another one names. */
export function loaderFolders({ env = process.env, root = '/' }: Surroundings): string[] {
	return [...pathEntries(env.LD_LIBRARY_PATH), ...systemFolders(root)];
}

/** Where pip puts packages: of the Python that a shell would start, of virtual environments, and of the user. */
function sitePackages(env: NodeJS.ProcessEnv, home: string, root: string): string[] {
	const isWindows = process.platform === 'win32';
	const python = pathEntries(env.PATH)
		.map((folder) => join(folder, isWindows ? 'python.exe' : 'python3'))
		.find((file) => existsSync(file));
	// In a virtual environment it links to the program that the environment was made from.
	const programs = python === undefined ? [] : [python, realpathSync(python)];
	const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX, ...programs.map((file) => prefixOf(file, isWindows))];
	const given = prefixes.filter((prefix) => prefix !== undefined && prefix !== '') as string[];
	if (isWindows) {
		const user = matching(join(env.APPDATA ?? home, 'Python'), /^Python3/, 'site-packages');
		return [...given.map((prefix) => join(prefix, 'Lib', 'site-packages')), ...user];
	}
	// Debian's own packages are in dist-packages, and those that pip installs for all users in /usr/local.
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

/** Existing folders `<folder>/<each that matches>/<below>`. */
function matching(folder: string, pattern: RegExp, below: string): string[] {
	return entriesOf(folder)
		.filter((name) => pattern.test(name))
		.map((name) => join(folder, name, below))
		.filter((path) => existsSync(path));
}

/** The contents of a folder, in the same order on every machine; empty when it is missing or unreadable. */
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
