/**
 * What this package takes on a GPU, beside PyTorch on the same GPU with the same weights, in one run and under 8 minutes:
 * `npm run bench:gpu`, or on machines without npm
 *
 *   node benchmarks/gpu/run.js [--bundle <folder>] [--dry-run] [--build <folder>]
 *
 * Needs what test:gpu needs, and for its second half Python with PyTorch. The weights are random, of the official sizes, from
 * a seed, unless a bundle is named. Weights and engines stay in build/gpu: should TensorRT need longer than there is to build
 * them, a second run goes on from there. Without TensorRT the stand-in's engines take its place: what is around engines is then
 * measured all the same. Exit codes: 0 done, 1 failed, 3 there is no GPU. With --dry-run every part runs without one, over
 * tiny networks and a CUDA runtime on the host: its numbers mean nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, findGpus, noGpuCode, root } from '../../test/gpu/build.js';
import { LeftOut, Stages } from '../../test/gpu/stages.js';
import { markdown, requirements } from './table.js';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string' },
		'dry-run': { type: 'boolean', default: false },
		build: { type: 'string' },
	},
});
const dryRun = values['dry-run'];
// Without a GPU there is nothing to be quick about: any machine may do it.
const stages = new Stages((dryRun ? 60 : 8) * 60_000);
const out = join(root, 'benchmarks/out');
const answers = join(out, 'answers');
const bench = dryRun ? 'arc2face_engine_bench_on_host' : 'arc2face_engine_bench';
const standIn = dryRun ? 'arc2face_stand_in' : 'arc2face_stand_in_cuda';
const runs = dryRun ? 10 : 50;

const built = stages.run('Build', () => {
	const targets = ['arc2face', 'arc2face_stand_in', 'arc2face_stand_in_cuda', bench];
	for (const name of ['arc2face_tensorrt', 'arc2face_tensorrt_rtx']) targets.push(name);
	return build(stages, targets, values.build);
});
const survey = built && stages.run('GPUs', () => findGpus(stages, built.env));
const gpus = survey?.gpus ?? [];
if (built && survey && gpus.length === 0) console.log(`No GPU: ${survey.obstacle}`);

if (built && survey && (gpus.length > 0 || dryRun)) {
	rmSync(answers, { recursive: true, force: true });
	mkdirSync(answers, { recursive: true });
	const bundle = values.bundle ?? stages.run('Random weights', () => randomBundle());
	const real = dryRun ? undefined : stages.run('TensorRT', () => findTensorRt(built.env));
	const env = real
		? built.env
		: { ...built.env, ARC2FACE_PROVIDER: join(built.folder, `Release/inside/${standIn}.so`) };
	const portraits =
		bundle && stages.run('Portraits', () => portraitsOf(bundle, env, real ? 'engines' : 'engines-of-the-stand-in'));
	const engines = portraits && stages.run('Engines', () => enginesOf(portraits.engines, built));
	const pytorch = bundle && stages.run('PyTorch', () => pytorchOf(bundle, engines !== undefined && real !== undefined));
	if (!dryRun) stages.run('What is asked of a step', () => expectAll(requirements(engines)));
	report({ ...survey, gpu: gpus[0] }, portraits, engines, pytorch);
}
stages.report();
if (stages.hasFailed) process.exitCode = 1;
else if (gpus.length === 0 && !dryRun) process.exitCode = noGpuCode;

function randomBundle() {
	const size = dryRun ? 'tiny' : 'full';
	const folder = join(root, `build/gpu/bundle-${size}`);
	const done = join(folder, 'complete');
	if (existsSync(done)) return folder;
	const argv = ['dist/models/random/cli.js', '--size', size, '--out', folder];
	stages.command(process.execPath, argv, { cwd: root });
	writeFileSync(done, '');
	return folder;
}

/** @param {NodeJS.ProcessEnv} env */
function findTensorRt(env) {
	const script = `import(${JSON.stringify(join(root, 'dist/lib/device.js'))}).then(({ chooseDevice }) => chooseDevice('cuda')).then(({ reasons }) => console.log(reasons.join('\\n')), ({ message }) => console.log('none: ' + message))`;
	const { stdout } = stages.command(process.execPath, ['-e', script], { cwd: root, env, capture: true });
	if (stdout.startsWith('none: '))
		throw new LeftOut(`${stdout.slice('none: '.length).trim()} The stand-in takes its place.`);
	console.log(stdout);
	return stdout;
}

