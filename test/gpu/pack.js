/**
 * Packs everything that a machine with a GPU needs to run test:gpu and bench:gpu, built, into one archive:
 *
 *   npm run pack:gpu [-- --build <folder>]      here, after `npm ci` and `npm run toolchain`
 *   tar -xf gpu-checks.tar.xz                   there, in an empty folder; then ./run-gpu-checks (archive.js)
 *
 * That machine is a Linux on x86-64 with glibc 2.36, libstdc++ and xz, and has NVIDIA's driver; it needs no compiler, no Node.js, no npm and
 * no network. build/gpu-checks.tar.xz holds this Node.js, what was built, dist, the tests of whole models with the sources that they
 * import, the tiny bundle, and the packages that library and vitest need at run time.
 */
import { spawnSync } from 'node:child_process';
import {
	chmodSync,
	cpSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build, packedMark, root } from './build.js';
import { Stages } from './stages.js';

const { values } = parseArgs({ options: { build: { type: 'string' } } });
/** A budget, so that growth is noticed. */
const mostMiB = 63;
const staged = join(root, 'build/gpu-checks');
const archive = join(root, 'build/gpu-checks.tar.xz');
const onnxRuntime = 'node_modules/onnxruntime-node';

/** What the build leaves in its folder for tests, benchmarks and the package. */
const builtFiles = [
	'Release',
	'arc2face_gpu_tests',
	'benchmarks/gpu/engines/arc2face_engine_bench',
	'benchmarks/gpu/engines/arc2face_engine_bench_on_host',
];
/** Of the checkout. */
const files = [
	...[
		'package.json',
		'tsconfig.json',
		'vitest.config.ts',
		'dist',
		'lib',
		'models',
		'benchmarks/random-bundle',
		'benchmarks/gpu',
	],
	...['test/gpu', 'test/e2e/behaviour.test.ts', 'test/e2e/portrait.test.ts'],
	...readdirSync(join(root, 'test'))
		.filter((name) => name.endsWith('.ts'))
		.map((name) => `test/${name}`),
	...[`${onnxRuntime}/package.json`, `${onnxRuntime}/bin/napi-v6/linux/x64/libonnxruntime.so.1`],
];
/** Packages that only a build or a server needs, or that nothing of this asks vite for. */
const unneeded = new Set([
	'node-addon-api',
	'node-api-headers',
	'onnxruntime-node',
	'lightningcss',
	'@contentauth/c2pa-wasm',
	'fastify',
	'@fastify/multipart',
	'@fastify/swagger',
	'light-my-request',
	'prom-client',
	'rate-limiter-flexible',
]);
/** What nobody loads. */
const unloaded =
	/\.(map|md|mts|cts|h|cc|cu|flow|hpp)$|\.d\.ts$|(^|\/)CMakeFiles(\/|$)|^(dist\/)?lib\/(server|jobs)(\/|$)/;
/** Of the tiny bundle, what paints portraits of a known identity. */
const painting = /^models\/tiny\/(tokens\.json|latent_rgb\.json|scheduler|encoder|arc2face|vae)($|\/)/;

const stages = new Stages(60 * 60_000);
const targets = ['all', 'arc2face_test_parts', 'arc2face_engine_bench_on_host'];
const built = stages.run('Build', () => build(stages, targets, values.build));
if (built) stages.run('Archive', () => pack(built.folder));
stages.report();
if (stages.hasFailed) process.exitCode = 1;

/** @param {string} folder - of the build */
function pack(folder) {
	rmSync(staged, { recursive: true, force: true });
	for (const file of files.concat(packages())) copy(join(root, file), file);
	for (const file of builtFiles) copy(join(folder, file), join('build', file));
	copy(process.execPath, 'bin/node');
	strip(staged);
	writeFileSync(join(staged, relative(root, packedMark)), `${JSON.stringify({ date: new Date().toISOString() })}\n`);
	const script = `#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd) && exec "$here/bin/node" "$here/test/gpu/archive.js" "$@"\n`;
	writeFileSync(join(staged, 'run-gpu-checks'), script);
	chmodSync(join(staged, 'run-gpu-checks'), 0o755);

	// Branch targets that do not depend on where they are repeat more often. Two blocks, for two cores.
	const compressor = 'xz --threads=0 --block-size=112MiB --x86 --lzma2=preset=9';
	const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner'];
	rmSync(archive, { force: true });
	stages.command('tar', ['-C', staged, ...order, '-I', compressor, '-cf', archive, ...readdirSync(staged)]);
	const size = statSync(archive).size / 2 ** 20;
	console.log(`${relative(root, archive)}: ${size.toFixed(1)} MiB of at most ${mostMiB}`);
	if (size > mostMiB) throw new Error(`it has ${size.toFixed(1)} MiB, but its budget is ${mostMiB}`);
}

/** @param {string} from @param {string} to - in the archive */
function copy(from, to) {
	if (!existsSync(from)) throw new Error(`there is no ${from}`);
	mkdirSync(dirname(join(staged, to)), { recursive: true });
	cpSync(from, join(staged, to), {
		recursive: true,
		dereference: true,
		filter: (path) => isLoaded(join(to, relative(from, path))),
	});
}

/** @param {string} path - in the archive */
function isLoaded(path) {
	return !unloaded.test(path) && (!path.startsWith('models/tiny/') || painting.test(path));
}

/** Takes symbols, which nobody debugs there, out of programs and libraries. @param {string} folder */
function strip(folder) {
	for (const name of readdirSync(folder, { encoding: 'utf8', recursive: true })) {
		const file = join(folder, name);
		if (!['', '.so', '.node', '.1'].includes(extname(name)) || !lstatSync(file).isFile()) continue;
		if (readFileSync(file).subarray(0, 4).toString('latin1') !== '\x7fELF') continue;
		const { status } = spawnSync('strip', ['--strip-unneeded', file], { stdio: 'inherit' });
		if (status !== 0) throw new Error(`strip failed for ${file}`);
	}
}

/** The folders of the packages that library and vitest need, and of all their dependencies. */
function packages() {
	/** @type {Set<string>} */
	const found = new Set();
	/** @param {string} name @param {string} from - folder whose package depends on it */
	const add = (name, from) => {
		const folder = locate(name, from);
		// Optional packages include those of other platforms.
		if (folder === undefined || found.has(folder) || unneeded.has(name)) return;
		found.add(folder);
		const { dependencies, optionalDependencies } = manifest(folder);
		for (const one of Object.keys({ ...dependencies, ...optionalDependencies })) add(one, folder);
	};
	for (const name of [...Object.keys(manifest(root).dependencies), 'vitest']) add(name, root);
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
