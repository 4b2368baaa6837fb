/**
 * Measures this package on a GPU, next to PyTorch on the same GPU with the same weights, in one run and under 8 minutes:
 * `npm run bench:gpu`, or on machines without npm
 *
 *   node benchmarks/gpu/run.js [--prepare] [--bundle <folder>] [--dry-run] [--build <folder>]
 *
 * Needs what test:gpu needs, and Python with PyTorch for that part. The weights are random, of the official sizes, from a
 * seed, unless a bundle is named. Building the engine of a UNet of that size may take too long: --prepare builds
 * everything first, in up to an hour, and measures nothing. Weights and engines stay in build/gpu. Without TensorRT,
 * or if its engines are not built in time, the stand-in's engines are used: the code around engines is measured all the same.
 * The page in benchmarks/out is rewritten after every part. Exit codes: 0 done, 1 failed, 3 no GPU. With --dry-run
 * every part runs without one, over tiny networks and a CUDA runtime on the host: its numbers mean nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, findGpus, noGpuCode, root } from '../../test/gpu/build.js';
import { CommandFailed, LeftOut, Stages } from '../../test/gpu/stages.js';
import { readReport } from './report.js';
import { isStandIn, markdown, requirements } from './table.js';

const { values } = parseArgs({
	options: {
		prepare: { type: 'boolean', default: false },
		bundle: { type: 'string' },
		'dry-run': { type: 'boolean', default: false },
		build: { type: 'string' },
	},
});
const { prepare: onlyPrepares, 'dry-run': dryRun } = values;
// Without a GPU there is no hurry: any machine will do.
const stages = new Stages((dryRun || onlyPrepares ? 60 : 8) * 60_000);
/** Of the UNet's batches, in rows: those of 1, 4 and 8 portraits with guidance. Each adds to the build time. */
const batchSizes = '2,8,16';
/** Time for all measurements with engines once these are built. */
const measuringMs = 120_000;
/** Time to find engines in the cache, for which weights are read. */
const findingMs = 45_000;
const pytorchMs = 150_000;

const started = new Date().toISOString();
const out = join(root, 'benchmarks/out');
const kind = `${onlyPrepares ? '-prepare' : ''}${dryRun ? '-dry-run' : ''}`;
const page = join(out, `gpu-${started.slice(0, 16).replace(':', '')}${kind}`);
const answers = join(out, 'answers');
const bench = dryRun ? 'arc2face_engine_bench_on_host' : 'arc2face_engine_bench';
const standIn = dryRun ? 'arc2face_stand_in' : 'arc2face_stand_in_cuda';

/** @type {import('./table.js').Run} */
const run = {
	date: started.slice(0, 10),
	dryRun,
	machine: { cpu: '', node: process.version },
	leftOut: [],
	failed: [],
};

const built = stages.run('Build', () => build(stages, [bench], values.build));
const survey = built && stages.run('GPUs', () => findGpus(stages, built.env));
const gpus = survey?.gpus ?? [];
if (built && survey && gpus.length === 0) console.log(`No GPU: ${survey.obstacle}`);

if (built && survey && (gpus.length > 0 || dryRun)) {
	run.machine = { ...run.machine, ...survey, gpu: gpus[0], cpu: `${cpus()[0]?.model}, ${cpus().length} cores` };
	rmSync(answers, { recursive: true, force: true });
	mkdirSync(answers, { recursive: true });
	const bundle = values.bundle ?? stages.run('Random weights', () => randomBundle());
	// Needs no engine.
	if (bundle && !onlyPrepares) measure('pytorch', 'PyTorch', () => timePyTorch(bundle));
	const own = bundle && prepareEngines(bundle, built);
	if (own && !onlyPrepares) {
		measure('portraits', 'Portraits', () => paint(bundle, own));
		measure('steps', 'Steps, VAE decoder and memory', () => timeEngines(own.engines, built));
		measure('comparison', "The UNet's answers, and PyTorch's", () => compareAnswers(bundle, own.engines));
		stages.run('What is asked of a step', () => expectAll());
	}
	write();
	console.log(`\n${markdown(run)}\nWritten to ${page}.md and .json`);
}
stages.report();
if (stages.hasFailed) process.exitCode = 1;
else if (gpus.length === 0 && !dryRun) process.exitCode = noGpuCode;

/**
 * Runs a program as a stage and keeps its report, even if it fails midway.
 * @param {'pytorch' | 'engines' | 'portraits' | 'steps' | 'comparison'} key - in the results
 * @param {string} name @param {() => { stdout: string }} program
 * @returns {import('./report.js').Report | undefined} undefined when it failed or was left out
 */
function measure(key, name, program) {
	const whole = stages.run(name, () => {
		try {
			run[key] = readReport(program().stdout);
		} catch (error) {
			if (error instanceof CommandFailed) run[key] = readReport(error.stdout);
			throw error;
		}
		return run[key];
	});
	write();
	return whole;
}

function write() {
	const { leftOut, failed } = stages;
	Object.assign(run, { leftOut, failed });
	writeFileSync(`${page}.json`, `${JSON.stringify(run, undefined, '\t')}\n`);
	writeFileSync(`${page}.md`, markdown(run));
}

function randomBundle() {
	const size = dryRun ? 'tiny' : 'full';
	const folder = join(root, `build/gpu/bundle-${size}`);
	const done = join(folder, 'complete');
	if (existsSync(done)) return folder;
	const argv = ['dist/benchmarks/random-bundle/cli.js', '--size', size, '--out', folder];
	stages.command(process.execPath, argv, { cwd: root });
	writeFileSync(done, '');
	return folder;
}

