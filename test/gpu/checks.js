/** The checks that a GPU is needed for, as stages: written once, for a checkout (run.js) and for the archive of pack:gpu. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.js';
import { CommandFailed, LeftOut } from './stages.js';

/**
 * @typedef {{ stages: import('./stages.js').Stages, folder: string, env: NodeJS.ProcessEnv, gpus: readonly unknown[],
 *   obstacle?: string }} Machine
 *   what runs them, the folder of the build and its environment, the GPUs, and why there is none
 */

/** The suites of arc2face_gpu_tests that hold kernels against their definitions, bit for bit. */
const kernelSuites = ['Convert', 'Evaluation', 'Finite', 'Half', 'Image', 'Quantise', 'Step'].map(
	(name) => `Gpu${name}`,
);
/**
 * Not for the sanitizer: thousands of threads and slots add nothing that it looks for, and the test that requests more memory than
 * there is would count as an error.
 */
const unsanitized = ['MoreSlots', 'OtherThreads', 'InUse', 'CannotAllocate', 'Fault'].map((part) => `*${part}*`);
const testLimitMs = 60_000;
/** Under the sanitizer everything takes many times as long. */
const sanitizerLimitMs = 90_000;

/** Kernels against definitions: what all else stands on. @param {Machine} machine */
export function checkKernels(machine) {
	runNative(machine, 'Kernels against their definitions, bit for bit', isOfKernel);
}

/** Device, memory, captured graphs, and engines in the pipeline. @param {Machine} machine */
export function checkGraphs(machine) {
	runNative(machine, 'Memory, captured graphs, engines in the pipeline', (test) => !isOfKernel(test));
}

/** @param {Machine} machine */
export function checkStandIn(machine) {
	machine.stages.run('Whole models through the stand-in', () => {
		if (machine.gpus.length > 0) return runSuite(machine, 'behaviour', 'stand-in on cuda:0');
		// Shows that the suite can run here.
		runSuite(machine, 'behaviour', 'stand-in on the host (says|results)');
		requireGpu(machine);
	});
}

/** @param {Machine} machine @param {number} [limitMs] - for each tool */
export function checkWithSanitizer(machine, limitMs = sanitizerLimitMs) {
	for (const tool of ['memcheck', 'racecheck']) {
		machine.stages.run(`compute-sanitizer: ${tool}`, () => sanitize(machine, tool, limitMs));
	}
}

/** @param {Machine} machine */
export function checkPortraits(machine) {
	machine.stages.run('Portraits of the tiny bundle through TensorRT, against the CPU', () => {
		findTensorRt(machine);
		runSuite(machine, 'portrait', '^TensorRT( [0-9]+|-RTX) on cuda:0');
	});
}

/** What takes longest: each runtime of NVIDIA's builds engines of several batch sizes. @param {Machine} machine */
export function checkTensorRt(machine) {
	machine.stages.run('Whole models through TensorRT', () => {
		findTensorRt(machine);
		runSuite(machine, 'behaviour', '^TensorRT( [0-9]+|-RTX) on cuda:0');
	});
	machine.stages.run('TensorRT-RTX on a GPU that it is not documented for', () => {
		requireGpu(machine);
		runSuite(machine, 'portrait', 'on a GPU that it is not documented for');
	});
}

/** Also ends what has run as far as it can without a GPU. @param {Machine} machine */
function requireGpu({ gpus, obstacle }) {
	if (gpus.length === 0) throw new LeftOut(obstacle ?? 'there is no GPU');
}

/** @param {string} test */
function isOfKernel(test) {
	return kernelSuites.some((suite) => test.startsWith(`${suite}.`) || test.startsWith(`${suite}/`));
}

/**
 * Each test in a process of its own: a CUDA error lasts for its whole process, and a hanging test can be ended.
 * @param {Machine} machine @param {string} name @param {(test: string) => boolean} belongs
 */
