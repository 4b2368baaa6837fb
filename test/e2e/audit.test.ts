// `audit` as a user starts it: portraits of which some show somebody else, groups that say whose, and the page in a real browser.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditReport } from '../../lib/audit/report.ts';
import { packageRoot } from '../../lib/package.ts';
import { missingBrowser, openFile, startBrowser } from '../browser.ts';
import { type Ended, useProgram } from '../program.ts';

const { start } = useProgram();
/** A label that a page must not take for HTML. */
const odd = 'theirs & <b>own';
const people = Array.from({ length: 20 }, (_, i) => `p${String(i).padStart(2, '0')}`);
/** Every other one is painted as the next person. */
const isSwapped = (i: number) => i % 2 === 1;

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const run = (...args: string[]): Promise<Ended> => start(['audit', ...args]).ended;
const reportOf = async (name: string): Promise<AuditReport> =>
	JSON.parse(await readFile(at(name, 'audit.json'), 'utf8'));
const photo = (person: number, i: number) =>
	join(packageRoot, 'test/fixtures/faces', `person-${String(person).padStart(2, '0')}-${i}.jpg`);

let first: Ended;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-audit-'));
	const rows = [];
	for (const [i, name] of people.entries()) {
		for (const where of ['people', 'portraits']) await mkdir(at(where, name), { recursive: true });
		await copyFile(photo(i, 0), at('people', name, '0.jpg'));
		await copyFile(photo(i, 2), at('people', name, '2.jpg'));
		await copyFile(photo(isSwapped(i) ? i - 1 : i, 1), at('portraits', name, '1.jpg'));
		rows.push(`${name},${isSwapped(i) ? "somebody else's" : odd},${i % 4 < 2 ? 'one' : 'other'}`);
	}
	await writeFile(at('people', 'p03', '9.jpg'), 'no photo');
	await writeFile(at('groups.csv'), `person,face,half\n${rows.join('\n')}\n`);
	await writeFile(at('others.csv'), `person,face,half\n${rows.toReversed().join('\n')}\n`);
	first = await run(...given('report'), '--json');
});
afterAll(() => rm(folder, { recursive: true }));

const given = (out: string, labels = 'groups.csv') => {
	const where = ['--portraits', at('portraits'), '--groups', at(labels), '--out', at(out)];
	return [at('people'), ...where, '--bundle', 'tiny'];
};

describe('an audit', () => {
	test('finds whose portraits show somebody else, and nothing between halves that have as many of them', async () => {
		expect(first.code, first.stderr).toBe(1);
		const { measures } = await reportOf('report');
		const [face, half] = measures.likeness.columns;
		expect(face!.groups.map(({ label, gap }) => [label, gap!.isFound, Math.sign(gap!.value)])).toEqual([
			[odd, true, 1],
			["somebody else's", true, -1],
		]);
		expect(face!.largest).toMatchObject({ high: odd, low: "somebody else's", isFound: true });
		expect(half!.groups.map(({ gap }) => gap!.isFound)).toEqual([false, false]);
		expect(measures.failures.columns[0]!.groups.map(({ gap }) => gap!.isFound)).toEqual([true, true]);
		expect(measures.failures.columns[0]!.groups[1]!.value).toBeGreaterThan(0.8);
		expect(measures.detection.columns.flatMap(({ groups }) => groups.map(({ value }) => value))).toEqual([1, 1, 1, 1]);
	});

	test('prints what it says as JSON, with what could not be used, which the report does not name', async () => {
		const printed = JSON.parse(first.stdout);
		const { default: command } = await import('../../lib/commands/audit.ts');
		const told = Object.keys(command.json).filter((key) => /^\w+$/.test(key) && key !== 'error');
		expect(Object.keys(printed).sort()).toEqual(told.sort());
		expect([printed.audit, printed.page]).toEqual([at('report', 'audit.json'), at('report', 'audit.html')]);
		expect(printed.failed).toEqual([
			{ source: 'p03/9.jpg', error: expect.objectContaining({ code: 'INVALID_IMAGE' }) },
		]);
		const report = await reportOf('report');
		expect(printed.measures).toEqual(report.measures);
		expect(printed.groups).toEqual(report.groups.columns);
		expect(JSON.stringify(report)).not.toMatch(/p03|9\.jpg/);
		expect(printed.notes.join()).toContain('These are 20 people, and the smallest group is of 10');
	});

	test('writes the same again, beside an evaluation of the same run, and as a table for people', async () => {
		const { made, ...before } = await reportOf('report');
		const evaluated = start(['evaluate', ...given('report').filter((one) => !/groups/.test(one))]);
		expect((await evaluated.ended).code).toBe(1);
		const again = await run(...given('report'));
		expect(again.code, again.stderr).toBe(1);
		expect({ ...(await reportOf('report')), made: '' }).toEqual({ ...before, made: '' });
		expect(made).toMatch(/^\d{4}-/);
		expect((await readdir(at('report'))).sort()).toEqual([
			'audit.html',
			'audit.json',
			'report.html',
			'report.json',
			'run.json',
		]);
		expect(again.stdout).toContain('column  group');
		expect(again.stdout).toMatch(/^\* face, somebody else's: Likeness worse than of the others, by −0\.\d+ \(/m);
		expect(again.stdout).toContain(`The audit is in ${at('report', 'audit.html')}`);
	});

	test('by other labels does not overwrite it, and says so at once', async () => {
		const before = await stat(at('report', 'audit.html'), { bigint: true });
		const { code, stderr } = await run(...given('report', 'others.csv'));
		expect(code).toBe(2);
		expect(stderr).toContain('holds an audit by other groups than those in others.csv');
		expect(stderr).not.toContain('loading the model');
		expect((await stat(at('report', 'audit.html'), { bigint: true })).mtimeNs).toBe(before.mtimeNs);
	});
});

describe.skipIf(missingBrowser !== undefined)('the page', () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await startBrowser();
	});
	afterAll(() => browser?.close());

	test.each([
		[1280, 'light'],
		[390, 'dark'],
	] as const)('fits %d pixels, says nothing and asks for nothing', async (width, colorScheme) => {
		const { page, said, requests } = await openFile(browser, at('report', 'audit.html'), { width, colorScheme });
		expect(said).toEqual([]);
		expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([page.url()]);
		expect(await page.evaluate(`document.documentElement.scrollWidth`)).toBe(width);
		const clipped = `[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length`;
		expect(await page.evaluate(clipped)).toBe(0);
		await page.close();
	});

	test('has each group with its gap in a table, and says what was found first', async () => {
		const { page } = await openFile(browser, at('report', 'audit.html'), { width: 1280 });
		const found = await page.locator('#found li').allInnerTexts();
		expect(found).toContainEqual(
			expect.stringMatching(/^Worse for face: somebody else's\. Likeness −0\.\d{3} against/),
		);
		const rows = page.getByRole('region', { name: 'Likeness' }).getByRole('row').filter({ hasText: '10 people' });
		expect((await rows.allInnerTexts()).map((text) => text.split(/\s*\n\s*/)[0])).toEqual([
			...[odd, "somebody else's", 'one', 'other'],
		]);
		expect(await page.getByText('1.000 in every group').count()).toBe(1);
		await page.close();
	});
});
