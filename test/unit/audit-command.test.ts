// What `audit` refuses on the command line, before it loads anything or writes.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { runLine } from '../command-line.ts';

const folder = temporaryFolder();
const [photos, groups, out] = ['people', 'groups.csv', 'report'].map((name) => folder.path(name));
const text = 'person,skin\nanna,light\nben,deep\n';

beforeAll(async () => {
	for (const name of ['people/anna/1.jpg', 'people/ben/1.jpg']) {
		await mkdir(dirname(folder.path(name)), { recursive: true });
		await writeFile(folder.path(name), '');
	}
	await writeFile(groups!, text);
	await writeFile(folder.path('strangers.csv'), `${text}clara,deep\n`);
});

const args = (more: readonly string[], { labels = groups!, into = out! } = {}) => {
	return ['audit', photos!, '--groups', labels, '--out', into, ...more];
};

test.each<[string[], string]>([
	[['audit'], "missing required argument 'photos'"],
	[['audit', 'people'], 'Expected a file for --groups but received none.'],
	[['audit', 'people', '--groups', 'g.csv'], 'Expected a folder for --out but received none.'],
	[args(['--portraits', 'p', '--steps', '3']), 'Expected no --steps with --portraits but received both'],
])('%j is wrong usage', async (line, problem) => {
	const { isFine, wrong } = await runLine(line);
	expect(isFine).toBe(false);
	expect(wrong.toLowerCase()).toContain(problem.toLowerCase());
});

test.each<[string[], string, object]>([
	[['--min-similarity', '1.5'], 'INVALID_ARGUMENT', { option: 'minSimilarity' }],
	[['--per-identity', '0'], 'INVALID_ARGUMENT', { option: 'perIdentity' }],
])('%j is refused', async (more, code, details) => {
	await expect(runLine(args(more))).rejects.toMatchObject({ code, details });
	await expect(readdir(out!)).rejects.toThrow('ENOENT');
});

test.each<[string, string, object]>([
	['strangers.csv', 'INVALID_ARGUMENT', { option: 'groups' }],
	['nowhere.csv', 'FILE_FAILED', { file: folder.path('nowhere.csv') }],
])('groups of %s are refused', async (name, code, details) => {
	const running = runLine(args([], { labels: folder.path(name) }));
	await expect(running).rejects.toMatchObject({ code, details });
	await expect(readdir(out!)).rejects.toThrow('ENOENT');
});

test('photos that are nowhere are told', async () => {
	const running = runLine(['audit', folder.path('nobody'), '--groups', groups!, '--out', out!]);
	await expect(running).rejects.toMatchObject({ code: 'FILE_FAILED', details: { file: folder.path('nobody') } });
});

const digest = createHash('sha256').update(text).digest('hex');
test.each<[string, object | string, string[], string]>([
	['of another threshold', { groups: { digest }, threshold: { value: 0.4, by: 'user' } }, [], 'with another --min'],
	[
		'without one',
		{ groups: { digest }, threshold: { value: 0.4, by: 'photos' } },
		['--min-similarity', '0.4'],
		'with another',
	],
	['by other groups', { groups: { digest: 'a'.repeat(64) }, threshold: null }, [], 'by other groups than those in'],
	['that was not written here', 'cut sho', [], 'by other groups'],
])('a folder with an audit %s is refused, and stays as it is', async (name, before, more, problem) => {
	const own = folder.path(name);
	await mkdir(own);
	const written = typeof before === 'string' ? before : JSON.stringify(before);
	await writeFile(`${own}/audit.json`, written);
	await writeFile(`${own}/run.json`, '{ "format": 1 }');
	await expect(runLine(args(more, { into: own }))).rejects.toMatchObject({
		code: 'INVALID_ARGUMENT',
		problem: expect.stringContaining(problem),
		details: { option: 'out', file: `${own}/audit.json` },
	});
	expect(await readFile(`${own}/audit.json`, 'utf8')).toBe(written);
});
