// What `evaluate` refuses on the command line, before it reads anything.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { runLine } from '../command-line.ts';

const nowhere = '/nowhere/at-all';
const folder = temporaryFolder();

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
	[
		['evaluate', nowhere, '--out', 'r', '--evaluation', 'elsewhere'],
		`Expected the networks of FID or LPIPS in a bundle for --evaluation but there is no ${join('elsewhere', 'evaluation', 'pt_inception')}`,
	],
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

test.each([
	['below a file', 'notes.txt/report', 'FILE_FAILED', 'is a file, not a folder'],
	['that is a file', 'notes.txt', 'FILE_FAILED', 'is a file, not a folder'],
	['with files of something else', '', 'INVALID_ARGUMENT', 'has other files'],
])('a folder %s is refused for the report before photos are read', async (_, out, code, problem) => {
	await writeFile(folder.path('notes.txt'), '');
	for (const command of ['evaluate', 'audit']) {
		const line = [command, nowhere, '--out', join(folder.path('.'), out)];
		const running = runLine(command === 'audit' ? [...line, '--groups', nowhere] : line);
		await expect(running).rejects.toMatchObject({ code, problem: expect.stringContaining(problem) });
	}
});
