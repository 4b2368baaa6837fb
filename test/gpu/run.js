/**
 * Everything that needs a GPU, in one command and under 8 minutes: `npm run test:gpu`, or
 *
 *   node test/gpu/run.js [--dry-run] [--build <folder>]
 *
 * Needs nvcc, CMake, a C++ compiler and node_modules; where they are missing, the archive of `npm run pack:gpu` has all built.
 * Without TensorRT, what needs it is left out, with the reason. Exit codes: 0 passed, 1 failed, 3
 * no GPU, which is no failure with --dry-run: everything up to the first CUDA call has run then.
 */
import { parseArgs } from 'node:util';
import { build, endOf, findGpus } from './build.js';
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
	options: { 'dry-run': { type: 'boolean', default: false }, build: { type: 'string' } },
});
// Without a GPU there is no hurry: any machine will do.
const stages = new Stages((values['dry-run'] ? 60 : 8) * 60_000);

const built = stages.run('Build', () => build(stages, ['all', 'arc2face_test_parts'], values.build));
const survey = built && stages.run('GPUs', () => findGpus(stages, built.env));
const gpus = survey?.gpus ?? [];
const obstacle = survey?.obstacle ?? 'there is no build to look with';

if (built && survey) {
	console.log(JSON.stringify(survey, undefined, '\t'));
	const machine = { stages, ...built, gpus, obstacle };
	for (const check of [checkKernels, checkGraphs, checkStandIn, checkPortraits, checkTensorRt]) check(machine);
	// Last, because it may be cut short.
	checkWithSanitizer(machine, stages.remainingMs / 2);
}
endOf(stages, { gpus, obstacle, dryRun: values['dry-run'] });
