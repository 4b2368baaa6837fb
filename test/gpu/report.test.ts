// The reports of test:gpu and bench:gpu: a part that did not run, or a number that is missing, must show.
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
// @ts-expect-error: plain JavaScript, because it runs before anything is compiled
import { readReport } from '../../benchmarks/gpu/report.js';
// @ts-expect-error
import { markdown, requirements } from '../../benchmarks/gpu/table.js';
import { temporaryFolder } from '../checkpoint-samples.ts';
// @ts-expect-error
import { build } from './build.js';
// @ts-expect-error
import { checkGraphs, checkKernels, listTests } from './checks.js';
// @ts-expect-error
import { CommandFailed, LeftOut, Stages } from './stages.js';

const queued = 'UNet and step kernels, queued';
const replayed = 'UNet and step kernels, graph replayed';
const host = "a step in the pipeline: the host's thread";
const step = (name: string, values: (number | null)[], rows = 2) => ({ name, rows, unit: 'ms', values });
const tensorRt = { provider: 'tensorrt', version: '11.1', precision: 'fp16', batchSizes: [2, 8], results: [] };
const standIn = { ...tensorRt, provider: 'stand-in', version: '1.0' };

describe('what is asked of a step', () => {
	test.each([
		['as fast as queueing', [step(queued, [5, 5, 9]), step(replayed, [5, 5, 5])], [true]],
		['slower than queueing', [step(queued, [5, 5, 9]), step(replayed, [5.2, 5.2, 5.2])], [false]],
		['compared at its own batch', [step(queued, [5], 2), step(queued, [9], 8), step(replayed, [8], 8)], [true]],
		['without anything to compare', [step(replayed, [1])], [false]],
		['without a number', [step(queued, [5]), step(replayed, [1, null])], [false]],
		['quick for the host', [step(host, [49])], [true]],
		['slow for the host', [step(host, [51])], [false]],
	])('a replay %s', (_, results, met) => {
		const asked = requirements({ engines: tensorRt, steps: { results } });
		expect(asked.map(({ met }: { met: boolean }) => met)).toEqual(met);
	});

	test("is not judged by the stand-in's engines", () => {
		const steps = { results: [step(queued, [5]), step(replayed, [9]), step(host, [99])] };
		expect(requirements({ engines: standIn, steps })).toEqual([]);
	});
});

describe('the page', () => {
	const machine = { cpu: 'a processor', node: 'v20.0.0', gpu: { name: 'NVIDIA H200' } };
	const steps = { results: [step(queued, [3, 1, 2]), step(replayed, [2, null])] };
	const run = { date: '2026-11-22', dryRun: false, machine, engines: tensorRt, steps, leftOut: [], failed: [] };

	test('has medians, and shows what is no number, what failed and what was left out', () => {
		const leftOut = [{ what: 'PyTorch', why: 'there is none' }];
		const failed = [{ what: 'Portraits', why: 'the time was up' }];
		const passed = [{ what: 'Kernels', seconds: 9 }];
		const driver = { driver: '13.0', driverRelease: '580.65.06' };
		const page = markdown({ ...run, machine: { ...machine, ...driver }, passed, leftOut, failed });
		expect(page).toContain('# NVIDIA H200, 2026-11-22');
		expect(page).toContain(`| ${queued} | 2 | 2 ms | 1 to 3 | 3 |`);
		expect(page).toContain(`| ${replayed} | 2 | no number |`);
		expect(page).toContain('**not so**');
		expect(page).toContain('- PyTorch: there is none');
		expect(page).toContain('- Portraits: the time was up');
		expect(page).toContain('- Kernels (9 s)');
		expect(page).toContain('a driver for CUDA 13.0 (580.65.06)');
		expect(page).not.toContain('dry run');
	});

	test('of a run that has only begun has what is there', () => {
		const page = markdown({ ...run, engines: undefined, steps: undefined });
		expect(page).toContain('# NVIDIA H200');
		expect(page).not.toMatch(/undefined|NaN|Asked for/);
	});

	test("of a dry run says so and judges nothing, as of any run with the stand-in's engines", () => {
		const page = markdown({ ...run, dryRun: true, engines: standIn });
		expect(page).toContain('The numbers mean nothing.');
		expect(page).toContain('no network');
		expect(page).not.toContain('Asked for');
	});
});

describe('a report', () => {
	test('has what a program found until it was stopped, and not what it said to people', () => {
		const lines = [
			'Loading …',
			JSON.stringify(step(queued, [1])),
			'{"provider":"tensorrt"}',
			JSON.stringify(step(replayed, [null])),
			'{"name":"cut o',
		];
		expect(readReport(lines.join('\n'))).toEqual({
			provider: 'tensorrt',
			results: [step(queued, [1]), step(replayed, [null])],
		});
		expect(readReport('')).toEqual({ results: [] });
	});
});

test('a build in a folder where the addon is not looked for is refused', () => {
	expect(() => build(new Stages(60_000), [], '/tmp/elsewhere')).toThrow(/named build .*\/tmp\/elsewhere/);
});

