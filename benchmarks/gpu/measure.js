/**
 * The parts of bench:gpu, as stages: written once, for a checkout (run.js) and for the archive of `npm run pack:gpu`. Each runs a
 * program that prints a report (report.js), and keeps it in the run's results.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from '../../test/gpu/build.js';
import { CommandFailed, LeftOut } from '../../test/gpu/stages.js';
import { readReport } from './report.js';
import { isStandIn, requirements, rowsOf } from './table.js';

/** Time for all measurements with engines once these are built. */
const measuringMs = 120_000;
/** Time to find engines in the cache, for which weights are read. */
const findingMs = 45_000;
const pytorchMs = 150_000;

/**
 * @typedef {{ stages: import('../../test/gpu/stages.js').Stages, folder: string, env: NodeJS.ProcessEnv }} Built
 *   the folder of the build, and the environment in which it is used
 * @typedef {{ dryRun: boolean, onlyPrepares: boolean, bundle?: string | undefined, batchSizes: string }} Options
 *   `batchSizes`: of the UNet, in rows: each adds to the build time
 */

/** @param {boolean} dryRun @returns {import('./table.js').Run} with nothing measured yet */
export function newRun(dryRun) {
	const cpu = `${cpus()[0]?.model}, ${cpus().length} cores`;
	const date = new Date().toISOString().slice(0, 10);
	return { date, dryRun, machine: { cpu, node: process.version }, passed: [], leftOut: [], failed: [] };
}

/** CMake's target that times engines. @param {boolean} dryRun */
export function engineBench(dryRun) {
	return dryRun ? 'arc2face_engine_bench_on_host' : 'arc2face_engine_bench';
}

/** Measures into a run, in the order of what is worth most. */
export class Measurement {
	#run;
	#stages;
	#folder;
	#env;
	#options;
	/** Where the engine bench writes what the UNet answered. */
	#answers = join(root, 'build/gpu/answers');

	/** @param {import('./table.js').Run} run @param {Built} built @param {Options} options */
	constructor(run, { stages, folder, env }, options) {
		this.#run = run;
		this.#stages = stages;
		this.#folder = folder;
		this.#env = env;
		this.#options = options;
	}

	/** Engines, a step and all around it, portraits, then PyTorch beside them. */
	all() {
		rmSync(this.#answers, { recursive: true, force: true });
		mkdirSync(this.#answers, { recursive: true });
		const bundle = this.#options.bundle ?? this.#stages.run('Random weights', () => this.#randomBundle());
		const own = bundle && this.#prepareEngines(bundle);
		if (!bundle || this.#options.onlyPrepares) return;
		if (own) {
			this.#measure('steps', 'Steps, VAE decoder and memory', () => this.#timeEngines(own));
			this.#measure('portraits', 'Portraits', () => this.#paint(bundle, own));
		}
		this.#measure('pytorch', 'PyTorch', () => this.#timePyTorch(bundle));
		if (!own) return;
		this.#measure('comparison', "The UNet's answers, and PyTorch's", () => this.#compareAnswers(bundle, own.engines));
		this.#stages.run('What is asked of a step', () => expectAll(this.#run));
	}

	/**
	 * Runs a program as a stage and keeps its report, even if it fails midway.
	 * @param {'pytorch' | 'engines' | 'portraits' | 'steps' | 'comparison'} key - in the results
	 * @param {string} name @param {() => { stdout: string }} program
	 * @returns {import('./report.js').Report | undefined} undefined when it failed or was left out
	 */
	#measure(key, name, program) {
		const run = this.#run;
		return this.#stages.run(name, () => {
			try {
				run[key] = readReport(program().stdout);
			} catch (error) {
				if (error instanceof CommandFailed) run[key] = readReport(error.stdout);
				throw error;
			} finally {
				console.log(rowsOf(run[key]).join('\n'));
			}
			return run[key];
		});
	}

	#randomBundle() {
		const size = this.#options.dryRun ? 'tiny' : 'full';
		const folder = join(root, `build/gpu/bundle-${size}`);
		const done = join(folder, 'complete');
		if (existsSync(done)) return folder;
		if (this.#stages.remainingMs < measuringMs) throw new LeftOut('there is no time to measure with them');
		const argv = ['dist/benchmarks/random-bundle/cli.js', '--size', size, '--out', folder];
		this.#stages.command(process.execPath, argv, { cwd: root });
		writeFileSync(done, '');
		return folder;
	}

