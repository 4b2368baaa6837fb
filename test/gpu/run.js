/**
 * Everything that needs a GPU, in one command and under 8 minutes: `npm run test:gpu`, or on machines without npm
 *
 *   node test/gpu/run.js [--dry-run] [--build <folder>]
 *
 * Needs nvcc, CMake, a C++ compiler and node_modules (test/README.md says what to take along where there is no network).
 * What TensorRT is needed for is left out, with the reason, where there is none. Exit codes: 0 passed, 1 failed, 3 there is
 * no GPU, which with --dry-run is no failure: everything up to the first call of CUDA has run then.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, findGpus, noGpuCode, root } from './build.js';
import { LeftOut, Stages } from './stages.js';

const { values } = parseArgs({
	options: { 'dry-run': { type: 'boolean', default: false }, build: { type: 'string' } },
});
// Without a GPU there is nothing to be quick about: any machine may do it.
const stages = new Stages((values['dry-run'] ? 60 : 8) * 60_000);

const built = stages.run('Build', () => build(stages, [], values.build));
const survey =
	built &&
	stages.run('GPUs', () => {
		const found = findGpus(stages, built.env);
		console.log(JSON.stringify(found, undefined, '\t'));
		return found;
	});
const gpus = survey?.gpus ?? [];
const obstacle = survey?.obstacle ?? 'there is no build to look with';

if (built && survey) {
	const tests = join(built.folder, 'arc2face_gpu_tests');
	stages.run('C++ tests: kernels, memory, captured graphs, engines', () => {
		stages.command(tests, []);
		requireGpu();
	});
	for (const tool of ['memcheck', 'racecheck']) stages.run(`compute-sanitizer: ${tool}`, () => sanitize(tests, tool));
	stages.run('Behaviour of whole models, and portraits through TensorRT', () => behave(built.env));
}
stages.report();
if (stages.hasFailed) process.exitCode = 1;
else if (gpus.length === 0) {
	console.log(`\nNo GPU: ${obstacle} Everything up to the first call of CUDA has run.`);
	if (!values['dry-run']) process.exitCode = noGpuCode;
}

/** For the end of what has run as far as it does without one, too. */
function requireGpu() {
	if (gpus.length === 0) throw new LeftOut(obstacle);
}

/** @param {string} tests @param {string} tool */
function sanitize(tests, tool) {
	requireGpu();
	const first = ['--tool', tool, tests, '--gtest_filter=GpuDevice.IsFoundByItsNames'];
	const { error, stdout } = spawnSync('compute-sanitizer', first, { encoding: 'utf8' });
	if (error) throw new LeftOut(`compute-sanitizer can't be run (${error.message})`);
	// Some virtual machines keep debuggers from their GPU.
	if (stdout.includes('Device not supported'))
		throw new LeftOut('compute-sanitizer says that it does not support this device');
	// Under it everything takes many times as long: threads and slots by the thousand add nothing that it looks for. The
	// test that asks for more memory than there is would count as an error.
	const filter = '--gtest_filter=-*MoreSlots*:*OtherThreads*:*InUse*:*CannotAllocate*:*Fault*';
	stages.command('compute-sanitizer', ['--tool', tool, '--error-exitcode', '1', tests, filter]);
}

/** @param {NodeJS.ProcessEnv} env */
function behave(env) {
	// Of a checkout that nobody has built.
	if (!existsSync(join(root, 'models/tiny/arc2face/config.json'))) {
		const argv = ['dist/models/random/cli.js', '--size', 'tiny', '--out', 'models/tiny'];
		stages.command(process.execPath, argv, { cwd: root });
	}
	const vitest = join(root, 'node_modules/vitest/vitest.mjs');
	if (!existsSync(vitest)) throw new LeftOut('vitest is not among the node_modules');
	// Without a GPU only its tests are asked for, which then say why they are left out: `npm test` runs the others.
	const filter = gpus.length === 0 ? ['--testNamePattern', 'cuda:0'] : [];
	stages.command(
		process.execPath,
		[vitest, 'run', 'test/e2e/behaviour.test.ts', 'test/e2e/portrait.test.ts', ...filter],
		{
			cwd: root,
			env,
		},
	);
	requireGpu();
}
