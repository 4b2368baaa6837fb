/**
 * Finds, or brings into .toolchain/, what the GPU parts are built with, and writes .toolchain/paths.cmake, which
 * CMakeLists.txt reads. Usage: npm run toolchain [-- --all]
 *
 *   nvcc              on the PATH or in CUDA_PATH, else the CUDA 13 compiler's pip packages
 *   TensorRT headers  TENSORRT_INCLUDE_DIR (11), TENSORRT10_INCLUDE_DIR, TENSORRT_RTX_INCLUDE_DIR, else those in the source
 *                     of a Rust crate
 *   TensorRT-RTX      TENSORRT_RTX_LIBRARY_DIR, else its pip package: to build engines with, also without a GPU
 *
 * What can't be had is left out, and said; the package builds without, unless --all says that this is a failure. Linux on
 * x86-64; elsewhere it takes what the variables name. NVIDIA's files stay out of the repository and of the npm package.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.toolchain');

/** The versions that this package is written for and tested with. */
const cudaPackages = [
	'nvidia-cuda-nvcc==13.0.88',
	'nvidia-cuda-crt==13.0.88',
	'nvidia-nvvm==13.0.88',
	'nvidia-cuda-runtime==13.0.96',
	'nvidia-cuda-cccl==13.0.85',
];
const rtxPackage = 'tensorrt-rtx-cu13-libs==1.6.1.120';
const headersCrate = 'trtx-sys';
/** @type {[string, string, string, string][]} CMake variable, product, version of the crate, folder in it */
const headers = [
	['TENSORRT_INCLUDE_DIR', 'TensorRT 11', '0.8.0', 'TRT-Enterprise-11.1'],
	['TENSORRT10_INCLUDE_DIR', 'TensorRT 10', '0.5.0', 'TRT-Enterprise-10.16'],
	['TENSORRT_RTX_INCLUDE_DIR', 'TensorRT-RTX', '0.8.0', 'TRT-RTX-1.6'],
];

class LeftOut extends Error {}

/**
 * Runs a command to its end.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnSyncOptions} [options]
 * @returns its stdout
 */
function run(command, args, options = {}) {
	const { status, error, stdout, stderr } = spawnSync(command, args, {
		encoding: 'utf8',
		maxBuffer: 2 ** 28,
		...options,
	});
	if (error) throw new LeftOut(`${command} can't be run (${error.message})`);
	if (status !== 0) throw new LeftOut(`\`${command} ${args.join(' ')}\` failed: ${lastLine(String(stderr))}`);
	return String(stdout);
}

/** @param {string} text */
function lastLine(text) {
	return text.trim().split('\n').at(-1) ?? '';
}

/** Unpacks pip packages into a folder, unless they are there. @param {string} name @param {string[]} packages */
function pip(name, packages) {
	const target = join(folder, name);
	const wanted = packages.join('\n');
	if (isInstalled(target, wanted)) return target;
	requireLinux();
	rmSync(target, { recursive: true, force: true });
	const python = process.env.PYTHON ?? 'python3';
	run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', target, ...packages]);
	writeFileSync(join(target, marker), wanted);
	return target;
}

/** Written last, so that a folder that has it is whole. */
const marker = 'installed.txt';

/** @param {string} target @param {string} wanted */
function isInstalled(target, wanted) {
	const file = join(target, marker);
	return existsSync(file) && readFileSync(file, 'utf8') === wanted;
}

function requireLinux() {
	if (process.platform === 'linux' && process.arch === 'x64') return;
	throw new LeftOut(`nothing is downloaded for ${process.platform}-${process.arch}`);
}

/** @param {string} variable @param {string} file - that has to be in the folder that the variable names */
function folderNamedBy(variable, file) {
	const value = process.env[variable];
	if (!value) return undefined;
	if (existsSync(join(value, file))) return value;
	throw new LeftOut(`${variable} names ${value}, where there is no ${file}`);
}

function findNvcc() {
	const name = process.platform === 'win32' ? 'nvcc.exe' : 'nvcc';
	const folders = (process.env.PATH ?? '').split(delimiter);
	if (process.env.CUDA_PATH) folders.unshift(join(process.env.CUDA_PATH, 'bin'));
	folders.push('/usr/local/cuda/bin');
	const found = folders.map((one) => join(one, name)).find((one) => existsSync(one));
	if (found !== undefined) return found;

	const root = join(pip('cuda', cudaPackages), 'nvidia', 'cu13');
	// Where nvcc tells the linker to look.
	if (!existsSync(join(root, 'lib64'))) symlinkSync('lib', join(root, 'lib64'));
	return join(root, 'bin', 'nvcc');
}

