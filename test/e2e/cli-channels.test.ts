// stdout is for results, stderr for everything else: what happens to the work when one of them ends.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useProgram } from '../program.ts';

const { current, start, shell } = useProgram();
const astronaut = join(import.meta.dirname, '../fixtures/astronaut.png');
const paint = `$arc2face generate '${astronaut}' --bundle tiny --steps 1 --seed 1`;
const isThere = (file = 'astronaut-1.png') => existsSync(join(current.folder, file));

describe('a reader of stderr that leaves', () => {
	test('stops neither the work nor the results', async () => {
		const { stdout } = await shell(`{ ${paint}; echo "code $?" > code.txt; } 2>&1 >out.txt | head -1`);
		expect(stdout).toBe('loading the model\n');
		expect(await readFile(join(current.folder, 'code.txt'), 'utf8')).toBe('code 0\n');
		expect(await readFile(join(current.folder, 'out.txt'), 'utf8')).toContain('astronaut-1.png');
		expect(isThere()).toBe(true);
	});

	test('before it has read anything, does not either', async () => {
		const { stdout } = await shell(`(${paint} --json; echo "code $?") 2> >(exec true)`);
		expect(stdout).toMatch(/"file": "astronaut-1\.png"[\s\S]*code 0/);
		expect(isThere()).toBe(true);
	});

	test('leaves a failure what it is', async () => {
		const { stdout } = await shell(`($arc2face generate nobody.png; echo "code $?") 2> >(exec true)`);
		expect(stdout).toBe('code 1\n');
	});
});

describe('a reader of stdout that leaves', () => {
	test('gets no complaint, and the portraits are painted', async () => {
		const { stdout, stderr } = await shell(`set -o pipefail; ${paint} | true; echo "code $?"`);
		expect(stdout).toBe('code 0\n');
		expect(stderr).not.toContain('arc2face:');
		expect(isThere()).toBe(true);
	});

	test('may do so in the middle of a long result, or before a short one', async () => {
		const { child, ended } = start(['doctor', '--json']);
		child.stdout.destroy();
		expect(await ended).toMatchObject({ code: 0, stderr: '' });
		const { stdout, stderr } = await shell('set -o pipefail; $arc2face --version | true; echo "code $?"');
		expect([stdout, stderr]).toEqual(['code 0\n', '']);
	});
});

describe.skipIf(process.platform !== 'linux')('a stdout that takes nothing', () => {
	// /dev/full is a disk without space.
	test.each([
		['a table', paint],
		['an image', `${paint} --out -`],
		['JSON', '$arc2face doctor --json'],
		['a help', '$arc2face generate --help'],
	])('is a failure for %s', async (_, line) => {
		const { stdout, stderr } = await shell(`${line} > /dev/full; echo "code $?"`);
		expect(stdout).toBe('code 1\n');
		expect(stderr).toMatch(/arc2face: Could not write the result to stdout: ENOSPC.*Free some space/);
		expect(stderr).not.toContain('    at ');
	});
});

describe('progress', () => {
	// A terminal of its own, by util-linux's `script`. It joins stdout and stderr.
	const onTerminal = (line: string, env: Record<string, string>) => shell(`script -qec "${line}" /dev/null`, env);
	const calm = { TERM: 'xterm', CI: '', NO_COLOR: '' };

	test.skipIf(process.platform !== 'linux')('moves on a terminal', async () => {
		const { stdout } = await onTerminal(paint, calm);
		expect(stdout).toContain('\u001b[');
	});

	test.skipIf(process.platform !== 'linux').each([
		['a dumb terminal', { TERM: 'dumb' }],
		['who wants no colour', { NO_COLOR: '1' }],
		['the log of a CI', { CI: 'true' }],
	])('is told in lines to %s', async (_, env) => {
		const { stdout } = await onTerminal(paint, { ...calm, ...env });
		expect(stdout).toContain('loading the model\r\n');
		expect(stdout).toContain('astronaut-1.png');
		expect(stdout).not.toContain('\u001b');
	});
});