function runNative(machine, name, belongs) {
	const { stages, folder, env } = machine;
	const program = join(folder, 'arc2face_gpu_tests');
	stages.run(name, () => {
		const tests = listTests(stages.command(program, ['--gtest_list_tests'], { env, capture: true }).stdout).filter(
			belongs,
		);
		if (tests.length === 0) throw new Error(`${program} has none of these tests`);
		const failed = tests.filter((test) => {
			try {
				const argv = [`--gtest_filter=${test}`, '--gtest_brief=1'];
				const { stdout } = stages.command(program, argv, { env, capture: true, limitMs: testLimitMs });
				console.log(`${stdout.includes('[  SKIPPED ]') ? 'skipped' : 'ok     '} ${test}`);
				return false;
			} catch (error) {
				if (!(error instanceof CommandFailed)) throw error;
				console.log(`FAILED  ${test}: ${error.message}\n${error.stdout}`);
				return true;
			}
		});
		if (failed.length > 0) throw new Error(`${failed.length} of ${tests.length} failed: ${failed.join(', ')}`);
		requireGpu(machine);
		console.log(`${tests.length} tests passed.`);
	});
}

/**
 * The names as a filter wants them.
 * @param {string} listing - of --gtest_list_tests: a suite's name, then its tests, indented, with types after a #
 */
export function listTests(listing) {
	let suite = '';
	/** @type {string[]} */
	const tests = [];
	for (const line of listing.split('\n')) {
		const name = line.replace(/#.*/, '').trim();
		if (name === '') continue;
		if (/^\s/.test(line)) tests.push(suite + name);
		else suite = name;
	}
	return tests;
}

/** @param {Machine} machine @param {string} tool @param {number} limitMs */
function sanitize(machine, tool, limitMs) {
	const { stages, folder, env } = machine;
	requireGpu(machine);
	const tests = join(folder, 'arc2face_gpu_tests');
	const sanitizer = ['compute-sanitizer', '/usr/local/cuda/bin/compute-sanitizer'].find(
		(one) => spawnSync(one, ['--version'], { stdio: 'ignore' }).status === 0,
	);
	if (sanitizer === undefined) throw new LeftOut('compute-sanitizer is neither on the PATH nor in /usr/local/cuda/bin');
	const first = ['--tool', tool, tests, '--gtest_filter=GpuDevice.IsOneAndTheSame'];
	const { stdout, stderr } = spawnSync(sanitizer, first, { env, encoding: 'utf8', timeout: stages.remainingMs });
	// Some virtual machines keep debuggers from their GPU.
	if (`${stdout}${stderr}`.includes('Device not supported'))
		throw new LeftOut('compute-sanitizer says that it does not support this device');
	const end = Date.now() + limitMs;
	const suites = kernelSuites.map((suite) => `${suite}*`);
	// Kernels first: the time may not be enough for the rest.
	for (const filter of [
		[...suites, '-', ...unsanitized],
		['-', ...suites, ...unsanitized],
	]) {
		try {
			const argv = ['--tool', tool, '--error-exitcode', '1', tests];
			const chosen = `--gtest_filter=${filter.join(':').replace(/:?-:/, '-')}`;
			stages.command(sanitizer, [...argv, chosen], { env, limitMs: end - Date.now() });
		} catch (error) {
			if (!(error instanceof CommandFailed && error.outOfTime)) throw error;
			throw new LeftOut('its time was up; what it had run until then, above, had no error');
		}
	}
}

/**
 * Shows what `load` would use.
 * @param {Machine} machine @throws {LeftOut} if there is nothing, with what was looked for and what was found
 */
function findTensorRt({ stages, env }) {
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
 * @param {Machine} machine @param {'behaviour' | 'portrait'} suite - in test/e2e @param {string} name - regular expression
 */
function runSuite(machine, suite, name) {
	const { stages, folder, env } = machine;
	const vitest = join(root, 'node_modules/vitest/vitest.mjs');
	if (!existsSync(vitest)) throw new LeftOut('vitest is not among the node_modules');
	const results = join(folder, 'models.json');
	// Each test is shown when it ends.
	const how = [
		'--reporter=verbose',
		'--hideSkippedTests',
		'--reporter=json',
		`--outputFile.json=${results}`,
		'--testNamePattern',
		name,
	];
	stages.command(process.execPath, [vitest, 'run', `test/e2e/${suite}.test.ts`, ...how], { cwd: root, env });
	const { numPassedTests, testResults } = JSON.parse(readFileSync(results, 'utf8'));
	const wanted = new RegExp(name);
	const names = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName }) => fullName));
	if (!names.some((one) => wanted.test(one))) throw new Error(`no test of ${suite} is named ${name}`);
	if (numPassedTests > 0) return;
	requireGpu(machine);
	throw new LeftOut('none of its tests could run, as they say above');
}
