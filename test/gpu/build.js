/**
 * The build that tests and benchmarks of the GPU share: compiled TypeScript, addon, provider libraries, stand-ins and C++
 * programs, from a checkout; in what `npm run pack:gpu` packed, everything is built.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const rtxLibraries = join(root, '.toolchain/tensorrt-rtx/tensorrt_rtx_libs');

/** In an archive of pack:gpu alone. */
export const packedMark = join(root, 'packed.json');

/** Exit code of a command that found no GPU. */
export const noGpuCode = 3;

/**
 * Reports the stages, and sets the exit code: 1 if one failed, else that of a machine without a GPU, which is no failure of a dry run.
 * @param {import('./stages.js').Stages} stages
 * @param {{ gpus: readonly unknown[], obstacle?: string | undefined, dryRun: boolean }} machine
 */
export function endOf(stages, { gpus, obstacle, dryRun }) {
	stages.report();
	if (stages.hasFailed) process.exitCode = 1;
	else if (gpus.length === 0) {
		console.log(`\nNo GPU: ${obstacle} Everything up to the first call of CUDA has run.`);
		if (!dryRun) process.exitCode = noGpuCode;
	}
}

/**
 * @param {import('./stages.js').Stages} stages
 * @param {string[]} targets - CMake's
 * @param {string} [folder] - of a build to add to, named build (default: one of its own)
 * @returns {{ folder: string, env: NodeJS.ProcessEnv }} where the programs are, and the environment in which tests use this build
 */
export function build(stages, targets, folder = join(root, 'build/gpu/build')) {
	if (existsSync(packedMark)) return { folder: join(root, 'build'), env: environment(join(root, 'build')) };
	folder = resolve(folder);
	if (basename(folder) !== 'build') {
		throw new Error(
			`expected a folder named build for --build, as the addon is looked for in one, but received ${folder}`,
		);
	}
	compileTypeScript(stages);
	const headers = nodeApiHeaders();
	// What the machine lacks is left out, without waiting for a network that may be missing.
	const env = { PIP_RETRIES: '0', PIP_DEFAULT_TIMEOUT: '10', ...process.env };
	stages.command(process.execPath, ['native/toolchain/install.js'], { cwd: root, env });
	const settings = {
		CMAKE_BUILD_TYPE: 'Release',
		CMAKE_LIBRARY_OUTPUT_DIRECTORY: join(folder, 'Release'),
		CMAKE_JS_INC: headers.join(';'),
		ARC2FACE_GPU_TESTS: 'ON',
		// Machine code for this GPU alone takes a fraction of the time.
		...(existsSync(join(folder, 'CMakeCache.txt')) ? {} : architectures()),
	};
	const definitions = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
	stages.command('cmake', ['-S', root, '-B', folder, ...definitions]);
	if (!/^CMAKE_CUDA_COMPILER:\w+=\S*nvcc/m.test(readFileSync(join(folder, 'CMakeCache.txt'), 'utf8'))) {
		throw new Error('there is no CUDA compiler that works: put nvcc on the PATH, or run `npm run toolchain`');
	}
	const parallel = ['--parallel', String(availableParallelism())];
	stages.command('cmake', ['--build', folder, '--config', 'Release', '--target', ...targets, ...parallel]);
	return { folder, env: environment(folder) };
}

/** @param {string} folder - of the build @returns {NodeJS.ProcessEnv} */
function environment(folder) {
	const inside = join(folder, 'Release/inside');
	return {
		...(existsSync(rtxLibraries) ? { ARC2FACE_TENSORRT: rtxLibraries } : {}),
		...process.env,
		// Where node-gyp-build looks for build/Release.
		ARC2FACE_NATIVE_PREBUILD: dirname(folder),
		ARC2FACE_INSIDE: join(inside, 'arc2face_inside.node'),
		ARC2FACE_STAND_IN: join(inside, 'arc2face_stand_in.so'),
	};
}

/**
 * The GPUs, as the addon of a build finds them: the first call of CUDA.
 * @param {import('./stages.js').Stages} stages @param {NodeJS.ProcessEnv} env
 * @returns {{ gpus: { name: string, capability: number, memory: number }[], obstacle?: string, driver?: string, runtime?: string }}
 */
export function findGpus(stages, env) {
	const script = `console.log(JSON.stringify(require('node-gyp-build')(${JSON.stringify(root)}).findGpus()))`;
	return JSON.parse(stages.command(process.execPath, ['-e', script], { cwd: root, env, capture: true }).stdout);
}

/** @param {import('./stages.js').Stages} stages */
function compileTypeScript(stages) {
	const compiler = join(root, 'node_modules/typescript/bin/tsc');
	if (!existsSync(compiler)) throw new Error('there is no TypeScript to compile dist with: run `npm ci`');
	stages.command(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root });
}

function nodeApiHeaders() {
	const require = createRequire(import.meta.url);
	try {
		return [require('node-api-headers').include_dir, dirname(require.resolve('node-addon-api/package.json'))];
	} catch {
		throw new Error('there are no node_modules: run `npm ci`');
	}
}

function architectures() {
	const { stdout } = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], {
		encoding: 'utf8',
	});
	const found = [...new Set((stdout ?? '').match(/^\d+\.\d$/gm))].map((capability) => capability.replace('.', ''));
	return found.length === 0 ? {} : { CMAKE_CUDA_ARCHITECTURES: found.join(';') };
}