	/** TensorRT's engines, else the stand-in's, with their environment and cache. @param {string} bundle */
	#prepareEngines(bundle) {
		const { dryRun, onlyPrepares } = this.#options;
		const env = this.#env;
		if (!dryRun) {
			const cache = join(root, 'build/gpu/engines');
			const engines = this.#measure('engines', 'Engines', () => this.#getEngines(bundle, env, cache));
			if (engines) return { engines, env, cache };
			if (onlyPrepares) return undefined;
		}
		const standIn = dryRun ? 'arc2face_stand_in' : 'arc2face_stand_in_cuda';
		const ofStandIn = { ...env, ARC2FACE_PROVIDER: join(this.#folder, `Release/inside/${standIn}.so`) };
		const cache = join(root, 'build/gpu/engines-of-the-stand-in');
		const name = "The stand-in's engines";
		const engines = this.#measure('engines', name, () => this.#getEngines(bundle, ofStandIn, cache));
		return engines && { engines, env: ofStandIn, cache };
	}

	/** @param {string} bundle @param {NodeJS.ProcessEnv} env @param {string} cache */
	#getEngines(bundle, env, cache) {
		const { batchSizes, onlyPrepares } = this.#options;
		const argv = ['dist/benchmarks/gpu/prepare.js', '--bundle', bundle, '--cache', cache, '--batch-sizes', batchSizes];
		const { remainingMs } = this.#stages;
		const limitMs = onlyPrepares ? remainingMs : Math.max(findingMs, remainingMs - measuringMs);
		try {
			const report = this.#stages.command(process.execPath, argv, { cwd: root, env, capture: true, limitMs });
			const { obstacle } = readReport(report.stdout);
			if (obstacle !== undefined) throw new LeftOut(obstacle);
			return report;
		} catch (error) {
			if (!(error instanceof CommandFailed && error.outOfTime) || onlyPrepares) throw error;
			throw new LeftOut('building them takes longer than there is: run `npm run bench:gpu -- --prepare` first');
		}
	}

	/** @param {string} bundle @param {{ env: NodeJS.ProcessEnv, cache: string }} own */
	#paint(bundle, { env, cache }) {
		const { dryRun, batchSizes } = this.#options;
		const argv = [
			'dist/benchmarks/gpu/portraits.js',
			'--bundle',
			bundle,
			'--cache',
			cache,
			'--batch-sizes',
			batchSizes,
		];
		if (dryRun) argv.push('--runs', '1', '--steps', '3');
		// So that a hanging one leaves time for PyTorch.
		const limitMs = 0.6 * this.#stages.remainingMs;
		return this.#stages.command(process.execPath, argv, { cwd: root, env, capture: true, limitMs });
	}

	/** @param {{ engines: import('./report.js').Report, env: NodeJS.ProcessEnv }} own */
	#timeEngines({ engines, env }) {
		const { library, gpu, files, identityPosition, pixelsPerLatent, imageSize } = engines;
		const { dryRun } = this.#options;
		const { provider, core, parser } = library;
		// The stand-in is linked into the program: with the CUDA runtime on the host, no library file can run.
		const opened = dryRun ? [] : ['--provider', provider, '--core', core, ...(parser ? ['--parser', parser] : [])];
		const argv = [
			...opened,
			...['--text-encoder', files.textEncoder, '--unet', files.unet, '--vae-decoder', files.vaeDecoder],
			...['--gpu', `${gpu}`, '--identity-position', `${identityPosition}`, '--pixels-per-latent', `${pixelsPerLatent}`],
			...['--image-size', `${imageSize}`, '--runs', dryRun ? '10' : '50', '--answers', this.#answers],
		];
		const program = join(this.#folder, 'benchmarks/gpu/engines', engineBench(dryRun));
		// So that a hanging one leaves time for the others.
		const limitMs = 0.6 * this.#stages.remainingMs;
		return this.#stages.command(program, argv, { cwd: root, env, capture: true, limitMs });
	}

	/** @param {string} bundle */
	#timePyTorch(bundle) {
		const limitMs = Math.min(pytorchMs, this.#stages.remainingMs);
		const argv = ['benchmarks/gpu/pytorch.py', bundle, '--seconds', `${limitMs / 1000}`];
		if (this.#options.dryRun) argv.push('--rows', '1', '--runs', '1', '--seconds', '0');
		try {
			return this.#stages.command(findPython(), argv, { cwd: root, capture: true, limitMs });
		} catch (error) {
			if (!(error instanceof CommandFailed && error.outOfTime)) throw error;
			this.#run.pytorch = readReport(error.stdout);
			throw new LeftOut('its time was up; what it had measured until then is here');
		}
	}

	/** @param {string} bundle @param {import('./report.js').Report} engines */
	#compareAnswers(bundle, engines) {
		if (isStandIn(engines)) throw new LeftOut("only TensorRT's engines compute what PyTorch does");
		if (!existsSync(join(this.#answers, 'shapes.json'))) throw new LeftOut('the engine gave none');
		const argv = ['benchmarks/gpu/pytorch.py', bundle, '--answers', this.#answers];
		return this.#stages.command(findPython(), argv, { cwd: root, capture: true });
	}
}

/** @returns a Python with PyTorch */
function findPython() {
	const python = process.env.PYTHON ?? 'python3';
	const { status, error } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore', timeout: pytorchMs });
	if (error || status !== 0) throw new LeftOut(`${python} has no torch`);
	return python;
}

/** @param {import('./table.js').Run} run */
function expectAll(run) {
	if (run.engines && isStandIn(run.engines)) throw new LeftOut("it is asked of TensorRT's engines, which are not here");
	const asked = requirements(run);
	if (asked.length === 0) throw new LeftOut('there are no measurements');
	const missed = asked.filter(({ met }) => !met).map(({ what }) => what);
	if (missed.length > 0) throw new Error(`not so: ${missed.join('; ')}`);
}
