// `consent`, `deny` and what `generate` has of them, from the command line.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { bytesOf, person, tamper } from '../ledger-file.ts';
import { useProgram } from '../program.ts';

const { current, run, start } = useProgram();
const inFolder = (name: string) => join(current.folder, name);
const [anna, ben] = [person(1), person(2)];
const ledger = ['--ledger', 'a.ledger', '--key-file', 'key'];
const denyList = ['--deny-list', 'p.deny', '--key-file', 'key'];
const generate = (...args: string[]) =>
	run(
		'generate',
		...['--bundle', 'tiny', '--device', 'cpu', '--steps', '2', '--seed', '4', '--key-file', 'key'],
		...args,
	);

beforeEach(async () => {
	await writeFile(inFolder('key'), `${Buffer.alloc(32, 3).toString('base64')}\n`);
	await writeFile(inFolder('anna.json'), JSON.stringify({ embedding: Array.from(anna) }));
	await writeFile(inFolder('ben.json'), JSON.stringify({ embedding: Array.from(ben) }));
	await writeFile(inFolder('form.pdf'), 'I consent');
});

const add = (...args: string[]) => run('consent', 'add', '--subject', 'c-1', '--purpose', 'ads', ...ledger, ...args);

describe('a life of consent', () => {
	test('from the record to the erasure', async () => {
		const added = await add(
			'--identity',
			'anna.json',
			'--evidence-file',
			'form.pdf',
			'--expires',
			'2090-12-31',
			'--json',
		);
		expect([added.code, added.stderr]).toEqual([0, '']);
		const { id } = JSON.parse(added.stdout);

		const made = await generate(
			...['--identity', 'anna.json', '--consent', 'a.ledger', '--purpose', 'ads', '--subject', 'c-1'],
			...['--count', '2', '--save-recipe', '--out', 'o'],
		);
		expect([made.code, made.stdout]).toEqual([0, expect.stringContaining('o/anna-4.png')]);

		const list = await run('consent', 'list', ...ledger);
		expect(list.stdout).toMatch(new RegExp(`${id} +c-1 +ads +2091-01-01 00:00 +valid +kept +2`));

		const exported = await run('consent', 'export', ...ledger, '--subject', 'c-1', '--out', 'c-1.json');
		expect(exported.code).toBe(0);
		const all = JSON.parse(await readFile(inFolder('c-1.json'), 'utf8'));
		expect(all.log.map(({ kind }: { kind: string }) => kind)).toEqual(['add', 'paint', 'paint']);
		expect(JSON.parse((await run('consent', 'export', ...ledger)).stdout)).toEqual(all);

		const others = ['ben.recipe.json', 'o/anna-4.recipe.json', 'o/anna-5.recipe.json'];
		const recipe = JSON.parse(await readFile(inFolder('o/anna-4.recipe.json'), 'utf8'));
		await writeFile(
			inFolder('ben.recipe.json'),
			JSON.stringify({ ...recipe, identity: { embedding: Array.from(ben) } }),
		);
		const revoked = await run('consent', 'revoke', ...ledger, '--subject', 'c-1', ...others);
		expect(revoked.code).toBe(0);
		const { log } = all;
		expect(revoked.stdout).toBe(
			[
				'Revoked 1 record, under which 2 images were painted.',
				...['Digests of their recipes:', `  ${log[1].recipe}`, `  ${log[2].recipe}`],
				...[
					'Of the recipes that you named, these are among them:',
					'  o/anna-4.recipe.json',
					'  o/anna-5.recipe.json',
					'',
				],
			].join('\n'),
		);
		const refused = await generate(
			'--recipe',
			'o/anna-4.recipe.json',
			'--consent',
			'a.ledger',
			'--purpose',
			'ads',
			'--out',
			'n',
		);
		expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('There is no consent to paint')]);

		const erased = await run('consent', 'erase', ...ledger, '--record', id, '--json');
		expect(JSON.parse(erased.stdout)).toMatchObject({ records: [id], painted: 2, files: [] });
		const audit = await run('consent', 'audit', ...ledger);
		expect([audit.code, audit.stdout]).toEqual([
			...[
				0,
				expect.stringMatching(
					/^The ledger is whole: 1 record, and 5 rows in its log\.\nIts last row is 5:[0-9a-f]{64}\n$/,
				),
			],
		]);
	});

	test('that has ended when it is recorded is told', async () => {
		const { code, stderr, stdout } = await add('--expires', '2020-01-31');
		expect([code, stdout]).toEqual([0, expect.stringContaining('c-1 consents to ads')]);
		expect(stderr).toContain('Nobody may be painted under this record: it expired at 2020-02-01T00:00:00.000Z.');
	});

	test('of nobody in particular is not ended', async () => {
		await add();
		const { code, stderr } = await run('consent', 'revoke', '--purpose', 'ads', ...ledger);
		expect([code, stderr]).toEqual([
			2,
			expect.stringContaining('Expected a record or a subject for --subject but received neither.'),
		]);
	});

	test('that ends at no date is wrong usage', async () => {
		const { code, stderr } = await add('--expires', 'soon');
		expect([code, stderr]).toEqual([2, expect.stringContaining('Expected an ISO date such as 2027-12-31 or')]);
	});

	test.skipIf(process.platform === 'win32')('leaves no recipe or export that others can read', async () => {
		await add('--identity', 'anna.json');
		const asked = ['--identity', 'anna.json', '--consent', 'a.ledger', '--purpose', 'ads'];
		expect((await generate(...asked, '--save-recipe', '--out', 'o')).code).toBe(0);
		expect((await run('consent', 'export', ...ledger, '--out', 'all.json')).code).toBe(0);
		for (const name of ['o/anna-4.recipe.json', 'all.json']) {
			expect((await stat(inFolder(name))).mode & 0o777).toBe(0o600);
		}
	});

	test('that ends before anything was made', async () => {
		await add();
		const revoked = await run('consent', 'revoke', ...ledger, '--subject', 'c-1');
		expect(revoked.stdout).toBe('Revoked 1 record, under which 0 images were painted.\n');
	});
});

