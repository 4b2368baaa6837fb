/**
 * Measures this package on a GPU, next to PyTorch on the same GPU with the same weights, in one run and under 8 minutes:
 * `npm run bench:gpu`, or
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
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, findGpus, noGpuCode, root } from '../../test/gpu/build.js';
import { Stages } from '../../test/gpu/stages.js';
import { engineBench, Measurement, newRun } from './measure.js';
import { markdown } from './table.js';

const { values } = parseArgs({
	options: {
		prepare: { type: 'boolean', default: false },
		bundle: { type: 'string' },
		'dry-run': { type: 'boolean', default: false },
		build: { type: 'string' },
	},
});
const { prepare: onlyPrepares, 'dry-run': dryRun, bundle } = values;
const out = join(root, 'benchmarks/out');
const kind = `${onlyPrepares ? '-prepare' : ''}${dryRun ? '-dry-run' : ''}`;
const page = join(out, `gpu-${new Date().toISOString().slice(0, 16).replace(':', '')}${kind}`);
const run = newRun(dryRun);
// Without a GPU there is no hurry: any machine will do.
const stages = new Stages((dryRun || onlyPrepares ? 60 : 8) * 60_000, write);

const built = stages.run('Build', () => build(stages, [engineBench(dryRun)], values.build));
const survey = built && stages.run('GPUs', () => findGpus(stages, built.env));
const gpus = survey?.gpus ?? [];
if (survey && gpus.length === 0) console.log(`No GPU: ${survey.obstacle}`);

if (built && survey && (gpus.length > 0 || dryRun)) {
	Object.assign(run.machine, survey, { gpu: gpus[0] });
	// Of 1, 4 and 8 portraits with guidance.
	new Measurement(run, { stages, ...built }, { dryRun, onlyPrepares, bundle, batchSizes: '2,8,16' }).all();
	console.log(`\n${markdown(run)}\nWritten to ${page}.md and .json`);
}
stages.report();
if (stages.hasFailed) process.exitCode = 1;
else if (gpus.length === 0 && !dryRun) process.exitCode = noGpuCode;

function write() {
	const { passed, leftOut, failed } = stages;
	Object.assign(run, { passed, leftOut, failed });
	mkdirSync(out, { recursive: true });
	writeFileSync(`${page}.json`, `${JSON.stringify(run, undefined, '\t')}\n`);
	writeFileSync(`${page}.md`, markdown(run));
}
