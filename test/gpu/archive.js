/**
 * All checks and measurements on a GPU, from an unpacked archive of `npm run pack:gpu`:
 *
 *   ./run-gpu-checks [--minutes <number>] [--tensorrt <folder>] [--from <number>] [--dry-run]
 *
 * In the order of what is worth most: 1 kernels against definitions, 2 memory and captured graphs, 3 whole models through the
 * stand-in, 4 compute-sanitizer, 5 portraits of the tiny bundle through TensorRT against the CPU, 6 engines of random weights
 * of the official sizes, the UNet's for two rows, 7 a step and all around it, 8 PyTorch beside it; what time is left goes to whole
 * models through TensorRT. Three minutes are for the first four. --from continues with a later one, up to 6, as random weights and engines stay in
 * build/gpu.
 * --tensorrt names the folder of TensorRT's libraries. results.md is rewritten after every part. Exit codes: 0 passed, 1 failed, 3
 * no GPU, which is no failure with --dry-run: everything up to the first call of CUDA has run then, in whatever time it takes.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Measurement, newRun } from '../../benchmarks/gpu/measure.js';
import { markdown } from '../../benchmarks/gpu/table.js';
import { build, endOf, findGpus, root } from './build.js';
import {
	checkGraphs,
	checkKernels,
	checkPortraits,
	checkStandIn,
	checkTensorRt,
	checkWithSanitizer,
} from './checks.js';
import { Stages } from './stages.js';

const { values } = parseArgs({
	options: {
		minutes: { type: 'string', default: '10' },
		tensorrt: { type: 'string' },
		from: { type: 'string', default: '1' },
		'dry-run': { type: 'boolean', default: false },
	},
});
const { 'dry-run': dryRun } = values;
const [minutes, from] = [Number(values.minutes), Number(values.from)];
if (!(minutes > 0) || !(from >= 1 && from <= 8))
	throw new Error('Expected --minutes above 0 and --from between 1 and 8.');

const run = newRun(dryRun);
// Without a GPU there is no hurry: any machine will do.
const stages = new Stages((dryRun ? 60 : minutes) * 60_000, write);
const built = stages.run('What was packed', () => build(stages, []));
if (built && values.tensorrt !== undefined) nameTensorRt(built.env, resolve(values.tensorrt));
const survey = built && stages.run('GPUs', () => findGpus(stages, built.env));
const gpus = survey?.gpus ?? [];

if (built && survey) {
	Object.assign(run.machine, survey, { gpu: gpus[0], driverRelease: driverRelease() });
	console.log(JSON.stringify(run.machine, undefined, '\t'));
	const machine = { stages, ...built, gpus, obstacle: survey.obstacle };
	const parts = [
		() => checkKernels(machine),
		() => checkGraphs(machine),
		() => checkStandIn(machine),
		// Of a short time all that is left; of a long one not what the engines need.
		() => checkWithSanitizer(machine, Math.min(90_000, stages.remainingMs / 2)),
		() => checkPortraits(machine),
	];
	for (const part of parts.slice(from - 1)) part();
	if (gpus.length > 0 || dryRun) {
		new Measurement(run, machine, { dryRun, onlyPrepares: false, batchSizes: '2' }).all();
	}
	checkTensorRt(machine);
	write();
	console.log(`\n${markdown(run)}\nWritten to results.md and results.json`);
}
endOf(stages, { gpus, obstacle: survey?.obstacle, dryRun });

/** The libraries open one another by name. @param {NodeJS.ProcessEnv} env @param {string} folder */
function nameTensorRt(env, folder) {
	env.ARC2FACE_TENSORRT = folder;
	env.LD_LIBRARY_PATH = [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}

/** Its own version, where NVIDIA's program tells it. @returns {string | undefined} */
function driverRelease() {
	const argv = ['--query-gpu=driver_version', '--format=csv,noheader'];
	return spawnSync('nvidia-smi', argv, { encoding: 'utf8' }).stdout?.split('\n')[0] || undefined;
}

function write() {
	const { passed, leftOut, failed } = stages;
	Object.assign(run, { passed, leftOut, failed });
	writeFileSync(join(root, 'results.json'), `${JSON.stringify(run, undefined, '\t')}\n`);
	writeFileSync(join(root, 'results.md'), markdown(run));
}
