/**
 * Packs what a machine without a network needs besides a checkout to run test:gpu and bench:gpu:
 *
 *   npm run pack:gpu [-- --node] [--tensorrt-rtx]      here, after `npm ci` and `npm run toolchain`
 *   tar -xf gpu-machine.tar.xz                         there, in the checkout
 *
 * That machine has nvcc, CMake, a C++ compiler and Python. Linux on x86-64. build/gpu-machine.tar.xz holds:
 *
 *   node_modules            the packages that the library and vitest need, of ONNX Runtime only the library
 *   dist                    the compiled library and benchmarks
 *   .toolchain/headers      TensorRT's headers, for the provider libraries
 *   .toolchain/googletest   GoogleTest's source, for the C++ tests
 *   .toolchain/node         this Node.js, with --node
 *
 * and, with --tensorrt-rtx, into a second archive of about 60 MB, build/gpu-machine-tensorrt-rtx.tar.xz, NVIDIA's libraries.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { hashSources, root, stamp } from './build.js';

const { values } = parseArgs({
	options: { node: { type: 'boolean', default: false }, 'tensorrt-rtx': { type: 'boolean', default: false } },
});
const onnxRuntime = 'node_modules/onnxruntime-node';
const googletest = '/usr/src/googletest';

run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
writeFileSync(stamp, hashSources());
mkdirSync(join(root, '.toolchain'), { recursive: true });
if (existsSync(googletest)) cpSync(googletest, join(root, '.toolchain/googletest'), { recursive: true });
if (values.node) cpSync(process.execPath, join(root, '.toolchain/node'));
pack('build/gpu-machine.tar.xz', [
	...packagesOf(Object.keys(manifest(root).dependencies).concat('vitest')),
	`${onnxRuntime}/package.json`,
	`${onnxRuntime}/bin/napi-v6/linux/x64/libonnxruntime.so.1`,
	'dist',
	'.toolchain/headers',
	'.toolchain/googletest',
	...(values.node ? ['.toolchain/node'] : []),
]);
if (values['tensorrt-rtx']) pack('build/gpu-machine-tensorrt-rtx.tar.xz', ['.toolchain/tensorrt-rtx']);

/** @param {string} archive @param {string[]} paths */
function pack(archive, paths) {
	const missing = paths.filter((path) => !existsSync(join(root, path)));
	for (const path of missing) console.log(`Left out of ${archive}, because it is not there: ${path}`);
	rmSync(join(root, archive), { force: true });
	mkdirSync(dirname(join(root, archive)), { recursive: true });
	run('tar', ['-cJf', archive, ...paths.filter((path) => !missing.includes(path))]);
	console.log(`${archive}: ${(statSync(join(root, archive)).size / 2 ** 20).toFixed(1)} MiB`);
}

/** The folders of packages and all their dependencies. @param {string[]} names */
function packagesOf(names) {
	/** @type {Set<string>} */
	const found = new Set();
	/** @param {string} name @param {string} from - folder whose package depends on it */
	const add = (name, from) => {
		const folder = locate(name, from);
		// Optional packages include those of other platforms; for ONNX Runtime the list has what is needed.
		if (folder === undefined || found.has(folder) || folder === join(root, onnxRuntime)) return;
		found.add(folder);
		const { dependencies, optionalDependencies } = manifest(folder);
		for (const one of Object.keys({ ...dependencies, ...optionalDependencies })) add(one, folder);
	};
	for (const name of names) add(name, root);
	return [...found].map((folder) => relative(root, folder));
}

/** Where Node.js would find a package. @param {string} name @param {string} from @returns {string | undefined} */
function locate(name, from) {
	const folder = join(from, 'node_modules', name);
	if (existsSync(join(folder, 'package.json'))) return folder;
	return relative(root, from) === '' ? undefined : locate(name, dirname(from));
}

/** @param {string} folder */
function manifest(folder) {
	return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
	const { status, error } = spawnSync(command, args, {
		cwd: root,
		stdio: 'inherit',
		env: { XZ_OPT: '-9', ...process.env },
	});
	if (status === 0) return;
	console.error(`${command} failed${error ? `: ${error.message}` : ''}.`);
	process.exit(1);
}