/**
 * TensorRT's engines, else the stand-in's, with their environment and cache.
 * @param {string} bundle @param {{ folder: string, env: NodeJS.ProcessEnv }} built
 */
function prepareEngines(bundle, { folder, env }) {
	if (!dryRun) {
		const cache = join(root, 'build/gpu/engines');
		const engines = measure('engines', 'Engines', () => getEngines(bundle, env, cache));
		if (engines) return { engines, env, cache };
		if (onlyPrepares) return undefined;
	}
	const ofStandIn = { ...env, ARC2FACE_PROVIDER: join(folder, `Release/inside/${standIn}.so`) };
	const cache = join(root, 'build/gpu/engines-of-the-stand-in');
	const engines = measure('engines', "The stand-in's engines", () => getEngines(bundle, ofStandIn, cache));
	return engines && { engines, env: ofStandIn, cache };
}

/** @param {string} bundle @param {NodeJS.ProcessEnv} env @param {string} cache */
function getEngines(bundle, env, cache) {
	const argv = ['dist/benchmarks/gpu/prepare.js', '--bundle', bundle, '--cache', cache, '--batch-sizes', batchSizes];
	const limitMs = onlyPrepares ? stages.remainingMs : Math.max(findingMs, stages.remainingMs - measuringMs);
	try {
		const report = stages.command(process.execPath, argv, { cwd: root, env, capture: true, limitMs });
		const { obstacle } = readReport(report.stdout);
		if (obstacle !== undefined) throw new LeftOut(obstacle);
		return report;
	} catch (error) {
		if (!(error instanceof CommandFailed && error.outOfTime) || onlyPrepares) throw error;
		throw new LeftOut('building them takes longer than there is: run `npm run bench:gpu -- --prepare` first');
	}
}

/** @param {string} bundle @param {{ env: NodeJS.ProcessEnv, cache: string }} own */
function paint(bundle, { env, cache }) {
	const argv = ['dist/benchmarks/gpu/portraits.js', '--bundle', bundle, '--cache', cache, '--batch-sizes', batchSizes];
	if (dryRun) argv.push('--runs', '1', '--steps', '3');
	// So that a hanging one leaves time for the others.
	return stages.command(process.execPath, argv, { cwd: root, env, capture: true, limitMs: 0.6 * stages.remainingMs });
}

/** @param {import('./report.js').Report} engines @param {{ folder: string, env: NodeJS.ProcessEnv }} built */
function timeEngines({ library, gpu, files, identityPosition, pixelsPerLatent, imageSize }, { folder, env }) {
	const { provider, core, parser } = library;
	// The stand-in is linked into the program: with the CUDA runtime on the host, no library file can run.
	const opened = dryRun ? [] : ['--provider', provider, '--core', core, ...(parser ? ['--parser', parser] : [])];
	const argv = [
		...opened,
		...['--text-encoder', files.textEncoder, '--unet', files.unet, '--vae-decoder', files.vaeDecoder],
		...['--gpu', `${gpu}`, '--identity-position', `${identityPosition}`, '--pixels-per-latent', `${pixelsPerLatent}`],
		...['--image-size', `${imageSize}`, '--runs', dryRun ? '10' : '50', '--answers', answers],
	];
	const program = join(folder, 'benchmarks/gpu/engines', bench);
	return stages.command(program, argv, { cwd: root, env, capture: true });
}

/** @returns a Python with PyTorch */
function findPython() {
	const python = process.env.PYTHON ?? 'python3';
	const { status, error } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore', timeout: pytorchMs });
	if (error || status !== 0) throw new LeftOut(`${python} has no torch`);
	return python;
}

/** @param {string} bundle */
function timePyTorch(bundle) {
	const limitMs = Math.min(pytorchMs, stages.remainingMs - measuringMs);
	const argv = ['benchmarks/gpu/pytorch.py', bundle, '--seconds', `${limitMs / 1000}`];
	if (dryRun) argv.push('--rows', '1', '--runs', '1', '--seconds', '0');
	try {
		return stages.command(findPython(), argv, { cwd: root, capture: true, limitMs });
	} catch (error) {
		if (!(error instanceof CommandFailed && error.outOfTime)) throw error;
		run.pytorch = readReport(error.stdout);
		throw new LeftOut('its time was up; what it had measured until then is here');
	}
}

/** @param {string} bundle @param {import('./report.js').Report} engines */
function compareAnswers(bundle, engines) {
	if (isStandIn(engines)) throw new LeftOut("only TensorRT's engines compute what PyTorch does");
	if (!existsSync(join(answers, 'shapes.json'))) throw new LeftOut('the engine gave none');
	const argv = ['benchmarks/gpu/pytorch.py', bundle, '--answers', answers];
	return stages.command(findPython(), argv, { cwd: root, capture: true });
}

function expectAll() {
	if (run.engines && isStandIn(run.engines)) throw new LeftOut("it is asked of TensorRT's engines, which are not here");
	const asked = requirements(run);
	if (asked.length === 0) throw new LeftOut('there are no measurements');
	const missed = asked.filter(({ met }) => !met).map(({ what }) => what);
	if (missed.length > 0) throw new Error(`not so: ${missed.join('; ')}`);
}