/** The headers of all products in one folder. */
function headersFolder() {
	const target = join(folder, 'headers');
	const wanted = headers.map(([, , version, part]) => `${headersCrate} ${version} ${part}`).join('\n');
	if (isInstalled(target, wanted)) return target;
	rmSync(target, { recursive: true, force: true });
	for (const [, , version, part] of headers) {
		const from = crateSource(version);
		cpSync(join(from, part), join(target, part), { recursive: true });
		// The two types of CUDA that the headers need, for machines without CUDA's own.
		cpSync(join(from, 'cuda_runtime_api.h'), join(target, 'cuda-types', 'cuda_runtime_api.h'));
	}
	writeFileSync(join(target, marker), wanted);
	return target;
}

/** Fetches the crate's source by Cargo's own means; nothing of it is compiled. @param {string} version @returns its headers */
function crateSource(version) {
	const scratch = join(folder, 'scratch-crate');
	mkdirSync(scratch, { recursive: true });
	writeFileSync(
		join(scratch, 'Cargo.toml'),
		`[package]\nname = "scratch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\n` +
			`${headersCrate} = { version = "=${version}", default-features = false }\n`,
	);
	writeFileSync(join(scratch, 'lib.rs'), '');
	run('cargo', ['fetch', '--quiet'], { cwd: scratch });
	const metadata = JSON.parse(run('cargo', ['metadata', '--offline', '--format-version', '1'], { cwd: scratch }));
	const crate = metadata.packages.find((/** @type {{ name: string }} */ one) => one.name === headersCrate);
	rmSync(scratch, { recursive: true });
	return join(crate.manifest_path, '..', 'TensorRT-Headers');
}

/** @param {string} nvcc */
function findCudaHeaders(nvcc) {
	const include = join(nvcc, '..', '..', 'include');
	if (existsSync(join(include, 'cuda_runtime_api.h'))) return include;
	return join(headersFolder(), 'cuda-types');
}

function findRtxLibraries() {
	const named = folderNamedBy('TENSORRT_RTX_LIBRARY_DIR', 'libtensorrt_rtx.so.1');
	return named ?? join(pip('tensorrt-rtx', [rtxPackage]), 'tensorrt_rtx_libs');
}

/** Has every build folder look again: CMake remembers what it did not find. */
function forgetBuilds() {
	const build = join(root, 'build');
	if (!existsSync(build)) return;
	const files = readdirSync(build, { encoding: 'utf8', recursive: true });
	for (const file of files.filter((one) => basename(one) === 'CMakeCache.txt')) rmSync(join(build, file));
}

/** @typedef {[string, string, (found: Record<string, string>) => string]} Part CMake variable, what it is, how to get it */

/** @param {string} variable @param {string} product @param {string} part @returns {Part} */
function headersPart(variable, product, part) {
	return [variable, `${product} headers`, () => folderNamedBy(variable, 'NvInfer.h') ?? join(headersFolder(), part)];
}

/** @type {Part[]} */
const parts = [
	['ARC2FACE_NVCC', 'CUDA compiler', findNvcc],
	...headers.map(([variable, product, , part]) => headersPart(variable, product, part)),
	['ARC2FACE_CUDA_INCLUDE_DIR', 'CUDA headers', (found) => findCudaHeaders(found.ARC2FACE_NVCC ?? '')],
	['TENSORRT_RTX_LIBRARY_DIR', 'TensorRT-RTX libraries', findRtxLibraries],
];

mkdirSync(folder, { recursive: true });
/** @type {Record<string, string>} */
const found = {};
let isWhole = true;
for (const [variable, what, find] of parts) {
	try {
		found[variable] = find(found);
		console.log(`${what}: ${found[variable]}`);
	} catch (error) {
		if (!(error instanceof LeftOut)) throw error;
		console.log(`${what}: left out, because ${error.message}.`);
		isWhole = false;
	}
}
// What was given on CMake's command line wins. Paths in the folder are relative to it, so that it can be moved.
const lines = Object.entries(found).map(([variable, path]) => {
	const portable = path.replace(folder, `\${CMAKE_CURRENT_LIST_DIR}`).replaceAll('\\', '/');
	return `if(NOT DEFINED ${variable})\n  set(${variable} "${portable}")\nendif()\n`;
});
const file = join(folder, 'paths.cmake');
const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
if (lines.join('') !== before) {
	forgetBuilds();
	writeFileSync(file, lines.join(''));
}
if (values.all && !isWhole) {
	console.error('Expected every part, as --all was given.');
	process.exitCode = 1;
}
