// What an old Node.js says. None is here, so the file that it would parse is run as if by its version and syntax.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { program } from '../program.ts';

const required = packageJson.engines.node.replace('>=', '');

test.each(['12.22.12', '18.20.8', '20.9.0', '20.16.0'])('Node.js %s is told which one is needed', (version) => {
	const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } }); require(process.argv[1]);`;
	const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', pretend, program], { encoding: 'utf8' });
	expect([status, stdout]).toEqual([1, '']);
	expect(stderr).toBe(`arc2face: Expected Node.js ${required} or newer but this is ${version}.\n`);
});

test('the package starts by it, and what it starts with is a script in words of 2018', () => {
	expect(program.endsWith(packageJson.bin.arc2face)).toBe(true);
	const text = readFileSync(program, 'utf8').replace(/^#!.*/, '');
	expect(() => new Script(text)).not.toThrow(); // not a module
	expect(text).not.toMatch(/\?\.|\?\?|\bawait\b|\bstatic\b|#\w|\d_\d|^import\s|^export\s/m);
});
