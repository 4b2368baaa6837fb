import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
// @ts-expect-error: plain JavaScript, because it runs before anything is compiled
import { markdown, requirements } from '../../benchmarks/gpu/table.js';
// @ts-expect-error
import { LeftOut, Stages } from './stages.js';

// What test:gpu and bench:gpu say about themselves: a part that did not run, or a number that is none, must show.

const queued = 'UNet and step kernels, queued';
const replayed = 'UNet and step kernels, graph replayed';
const host = "a step in the pipeline: the host's thread";
const step = (name: string, values: (number | null)[], rows = 2) => ({ name, rows, unit: 'ms', values });

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
		expect(requirements({ results }).map(({ met }: { met: boolean }) => met)).toEqual(met);
	});
});

describe('the page', () => {
	const machine = { cpu: 'a processor', node: 'v20.0.0', gpu: { name: 'NVIDIA H200' } };
	const engines = { library: 'TensorRT 11.1', results: [step(queued, [3, 1, 2]), step(replayed, [2, null])] };

	test('has medians, and shows what is no number and what was left out', () => {
		const leftOut = [{ what: 'PyTorch', why: 'there is none' }];
		const page = markdown({ date: '2026-11-22', dryRun: false, machine, engines, leftOut });
		expect(page).toContain('# NVIDIA H200, 2026-11-22');
		expect(page).toContain(`| ${queued} | 2 | 2 ms | 1 to 3 | 3 |`);
		expect(page).toContain(`| ${replayed} | 2 | no number |`);
		expect(page).toContain('**not so**');
		expect(page).toContain('- PyTorch: there is none');
		expect(page).not.toContain('dry run');
	});

	test('of a dry run says so, and judges nothing', () => {
		const page = markdown({ date: '2026-11-22', dryRun: true, machine, engines, leftOut: [] });
		expect(page).toContain('The numbers mean nothing.');
		expect(page).not.toContain('Asked for');
	});
});

describe('stages', () => {
	const printed: string[] = [];
	beforeEach(() => {
		printed.length = 0;
		vi.spyOn(console, 'log').mockImplementation((line) => printed.push(String(line)));
	});
	afterEach(() => vi.restoreAllMocks());

	test('go on after one that failed or was left out, and tell the two apart', () => {
		const stages = new Stages(60_000);
		expect(stages.run('works', () => 7)).toBe(7);
		stages.run('has no place', () => {
			throw new LeftOut('no GPU');
		});
		expect(stages.hasFailed).toBe(false);
		stages.run('breaks', () => stages.command(process.execPath, ['-e', 'process.exit(9)']));
		expect(stages.hasFailed).toBe(true);
		expect(stages.leftOut).toEqual([{ what: 'has no place', why: 'no GPU' }]);
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

	test('say which command can not be run', () => {
		const stages = new Stages(60_000);
		stages.run('lacks a program', () => stages.command('no-such-program', []));
		stages.report();
		expect(printed.join('\n')).toContain('no-such-program');
	});
});