describe('generate', () => {
	test.each<[string, string[], RegExp]>([
		[
			'a part of the purpose',
			['--scope', 'autumn'],
			/"autumn" is none of it\. Name the part with --scope, if it is for that\./,
		],
		['another purpose', ['--purpose', 'news'], /for other purposes\. Record their consent with `arc2face consent add`/],
		['another subject', ['--subject', 'c-9'], /the subject "c-9" for "ads": the ledger has no record/],
	])('with --consent paints nothing for %s, and says why', async (_, args, why) => {
		await add('--identity', 'anna.json', '--scope', 'spring,summer');
		const asked = ['--identity', 'anna.json', '--consent', 'a.ledger', '--out', 'o'];
		const purpose = args[0] === '--purpose' ? [] : ['--purpose', 'ads'];
		const { code, stderr, stdout } = await generate(...asked, ...purpose, ...args, '--json');
		expect([code, stderr]).toEqual([1, expect.stringMatching(why)]);
		expect(JSON.parse(stdout).results[0].error.code).toBe('CONSENT_REQUIRED');
		const fine = await generate(...asked, '--purpose', 'ads', '--scope', 'spring');
		expect(fine.code).toBe(0);
	});

	test.each<[string[], RegExp]>([
		[
			['--consent', 'a.ledger'],
			/Expected what the images are for, as the ledger has it, for --purpose but received nothing/,
		],
		[['--purpose', 'ads'], /Expected a model with a ledger \(--consent\) for --purpose but received one without/],
	])('with %j is wrong usage', async (args, why) => {
		await add();
		const { code, stderr } = await generate('--identity', 'anna.json', ...args, '--out', 'o');
		expect([code, stderr]).toEqual([2, expect.stringMatching(why)]);
	});

	test('with --deny-list paints nobody on it, and everybody else', async () => {
		expect((await run('deny', 'add', '--subject', 'p-7', '--identity', 'ben.json', ...denyList)).code).toBe(0);
		const denied = await generate('--identity', 'ben.json', '--deny-list', 'p.deny', '--out', 'o', '--json');
		expect([denied.code, JSON.parse(denied.stdout).results[0].error]).toEqual([
			...[1, { code: 'DENIED', problem: expect.not.stringContaining('p-7'), details: {} }],
		]);
		expect((await generate('--identity', 'anna.json', '--deny-list', 'p.deny', '--out', 'o')).code).toBe(0);
		expect((await run('deny', 'list', ...denyList)).stdout).toMatch(/^subject {2}identities.*\np-7 +1 {2}\d{4}-/);
		expect((await run('deny', 'remove', '--subject', 'p-7', ...denyList)).code).toBe(0);
		expect((await run('deny', 'list', ...denyList)).stdout).toBe('Nobody.\n');
		expect((await generate('--identity', 'ben.json', '--deny-list', 'p.deny', '--out', 'o')).code).toBe(0);
	});

	test('with a mistyped list paints nothing', async () => {
		const { code, stderr } = await generate('--identity', 'anna.json', '--deny-list', 'typo.deny', '--out', 'o');
		expect([code, stderr]).toEqual([1, expect.stringContaining('`arc2face deny add` makes a new one')]);
	});
});

