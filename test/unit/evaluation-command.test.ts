// What `evaluate` refuses on the command line, before it reads anything.
import { expect, test } from 'vitest';
import { runLine } from '../command-line.ts';

const nowhere = '/nowhere/at-all';

test.each<[string[], string]>([
	[['evaluate'], "missing required argument 'photos'"],
	[['evaluate', nowhere], 'Expected a folder for --out but received none.'],
	[
		['evaluate', nowhere, '--out', 'r', '--portraits', 'p', '--steps', '3'],
		'Expected no --steps with --portraits but received both',
	],
	[['evaluate', nowhere, '--out', 'r', '--portraits', 'p', '--lcm'], 'Expected no --lcm with --portraits'],
	[['evaluate', nowhere, '--out', 'r', '--alignment', 'none'], 'Expected one of photos, both for --alignment'],
	[['evaluate', nowhere, '--out', 'r', '--guidance', '3'], "unknown option '--guidance'"],
])('%j is wrong usage', async (args, text) => {
	const { isFine, wrong } = await runLine(args);
	expect(isFine).toBe(false);
	expect(wrong.toLowerCase()).toContain(text.toLowerCase());
});

test.each([
	['--per-identity', '0'],
	['--seed', '-1'],
	['--steps', '0'],
	['--threads', '0'],
])('%s %s is refused', async (flag, value) => {
	const running = runLine(['evaluate', nowhere, '--out', 'r', flag, value]);
	await expect(running).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('photos that are nowhere are told', async () => {
	const running = runLine(['evaluate', nowhere, '--out', 'r', '--bundle', 'tiny']);
	await expect(running).rejects.toMatchObject({ code: 'FILE_FAILED', problem: expect.stringContaining(nowhere) });
});