test('the tests in a listing of GoogleTest have the names that a filter wants', () => {
	const listing = `Running main() from gtest_main.cc
GpuConvert/0.  # TypeParam = float
  Converts
GpuReplay.
  Equals
  Survives/3  # GetParam() = 8
`;
	expect(listTests(listing)).toEqual(['GpuConvert/0.Converts', 'GpuReplay.Equals', 'GpuReplay.Survives/3']);
	expect(listTests('')).toEqual([]);
});

const printed: string[] = [];
beforeEach(() => {
	printed.length = 0;
	vi.spyOn(console, 'log').mockImplementation((line) => printed.push(String(line)));
});
afterEach(() => vi.restoreAllMocks());

describe.skipIf(process.platform === 'win32')('C++ tests', () => {
	const folder = temporaryFolder();
	/** Runs kernel and graph tests of a program that has `tests`, of which `Broken` fails. */
	const check = (tests: string, gpus: object[]) => {
		const program = `#!/bin/sh
case "$1" in
--gtest_list_tests) printf '${tests}' ;;
*Broken) echo 'written before the first value'; exit 1 ;;
esac`;
		chmodSync(folder.write('arc2face_gpu_tests', Buffer.from(program)), 0o755);
		const stages = new Stages(60_000);
		const machine = { stages, folder: folder.path('.'), env: process.env, gpus, obstacle: 'no driver' };
		checkKernels(machine);
		checkGraphs(machine);
		return stages;
	};
	const [kernels, graphs] = [expect.stringContaining('Kernels'), expect.stringContaining('graphs')];

	test('all run, and a failing one is named with what it said', () => {
		const { failed, passed } = check('GpuStep/0.  # float\\n  Broken\\n  Applies\\nGpuReplay.\\n  Equals\\n', [{}]);
		expect(failed).toEqual([{ what: kernels, why: '1 of 2 failed: GpuStep/0.Broken' }]);
		expect(passed).toMatchObject([{ what: graphs }]);
		expect(printed.join('\n')).toMatch(/written before the first value[\s\S]*ok +GpuStep\/0.Applies/);
	});

	test('without a GPU are left out, but a failing one is told', () => {
		const { failed, leftOut } = check('GpuStep/0.\\n  Applies\\nGpuReplay.\\n  Broken\\n', []);
		expect(leftOut).toEqual([{ what: kernels, why: 'no driver' }]);
		expect(failed).toMatchObject([{ what: graphs }]);
	});

	test('that are not in the program are a failure', () => {
		const { failed } = check('GpuStep/0.\\n  Applies\\n', [{}]);
		expect(failed).toEqual([{ what: graphs, why: expect.stringContaining('none of these tests') }]);
	});
});

describe('stages', () => {
	test('go on after one that failed or was left out, tell the two apart, and say when one has ended', () => {
		let ended = 0;
		const stages = new Stages(60_000, () => {
			ended += 1;
		});
		expect(stages.run('works', () => 7)).toBe(7);
		stages.run('has no place', () => {
			throw new LeftOut('no GPU');
		});
		expect(stages.hasFailed).toBe(false);
		expect(ended).toBe(2);
		stages.run('breaks', () => stages.command(process.execPath, ['-e', 'process.exit(9)']));
		expect(stages.hasFailed).toBe(true);
		expect(stages.leftOut).toEqual([{ what: 'has no place', why: 'no GPU' }]);
		expect(stages.passed).toEqual([{ what: 'works', seconds: expect.any(Number) }]);
		expect(stages.failed).toEqual([{ what: 'breaks', why: expect.stringContaining('exit code 9') }]);
		stages.report();
		const report = printed.join('\n');
		expect(report).toMatch(/passed +\d+ s {2}works/);
		expect(report).toMatch(/left out +\d+ s {2}has no place: no GPU/);
		expect(report).toMatch(/failed +\d+ s {2}breaks: .*exit code 9/);
	});

	test('end with the time, also in the middle of a command', () => {
		const stages = new Stages(1500);
		stages.run('never ends', () => stages.command(process.execPath, ['-e', 'setInterval(() => {}, 1000)']));
		expect(stages.hasFailed).toBe(true);
		stages.run('too late', () => 7);
		expect(stages.leftOut).toEqual([{ what: 'too late', why: 'the time was up' }]);
	});

	test('give a command its own limit, and keep what it said until it failed', () => {
		const stages = new Stages(60_000);
		const outcomeOf = (script: string, limitMs?: number) => {
			try {
				return stages.command(process.execPath, ['-e', script], { capture: true, limitMs });
			} catch (error) {
				return error;
			}
		};
		expect(outcomeOf('console.log(7)')).toEqual({ stdout: '7\n' });
		const failed = outcomeOf('console.log(7); process.exitCode = 9');
		expect(failed).toBeInstanceOf(CommandFailed);
		expect(failed).toMatchObject({ stdout: '7\n', outOfTime: false });
		const stopped = outcomeOf('console.log(7); setInterval(() => {}, 1000)', 3000);
		expect(stopped).toMatchObject({ stdout: '7\n', outOfTime: true });
	});

	test('say which command can not be run', () => {
		const stages = new Stages(60_000);
		stages.run('lacks a program', () => stages.command('no-such-program', []));
		stages.report();
		expect(printed.join('\n')).toContain('no-such-program');
	});
});