describe('an audit', () => {
	test('names the row that was changed, and fails', async () => {
		await add();
		await add('--subject', 'c-2').then(({ code }) => expect(code).toBe(2)); // twice
		await run('consent', 'add', '--subject', 'c-2', '--purpose', 'ads', ...ledger);
		tamper(inFolder('a.ledger'), (database) =>
			database.exec(`UPDATE log SET entry = replace(entry, 'c-1', 'c-3') WHERE row = 1`),
		);
		const text = await run('consent', 'audit', ...ledger);
		expect([text.code, text.stdout]).toEqual([
			1,
			expect.stringMatching(/damaged:\n {2}row 1, record [0-9a-f]{16}: it was changed/),
		]);
		const json = await run('consent', 'audit', ...ledger, '--json');
		expect([json.code, JSON.parse(json.stdout).faults]).toEqual([1, [expect.objectContaining({ row: 1 })]]);
		const list = await run('consent', 'list', ...ledger);
		expect([list.code, list.stderr]).toEqual([1, expect.stringContaining('`arc2face consent audit` tells all')]);
	});

	test('compares with a row that was kept', async () => {
		await add();
		const { head } = JSON.parse((await run('consent', 'audit', ...ledger, '--json')).stdout);
		await add();
		expect((await run('consent', 'audit', ...ledger, '--head', `${head.row}:${head.hash}`)).code).toBe(0);
		expect((await run('consent', 'audit', ...ledger, '--head', `2:${head.hash}`)).code).toBe(1);
		expect((await run('consent', 'audit', ...ledger, '--head', 'x')).code).toBe(2);
	});
});

describe('a key', () => {
	test('may come from the environment, and is in no output and no file', async () => {
		const key = Buffer.alloc(32, 3).toString('hex');
		const env = { ARC2FACE_CONSENT_KEY: key };
		const args = [
			'consent',
			'add',
			'--subject',
			'c',
			'--purpose',
			'ads',
			'--identity',
			'anna.json',
			'--ledger',
			'a.ledger',
		];
		const made = await start([...args, '--json'], env).ended;
		expect(made.code).toBe(0);
		// It is that of the key file.
		expect((await run('consent', 'list', ...ledger)).code).toBe(0);
		const bytes = bytesOf(inFolder('a.ledger'));
		expect(bytes.includes(Buffer.alloc(32, 3)) || bytes.includes(key)).toBe(false);
		const wrong = await start(['consent', 'list', '--ledger', 'a.ledger'], { ARC2FACE_CONSENT_KEY: 'hunter2' }).ended;
		expect([wrong.code, wrong.stderr]).toEqual([
			2,
			expect.stringContaining('for ARC2FACE_CONSENT_KEY but received something'),
		]);
		expect(wrong.stderr).not.toContain('hunter2');
		const none = await start(['consent', 'list', '--ledger', 'a.ledger'], { ARC2FACE_CONSENT_KEY: '' }).ended;
		expect([none.code, none.stderr]).toEqual([
			2,
			expect.stringContaining('Pass --key-file, or let ARC2FACE_CONSENT_KEY'),
		]);
	});
});

test.each<[string[], string]>([
	[['consent', 'add', '--purpose', 'p', ...ledger], 'Expected --subject for consent add'],
	[['consent', 'add', '--subject', 's', ...ledger], 'Expected --purpose for consent add'],
	[['consent', 'list'], 'Expected a file for --ledger of consent list'],
	[['deny', 'add', '--subject', 's', ...denyList], 'Expected --identity for deny add'],
	[['deny', 'list'], 'Expected a file for --deny-list of deny list'],
	[['deny', 'remove', ...denyList], 'Expected --subject for deny remove'],
])('%j is wrong usage', async (args, problem) => {
	const { code, stderr } = await run(...args);
	expect([code, stderr]).toEqual([2, expect.stringContaining(problem)]);
});