/** @param {string} bundle @param {NodeJS.ProcessEnv} env @param {string} cache */
function portraitsOf(bundle, env, cache) {
	const argv = ['dist/benchmarks/gpu/portraits.js', '--bundle', bundle, '--cache', join(root, 'build/gpu', cache)];
	if (dryRun) argv.push('--runs', '1', '--steps', '3');
	return lastJson(stages.command(process.execPath, argv, { cwd: root, env, capture: true }).stdout);
}

/** @param {{ provider: string, core: string, parser?: string, gpu: number, files: Record<string, string>, identityPosition: number, pixelsPerLatent: number, imageSize: number }} engines @param {{ folder: string, env: NodeJS.ProcessEnv }} built */
function enginesOf({ provider, core, parser, files, ...numbers }, { folder, env }) {
	const { gpu, identityPosition, pixelsPerLatent, imageSize } = numbers;
	// The program has the stand-in in it: over the CUDA runtime on the host no library of a file can run.
	const library = dryRun ? [] : ['--provider', provider, '--core', core, ...(parser ? ['--parser', parser] : [])];
	const { textEncoder = '', unet = '', vaeDecoder = '' } = files;
	const argv = [
		...library,
		...['--text-encoder', textEncoder, '--unet', unet, '--vae-decoder', vaeDecoder, '--answers', answers],
		...['--gpu', `${gpu}`, '--identity-position', `${identityPosition}`, '--pixels-per-latent', `${pixelsPerLatent}`],
		...['--image-size', `${imageSize}`, '--runs', `${runs}`],
	];
	return lastJson(stages.command(programOf(folder, bench), argv, { cwd: root, env, capture: true }).stdout);
}

/** @param {string} bundle @param {boolean} compares - with what our engines have answered */
function pytorchOf(bundle, compares) {
	const python = process.env.PYTHON ?? 'python3';
	const { status, error } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
	if (error || status !== 0) throw new LeftOut(`${python} has no torch`);
	const argv = ['benchmarks/gpu/pytorch.py', bundle, '--seconds', `${Math.max(30, stages.remainingMs / 1000 - 30)}`];
	if (compares) argv.push('--answers', answers);
	if (dryRun) argv.push('--rows', '1', '--runs', '1', '--seconds', '0');
	return lastJson(stages.command(python, argv, { cwd: root, capture: true }).stdout);
}

/** @param {{ what: string, met: boolean }[]} asked */
function expectAll(asked) {
	const missed = asked.filter(({ met }) => !met).map(({ what }) => what);
	if (missed.length > 0) throw new Error(`not so: ${missed.join('; ')}`);
	if (asked.length === 0) throw new LeftOut('there are no measurements');
}

/** @param {object} machine @param {any} portraits @param {any} engines @param {any} pytorch */
function report(machine, portraits, engines, pytorch) {
	const now = new Date().toISOString();
	const whole = {
		date: now.slice(0, 10),
		dryRun,
		machine: { ...machine, cpu: `${cpus()[0]?.model}, ${cpus().length} cores`, node: process.version },
		...{ portraits, engines, pytorch, leftOut: stages.leftOut },
	};
	const file = join(out, `gpu-${now.slice(0, 16).replace(':', '')}${dryRun ? '-dry-run' : ''}`);
	writeFileSync(`${file}.json`, `${JSON.stringify(whole, undefined, '\t')}\n`);
	writeFileSync(`${file}.md`, markdown(whole));
	console.log(`\n${markdown(whole)}\nWritten to ${file}.md and .json`);
}

/** @param {string} folder @param {string} name */
function programOf(folder, name) {
	return join(folder, 'benchmarks/gpu/engines', name);
}

/** What the last line says; the lines before are for people. @param {string} stdout */
function lastJson(stdout) {
	return JSON.parse(stdout.trim().slice(stdout.trim().lastIndexOf('\n{') + 1));
}
