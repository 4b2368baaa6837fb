/**
 * Everything that needs a GPU, in one command and under 8 minutes: `npm run test:gpu`, or on machines without npm
 *
 *   node test/gpu/run.js [--dry-run] [--build <folder>]
 *
 * Needs nvcc, CMake, a C++ compiler and node_modules (test/README.md says what to bring where there is no network).
 * Without TensorRT, what needs it is left out, with the reason. Exit codes: 0 passed, 1 failed, 3
 * no GPU, which is no failure with --dry-run: everything up to the first CUDA call has run then.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, findGpus, noGpuCode, root } from './build.js';
import { LeftOut, Stages } from './stages.js';

const { values } = parseArgs({
	options: { 'dry-run': { type: 'boolean', default: false }, build: { type: 'string' } },
});
// Without a GPU there is no hurry: any machine will do.
const stages = new Stages((values['dry-run'] ? 60 : 8) * 60_000);

const built = stages.run('Build', () => build(stages, ['all', 'arc2face_test_parts'], values.build));
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
	stages.run('C++ tests: kernels, memory, captured graphs, engines', () => testNative(built.folder));
	const { folder, env } = built;
	stages.run('Whole models through TensorRT, and portraits against the CPU', () => {
		findTensorRt(env);
		testModels(folder, env, 'TensorRT(-RTX)? on cuda:0');
	});
	stages.run('TensorRT-RTX on a GPU that it is not documented for', () => {
		requireGpu();
		testModels(folder, env, 'on a GPU that it is not documented for');
	});
	stages.run('Whole models through the stand-in', () => testModels(folder, env, 'stand-in on cuda:0'));
	// Last, because they take longest and may be cut short.
	for (const tool of ['memcheck', 'racecheck']) stages.run(`compute-sanitizer: ${tool}`, () => sanitize(tests, tool));
}
stages.report();
if (stages.hasFailed) process.exitCode = 1;
else if (gpus.length === 0) {
	console.log(`\nNo GPU: ${obstacle} Everything up to the first call of CUDA has run.`);
	if (!values['dry-run']) process.exitCode = noGpuCode;
}

/** Also ends what has run as far as it can without a GPU. */
function requireGpu() {
	if (gpus.length === 0) throw new LeftOut(obstacle);
}

/**
 * Each test in a process of its own: a CUDA error lasts for its whole process, and a hanging test can be ended.
 * @param {string} folder
 */
function testNative(folder) {
	const which = ['--test-dir', folder, '--build-config', 'Release', '--tests-regex', '^Gpu', '--no-tests=error'];
	stages.command('ctest', [...which, '--output-on-failure', '--timeout', '60']);
	requireGpu();
}

/** @param {string} tests @param {string} tool */
function sanitize(tests, tool) {
	requireGpu();
	const first = ['--tool', tool, tests, '--gtest_filter=GpuDevice.IsOneAndTheSame'];
	const { error, stdout } = spawnSync('compute-sanitizer', first, { encoding: 'utf8', timeout: stages.remainingMs });
	if (error) throw new LeftOut(`compute-sanitizer can't be run (${error.message})`);
	// Some virtual machines keep debuggers from their GPU.
	if (stdout.includes('Device not supported'))
		throw new LeftOut('compute-sanitizer says that it does not support this device');
	// Under it everything takes many times as long: thousands of threads and slots add nothing that it looks for. The
	// test that requests more memory than there is would count as an error.
	const filter = '--gtest_filter=-*MoreSlots*:*OtherThreads*:*InUse*:*CannotAllocate*:*Fault*';
	stages.command('compute-sanitizer', ['--tool', tool, '--error-exitcode', '1', tests, filter]);
}

/**
 * Shows what `load` would use.
 * @param {NodeJS.ProcessEnv} env @throws {LeftOut} if there is nothing, with what was looked for and what was found
 */
function findTensorRt(env) {
	const device = JSON.stringify(join(root, 'dist/lib/device/device.js'));
	const script =
		`import(${device}).then(({ chooseDevice }) => chooseDevice('cuda'))` +
		`.then(({ reasons }) => ({ reasons }), ({ message }) => ({ obstacle: message }))` +
		`.then((answer) => console.log(JSON.stringify(answer)))`;
	const { stdout } = stages.command(process.execPath, ['-e', script], { cwd: root, env, capture: true });
	const { reasons, obstacle } = JSON.parse(stdout);
	if (obstacle !== undefined) throw new LeftOut(obstacle);
	console.log(reasons.join('\n'));
}

/**
 * Runs the tests of whole models whose names match.
 * @param {string} folder - of the build @param {NodeJS.ProcessEnv} env @param {string} name - regular expression
 */
function testModels(folder, env, name) {
	const vitest = join(root, 'node_modules/vitest/vitest.mjs');
	if (!existsSync(vitest)) throw new LeftOut('vitest is not among the node_modules');
	const files = ['test/e2e/portrait.test.ts', 'test/e2e/behaviour.test.ts'];
	const results = join(folder, 'models.json');
	// Each test is shown when it ends.
	const how = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${results}`, '--testNamePattern', name];
	stages.command(process.execPath, [vitest, 'run', ...files, ...how], { cwd: root, env });
	requireGpu();
	if (JSON.parse(readFileSync(results, 'utf8')).numPassedTests > 0) return;
	throw new LeftOut('none of its tests could run, as they say above');
}
