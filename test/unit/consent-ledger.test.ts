// The consent ledger: records, who may be painted by them, what is left of them, and what it finds of those who change it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { ConsentLedger, type NewConsent } from '../../lib/consent/ledger.ts';
import type { AskedConsent, OpenOptions, Person } from '../../lib/options/consent.ts';
import type { Recipe } from '../../lib/options/recipe.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { alikeTo, bytesOf, person, tamper } from '../ledger-file.ts';

const folder = temporaryFolder();
const key = Buffer.alloc(32, 7);
const anna = person(1);
const ads: AskedConsent = { purpose: 'ads', scope: undefined };
const digest = 'ab'.repeat(32);
const recipe = (seed: number) => ({ format: 1, options: { seed } }) as Recipe;
let files = 0;
const opened: ConsentLedger[] = [];
afterEach(() => Promise.all(opened.splice(0).map((ledger) => ledger.dispose())));

/** A new ledger. */
async function ledgerOf(records: readonly NewConsent[] = [], options: OpenOptions = { key }) {
	const file = folder.path(`${++files}.ledger`);
	const ledger = await ConsentLedger.open(file, { ...options, create: true });
	opened.push(ledger);
	const ids: string[] = [];
	for (const record of records) ids.push((await ledger.add(record)).id);
	return { ledger, file, ids };
}

const permitted = (ledger: ConsentLedger, people: readonly Person[], asked = ads) => ledger.permit(people, asked, 0.6);
const refusal = async (promise: Promise<unknown>) => {
	const error = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	return error as { code: string; problem: string; details: Record<string, unknown> } | undefined;
};

describe('records', () => {
	test('are kept, with what is known of them, and found again by another process', async () => {
		const { ledger, file } = await ledgerOf();
		const terms = { subject: 'c-1', purpose: 'ads', scope: ['spring', 'summer'], expires: '2090-01-31' };
		const { id, added, ...record } = await ledger.add({ ...terms, identity: anna, evidence: digest.toUpperCase() });
		expect(record).toEqual({
			...{ ...terms, expires: '2090-02-01T00:00:00.000Z', state: 'valid', painted: 0 },
			...{ hasIdentity: true, hasEvidence: true },
		});
		expect(Math.abs(Date.now() - Date.parse(added))).toBeLessThan(60_000);
		await ledger.add({ subject: 'c-2', purpose: 'research', expires: new Date(0) });
		await ledger.dispose();
		await using again = await ConsentLedger.open(file, { key: key.toString('hex') });
		expect(await again.list({ subject: 'c-1' })).toEqual([{ id, added, ...record }]);
		expect((await again.list()).map(({ subject, state }) => [subject, state])).toEqual([
			['c-1', 'valid'],
			['c-2', 'expired'],
		]);
		expect(await again.list({ purpose: 'nothing' })).toEqual([]);
	});

	test('have the digest of a file', async () => {
		const form = folder.write('form.pdf', Buffer.from('I consent'));
		const { ledger, file } = await ledgerOf([{ subject: 'c-1', purpose: 'ads', evidenceFile: form }]);
		await ledger.dispose();
		const [row] = tamper(file, (database) => database.prepare('SELECT digest FROM evidence').all([]));
		expect(row!.digest).toBe(createHash('sha256').update('I consent').digest('hex'));
	});

	test.each<[string, unknown, string]>([
		['no subject', { purpose: 'ads' }, 'subject'],
		['an empty purpose', { subject: 'c', purpose: '' }, 'purpose'],
		['a subject of two lines', { subject: 'c\nd', purpose: 'ads' }, 'subject'],
		['a day that is none', { subject: 'c', purpose: 'ads', expires: '2027-02-30' }, 'expires'],
		['a date of another form', { subject: 'c', purpose: 'ads', expires: '31.12.2027' }, 'expires'],
		['an empty scope', { subject: 'c', purpose: 'ads', scope: [] }, 'scope'],
		['evidence that is no digest', { subject: 'c', purpose: 'ads', evidence: 'abc' }, 'evidence'],
		['evidence twice', { subject: 'c', purpose: 'ads', evidence: digest, evidenceFile: 'f' }, 'evidence'],
		['an identity that is none', { subject: 'c', purpose: 'ads', identity: [1, 2] }, 'identity'],
		['an unknown option', { subject: 'c', purpose: 'ads', name: 'Anna' }, 'name'],
	])('with %s are refused, and nothing is written', async (_, record, option) => {
		const { ledger } = await ledgerOf();
		expect(await refusal(ledger.add(record as NewConsent))).toMatchObject({
			...{ code: 'INVALID_ARGUMENT', details: { option } },
		});
		expect((await ledger.audit()).rows).toBe(0);
	});

	test('of a ledger without a key have no identity', async () => {
		const { ledger } = await ledgerOf([{ subject: 'c-1', purpose: 'ads' }], {});
		const { code, problem } = (await refusal(ledger.add({ subject: 'c', purpose: 'ads', identity: anna })))!;
		expect([code, problem]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('without a key')]);
		expect(await ledger.list()).toMatchObject([{ subject: 'c-1', hasIdentity: false }]);
		expect(await permitted(ledger, [{ embedding: anna, subject: 'c-1' }])).toHaveLength(1);
	});
});

describe('who may be painted', () => {
	const records: NewConsent[] = [
		{ subject: 'anna', purpose: 'ads', identity: anna },
		{ subject: 'ben', purpose: 'ads', scope: ['spring'], identity: person(2) },
		{ subject: 'cleo', purpose: 'ads', expires: '2020-01-01', identity: person(3) },
		{ subject: 'dora', purpose: 'research', identity: person(4) },
		{ subject: 'emil', purpose: 'ads' },
	];

	test('is told by reference, and by similarity', async () => {
		const { ledger, ids } = await ledgerOf(records);
		expect(await permitted(ledger, [{ embedding: anna, subject: 'anna' }])).toEqual([ids[0]]);
		expect(await permitted(ledger, [{ embedding: alikeTo(anna, 0.61) }])).toEqual([ids[0]]);
		expect(await permitted(ledger, [{ embedding: person(50), subject: 'emil' }])).toEqual([ids[4]]);
		const spring = { purpose: 'ads', scope: 'spring' };
		const both = [{ embedding: person(2) }, { embedding: anna }];
		expect(await permitted(ledger, both, spring)).toEqual([ids[1], ids[0]]);
	});

	test.each<[string, Person, AskedConsent, object, RegExp]>([
		['nobody knows', { embedding: person(9) }, ads, { reason: 'none' }, /no record of them/],
		['is named and unknown', { embedding: anna, subject: 'zoe' }, ads, { reason: 'none', subject: 'zoe' }, /"zoe"/],
		['is not alike enough', { embedding: alikeTo(anna, 0.59) }, ads, { reason: 'none' }, /no record/],
		['had consented until', { embedding: person(3) }, ads, { reason: 'expired' }, /has expired/],
		['is named and had consented until', { embedding: anna, subject: 'cleo' }, ads, { reason: 'expired' }, /expired/],
		['consented to something else', { embedding: person(4) }, ads, { reason: 'purpose' }, /other purposes/],
		[
			'consented to a part',
			{ embedding: person(2) },
			ads,
			{ reason: 'scope' },
			/a part of it only, and the call names none/,
		],
		[
			...(['consented to another part', { embedding: person(2), subject: 'ben' }] as const),
			...([
				{ purpose: 'ads', scope: 'autumn' },
				{ reason: 'scope', scope: 'autumn' },
				/"autumn" is none of it/,
			] as const),
		],
		['is another one', { embedding: person(9), subject: 'anna' }, ads, { reason: 'unlike', subject: 'anna' }, /unlike/],
	])('is not one who %s', async (_, somebody, asked, details, problem) => {
		const { ledger } = await ledgerOf(records);
		const error = (await refusal(permitted(ledger, [{ embedding: anna }, somebody], asked)))!;
		const error2 = (await refusal(permitted(ledger, [somebody], asked)))!;
		expect(error2).toMatchObject({ code: 'CONSENT_REQUIRED', details: { purpose: 'ads', ...details } });
		expect(error2.problem).toMatch(problem);
		// Nor with somebody else who may be.
		expect(error.code).toBe('CONSENT_REQUIRED');
		// No message tells how alike.
		expect(JSON.stringify(error2)).not.toMatch(/0\.\d|similarity/);
	});

	test('is not one who has revoked, from the next moment on, also in another process', async () => {
		const { ledger, file, ids } = await ledgerOf(records);
		await using other = await ConsentLedger.open(file, { key });
		expect(await permitted(other, [{ embedding: anna, subject: 'anna' }])).toEqual([ids[0]]);
		await ledger.revoke({ subject: 'anna' });
		for (const one of [ledger, other]) {
			expect(await refusal(permitted(one, [{ embedding: anna, subject: 'anna' }]))).toMatchObject({
				...{ code: 'CONSENT_REQUIRED', details: { reason: 'revoked', subject: 'anna' } },
				problem: expect.stringContaining('was revoked'),
			});
			// The identity is gone, so nobody is recognised by it.
			expect(await refusal(permitted(one, [{ embedding: anna }]))).toMatchObject({ details: { reason: 'none' } });
			expect(await refusal(one.logPainted([ids[0]!], ads, recipe(1)))).toMatchObject({
				details: { reason: 'revoked' },
			});
		}
	});

	test('is one who has consented again', async () => {
		const { ledger } = await ledgerOf(records);
		await ledger.revoke({ subject: 'anna' });
		const { id } = await ledger.add({ subject: 'anna', purpose: 'ads', identity: anna });
		expect(await permitted(ledger, [{ embedding: anna, subject: 'anna' }])).toEqual([id]);
		expect(await permitted(ledger, [{ embedding: anna }])).toEqual([id]);
	});

	test('is known by the threshold of the ledger before that of the model', async () => {
		const { ledger, file } = await ledgerOf(records);
		await ledger.dispose();
		await using strict = await ConsentLedger.open(file, { key, threshold: 0.9 });
		expect(await refusal(permitted(strict, [{ embedding: alikeTo(anna, 0.8) }]))).toMatchObject({
			details: { reason: 'none' },
		});
	});

	test('in a photo is who is painted, or has a record', async () => {
		const { ledger, ids } = await ledgerOf(records);
		const painted = { embedding: person(50), index: 0, subject: 'emil' };
		const shown = (embedding: Float32Array) => permitted(ledger, [painted, { embedding, photo: 'image' }]);
		expect(await shown(alikeTo(person(50), 0.7))).toEqual([ids[4], ids[4]]);
		expect(await shown(anna)).toEqual([ids[4], ids[0]]);
		expect(await refusal(shown(person(51)))).toMatchObject({ details: { reason: 'none', photo: 'image' } });
	});
});

describe('the log', () => {
	test('has what was done, and of people nothing but their reference', async () => {
		const { ledger, file, ids } = await ledgerOf([
			{ subject: 'c-1', purpose: 'ads', identity: anna, evidence: digest },
		]);
		const id = ids[0]!;
		await ledger.logEncoded(alikeTo(anna, 0.8), 0.6);
		await ledger.logEncoded(person(8), 0.6);
		await ledger.logPreviews([id, id], ads);
		await ledger.logPainted([id], ads, recipe(1));
		await ledger.logPainted([id], ads, undefined);
		const { log, head, records } = await ledger.export();
		expect(log.map(({ at: _, row: __, ...entry }) => entry)).toEqual([
			expect.objectContaining({ kind: 'add', record: id, subject: 'c-1', purpose: 'ads' }),
			{ kind: 'encode', record: id },
			{ kind: 'encode' },
			{ kind: 'preview', record: id, purpose: 'ads' },
			{ kind: 'paint', record: id, purpose: 'ads', recipe: ledger.recipeDigest(recipe(1)) },
			{ kind: 'paint', record: id, purpose: 'ads' },
		]);
		expect(records).toMatchObject([{ painted: 2 }]);
		expect(head.row).toBe(6);
		const text = JSON.stringify(log);
		expect(text).not.toContain(digest);
		expect(text).not.toContain('embedding');
		expect(bytesOf(file).includes(Buffer.from(anna.buffer).subarray(0, 64))).toBe(false);
	});

	test('is one whose rows anybody can check with SHA-256 alone', async () => {
		const { ledger, file } = await ledgerOf([
			{ subject: 'a', purpose: 'p' },
			{ subject: 'b', purpose: 'p' },
		]);
		const { ledger: id, head } = await ledger.export();
		await ledger.dispose();
		const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
		const rows = tamper(file, (database) => database.prepare('SELECT entry FROM log ORDER BY row').all([]));
		const hash = rows.reduce((last, { entry }) => sha256(`${last}\n${entry}`), sha256(`arc2face consent ledger ${id}`));
		expect(head).toEqual({ row: 2, hash });
	});

	test('is exported of one subject alone', async () => {
		const { ledger } = await ledgerOf([
			{ subject: 'a', purpose: 'p' },
			{ subject: 'b', purpose: 'p' },
		]);
		const { records, log } = await ledger.export({ subject: 'b' });
		expect(records.map(({ subject }) => subject)).toEqual(['b']);
		expect(log.map(({ row }) => row)).toEqual([2]);
	});

	test('tells recipes by digests that need the key, whatever the order of their fields', async () => {
		const [{ ledger }, { ledger: other }] = [await ledgerOf(), await ledgerOf()];
		const one = ledger.recipeDigest({ format: 1, package: '1' } as Recipe);
		expect(one).toMatch(/^[0-9a-f]{64}$/);
		expect(ledger.recipeDigest({ package: '1', format: 1 } as Recipe)).toBe(one);
		expect(ledger.recipeDigest({ package: '2', format: 1 } as Recipe)).not.toBe(one);
		expect(other.recipeDigest({ format: 1, package: '1' } as Recipe)).not.toBe(one);
	});
});

describe('ended consent', () => {
	test.each(['revoke', 'erase'] as const)(
		'by %s tells what was painted, and leaves no identity in any byte',
		async (end) => {
			const { ledger, file, ids } = await ledgerOf([
				{ subject: 'anna', purpose: 'ads', identity: anna, evidence: digest },
				{ subject: 'ben', purpose: 'ads', identity: person(2) },
			]);
			// Enough that rows move between pages.
			for (let i = 0; i < 12; i++) await ledger.add({ subject: `s${i}`, purpose: 'ads', identity: person(i + 10) });
			for (const seed of [1, 2]) await ledger.logPainted([ids[0]!], ads, recipe(seed));
			await ledger.logPainted([ids[1]!], ads, recipe(3));
			await using other = await ConsentLedger.open(file, { key });
			await other.list();
			const [row] = tamper(file, (database) =>
				database.prepare('SELECT sealed, salt FROM identities WHERE id = ?').all([ids[0]]),
			);
			const sealed = Buffer.from(row!.sealed as ArrayBuffer);
			// Any part of it, as pages cut it.
			const parts = Array.from({ length: Math.floor(sealed.length / 32) }, (_, i) =>
				sealed.subarray(32 * i, 32 * i + 32),
			);
			const found = () => parts.filter((part) => bytesOf(file).includes(part)).length;
			expect(found()).toBeGreaterThan(60);
			expect(bytesOf(file).includes(digest)).toBe(true);

			const ended = await ledger[end]({ subject: 'anna' });
			expect(ended).toEqual({
				...{ records: [ids[0]], painted: 2 },
				recipes: [1, 2].map((seed) => ledger.recipeDigest(recipe(seed))),
			});
			expect(found()).toBe(0);
			expect(bytesOf(file).includes(row!.salt as string)).toBe(false);
			expect(bytesOf(file).includes(digest)).toBe(end === 'revoke');
			expect(await ledger.list({ subject: 'anna' })).toMatchObject([
				{ state: end === 'revoke' ? 'revoked' : 'erased', hasIdentity: false, hasEvidence: end === 'revoke' },
			]);
			expect((await other.audit()).faults).toEqual([]);
			expect(await permitted(other, [{ embedding: person(2) }])).toEqual([ids[1]]);
			// Again: nothing is left to do, and the answer is the same.
			expect(await ledger[end]({ subject: 'anna' })).toEqual(ended);
			expect((await ledger.audit()).faults).toEqual([]);
		},
	);

	test('needs a choice, and something that it chooses', async () => {
		const { ledger, ids } = await ledgerOf([
			{ subject: 'anna', purpose: 'ads' },
			{ subject: 'anna', purpose: 'news' },
		]);
		for (const choice of [{}, { purpose: 'ads' }, { subject: 'zoe' }, { record: 'none' }]) {
			expect(await refusal(ledger.revoke(choice))).toMatchObject({ code: 'INVALID_ARGUMENT' });
		}
		expect((await ledger.revoke({ subject: 'anna', purpose: 'news' })).records).toEqual([ids[1]]);
		expect((await ledger.list()).map(({ state }) => state)).toEqual(['valid', 'revoked']);
	});
});

describe('a ledger that somebody has changed', () => {
	const rehash = (file: string, from: number) =>
		tamper(file, (database) => {
			const rows = database.prepare('SELECT row, entry, hash FROM log ORDER BY row').all([]);
			let last = rows.find(({ row }) => row === from - 1)?.hash as string;
			for (const { row, entry } of rows.filter((one) => (one.row as number) >= from)) {
				last = createHash('sha256').update(`${last}\n${entry}`).digest('hex');
				database.prepare('UPDATE log SET hash = ? WHERE row = ?').run([last, row]);
			}
			const end = JSON.parse(database.prepare("SELECT value FROM meta WHERE name = 'end'").all([])[0]!.value as string);
			database
				.prepare("UPDATE meta SET value = ? WHERE name = 'end'")
				.run([JSON.stringify({ hash: last, row: rows.at(-1)!.row, ...(end.seal && { seal: end.seal }) })]);
		});
	const sql = (text: string) => (file: string) => tamper(file, (database) => database.exec(text));
	const backdate = (file: string) =>
		sql(`UPDATE log SET entry = replace(entry, '"subject":"s3"', '"subject":"s4"') WHERE row = 3`)(file);

	test.each<[string, (file: string) => unknown, readonly object[], (readonly object[])?]>([
		[
			'a word in a row',
			backdate,
			[{ row: 3, record: expect.any(String), problem: expect.stringContaining('changed') }],
		],
		[
			'a row away',
			sql('DELETE FROM log WHERE row = 3'),
			[{ row: 4, problem: expect.stringContaining('row 3 is missing') }],
		],
		[
			'rows away',
			sql('DELETE FROM log WHERE row IN (2, 3, 4)'),
			[{ row: 5, problem: expect.stringContaining('rows 2 to 4 are missing') }],
		],
		[
			'the order of rows',
			sql('UPDATE log SET row = -row WHERE row IN (2, 4); UPDATE log SET row = 6 + row WHERE row < 0'),
			[{ row: 2 }, { row: 3 }, { row: 4 }],
		],
		[
			'the end away',
			sql('DELETE FROM log WHERE row > 4'),
			[{ row: 5, problem: expect.stringContaining('rows 5 to 6 are gone') }],
		],
		[
			'the first row away',
			sql('DELETE FROM log WHERE row = 1'),
			[{ row: 2, problem: expect.stringContaining('row 1 is missing') }],
		],
		['a row in', sql(`INSERT INTO log SELECT 7, record, entry, hash, seal FROM log WHERE row = 6`), [{ row: 7 }]],
		['no JSON in', sql(`UPDATE log SET entry = 'x' WHERE row = 5`), [{ row: 5 }]],
	])('is damaged, and the row is named: %s', async (_, change, faults) => {
		for (const options of [{ key }, {}]) {
			const subjects = ['s1', 's2', 's3', 's4', 's5', 's6'];
			const { ledger, file } = await ledgerOf(
				subjects.map((subject) => ({ subject, purpose: 'ads' })),
				options,
			);
			await ledger.dispose();
			change(file);
			await using again = await ConsentLedger.open(file, options);
			const report = await again.audit();
			expect(report.faults.filter(({ row }) => row !== undefined).length).toBeGreaterThanOrEqual(faults.length);
			expect(report.faults.slice(0, faults.length)).toEqual(faults.map((fault) => expect.objectContaining(fault)));
			const first = { file, row: (faults[0] as { row: number }).row };
			for (const use of [
				() => again.list(),
				() => permitted(again, [{ embedding: anna, subject: 's1' }]),
				() => again.add({ subject: 'x', purpose: 'ads' }),
			]) {
				expect(await refusal(use())).toMatchObject({ code: 'LEDGER_DAMAGED', details: first });
			}
		}
	});

	test('with all digests made anew is found with a key, and without one by a row that was kept elsewhere', async () => {
		for (const options of [{ key }, {}]) {
			const records = ['s1', 's2', 's3', 's5'].map((subject) => ({ subject, purpose: 'ads' }));
			const { ledger, file } = await ledgerOf(records, options);
			const { head, isSealed } = await ledger.audit();
			await ledger.dispose();
			backdate(file);
			rehash(file, 3);
			await using again = await ConsentLedger.open(file, options);
			const { faults } = await again.audit();
			expect(isSealed).toBe('key' in options);
			expect(faults.slice(0, 2).map(({ row }) => row)).toEqual(isSealed ? [3, 4] : []);
			expect((await again.audit({ head })).faults).toContainEqual({
				...{ row: 4, problem: expect.stringContaining('not the row that the log had before') },
			});
		}
	});

	test('cut short together with what it says of its end is found with a key', async () => {
		for (const options of [{ key }, {}]) {
			const { ledger, file } = await ledgerOf(
				['s1', 's2', 's3'].map((subject) => ({ subject, purpose: 'ads' })),
				options,
			);
			const { head } = await ledger.audit();
			await ledger.dispose();
			sql('DELETE FROM log WHERE row = 3')(file);
			rehash(file, 3);
			await using again = await ConsentLedger.open(file, options);
			expect((await again.audit()).faults.map(({ row }) => row)).toEqual('key' in options ? [2] : []);
			expect((await again.audit({ head })).faults).toContainEqual(expect.objectContaining({ row: 3 }));
		}
	});

	test('emptied is found with a key', async () => {
		const { ledger, file } = await ledgerOf([{ subject: 's1', purpose: 'ads' }]);
		await ledger.dispose();
		sql("DELETE FROM log; UPDATE meta SET value = '{}' WHERE name = 'end'")(file);
		await using again = await ConsentLedger.open(file, { key });
		expect(await refusal(again.list())).toMatchObject({ code: 'LEDGER_DAMAGED' });
	});

	test('is damaged where what is kept beside the log was', async () => {
		const records = [1, 2, 3].map((n) => ({ subject: `s${n}`, purpose: 'ads', identity: person(n), evidence: digest }));
		const { ledger, file, ids } = await ledgerOf(records);
		await ledger.revoke({ record: ids[2]! });
		await ledger.dispose();
		tamper(file, (database) => {
			database.prepare('UPDATE evidence SET digest = ? WHERE id = ?').run(['cd'.repeat(32), ids[0]]);
			database
				.prepare('INSERT INTO identities SELECT ?, salt, sealed FROM identities WHERE id = ?')
				.run([ids[2], ids[1]]);
			database.prepare('DELETE FROM identities WHERE id = ?').run([ids[1]]);
		});
		await using again = await ConsentLedger.open(file, { key });
		expect((await again.audit()).faults).toEqual([
			{ record: ids[0], problem: 'its digest of its evidence was changed' },
			{ record: ids[1], problem: 'its identity is missing' },
			{ record: ids[2], problem: expect.stringContaining('there although it was removed') },
		]);
		// An identity opens nowhere but in its own row.
		expect(await refusal(permitted(again, [{ embedding: anna }]))).toMatchObject({
			...{ code: 'LEDGER_DAMAGED', details: { file, record: ids[2] } },
		});
	});
});

describe('opening', () => {
	test.each<[string, OpenOptions, OpenOptions, RegExp]>([
		['another key', { key }, { key: Buffer.alloc(32, 8) }, /The key is not that of the consent ledger/],
		['no key', { key }, {}, /needs a key/],
		['a key for a ledger without one', {}, { key }, /was made without a key/],
		['what is no key', { key }, { key: 'secret password' }, /Expected 32 bytes/],
		['a key and a file', { key }, { key, keyFile: 'k' }, /both/],
	])('with %s is refused', async (_, made, opened, problem) => {
		const { ledger, file } = await ledgerOf([], made);
		await ledger.dispose();
		const before = readFileSync(file);
		const error = (await refusal(ConsentLedger.open(file, opened)))!;
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', problem: expect.stringMatching(problem) });
		expect(JSON.stringify(error)).not.toContain('secret password');
		expect(readFileSync(file)).toEqual(before);
	});

	test('takes a key in any form, and from a file', async () => {
		const { ledger, file } = await ledgerOf();
		await ledger.dispose();
		const texts = [key.toString('base64'), key.toString('base64url'), key.toString('hex')];
		const keys = [...texts, new Uint8Array(key)].map((key): OpenOptions => ({ key }));
		const contents = [key, ...texts.map((text) => Buffer.from(`${text}\n`))];
		const inFiles = contents.map((bytes, i): OpenOptions => ({ keyFile: folder.write(`key${i}`, bytes) }));
		for (const options of [...keys, ...inFiles]) await (await ConsentLedger.open(file, options)).dispose();
		expect(keys.length + inFiles.length).toBe(8);
		const keyFile = folder.write('no-key', Buffer.from('hunter2'));
		const error = (await refusal(ConsentLedger.open(file, { keyFile })))!;
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'keyFile', file: keyFile } });
		expect(JSON.stringify(error)).not.toContain('hunter2');
	});

	test('makes nothing without being asked, and a file that only its user reads if it is', async () => {
		const file = folder.path('missing.ledger');
		expect(await refusal(ConsentLedger.open(file, { key }))).toMatchObject({
			...{ code: 'FILE_FAILED', details: { file, systemCode: 'ENOENT' }, remedy: expect.stringContaining('create') },
		});
		expect(existsSync(file)).toBe(false);
		await (await ConsentLedger.open(file, { key, create: true })).dispose();
		if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
		expect(await refusal(ConsentLedger.open(folder.path('no/folder'), { create: true }))).toMatchObject({
			...{ code: 'FILE_FAILED', details: { systemCode: 'ENOENT' } },
		});
	});

	test.each<[string, (file: string) => void]>([
		['a text', (file) => writeFileSync(file, 'to do: buy milk\n'.repeat(100))],
		['an empty file', (file) => writeFileSync(file, '')],
		['another database', (file) => tamper(file, (database) => database.exec('CREATE TABLE t (a)'))],
	])('leaves %s as it is', async (_, write) => {
		const file = folder.path(`${++files}.other`);
		write(file);
		const before = readFileSync(file);
		expect(await refusal(ConsentLedger.open(file))).toMatchObject({
			...{
				code: 'INVALID_ARGUMENT',
				problem: expect.stringContaining('another file'),
				details: { option: 'path', file },
			},
		});
		expect(readFileSync(file)).toEqual(before);
		expect(existsSync(`${file}-wal`)).toBe(false);
	});

	test('leaves one of a newer version as it is', async () => {
		const { ledger, file } = await ledgerOf();
		await ledger.dispose();
		tamper(file, (database) => database.exec('PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE)'));
		const before = readFileSync(file);
		expect(await refusal(ConsentLedger.open(file, { key }))).toMatchObject({
			...{ code: 'INVALID_ARGUMENT', problem: expect.stringContaining('has version 2, not 1') },
		});
		expect(readFileSync(file)).toEqual(before);
	});

	test('finds a file whose pages are damaged', async () => {
		const { ledger, file } = await ledgerOf([{ subject: 'a', purpose: 'p' }]);
		await ledger.dispose();
		writeFileSync(file, readFileSync(file).fill(0xa5, 100));
		expect(await refusal(ConsentLedger.open(file, { key }))).toMatchObject({
			code: 'LEDGER_DAMAGED',
			details: { file },
		});
	});

	test('of a ledger that was closed refuses further calls', async () => {
		const { ledger } = await ledgerOf([{ subject: 'a', purpose: 'p' }]);
		const working = ledger.list();
		await Promise.all([ledger.dispose(), ledger.dispose()]);
		expect(await working).toHaveLength(1);
		expect(await refusal(ledger.list())).toMatchObject({ code: 'DISPOSED' });
		expect(await refusal(ledger.audit())).toMatchObject({ code: 'DISPOSED' });
		// Its key is gone: the digest would be another.
		expect(() => ledger.recipeDigest(recipe(1))).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
	});
});

describe('a disk', () => {
	/** A small disk of its own; undefined where none may be had. */
	async function disk(size: string) {
		const path = folder.path(`disk${++files}`);
		await mkdir(path);
		const mount = (...options: string[]) => execFileSync('mount', [...options, path], { stdio: 'pipe' });
		try {
			mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs');
		} catch {
			return undefined;
		}
		return { path, mount, [Symbol.dispose]: () => execFileSync('umount', [path]) };
	}

	test('that is full lets nothing be written in part', async ({ skip }) => {
		using small = await disk('400k');
		if (small === undefined) return skip('only root may mount a small disk');
		const file = `${small.path}/a.ledger`;
		await using ledger = await ConsentLedger.open(file, { key, create: true });
		const { id } = await ledger.add({ subject: 's', purpose: 'ads', identity: anna });
		let written = 0;
		let failure: unknown;
		while (failure === undefined) {
			failure = await refusal(ledger.add({ subject: `s${written}`, purpose: 'ads', identity: person(written) }));
			if (failure === undefined) written++;
		}
		const full = { code: 'FILE_FAILED', details: { file, systemCode: 'ENOSPC' } };
		expect(failure).toMatchObject({ ...full, remedy: expect.stringContaining('Free some space') });
		expect(written).toBeGreaterThan(5);
		expect((await ledger.audit()).faults).toEqual([]);
		expect(await ledger.list()).toHaveLength(written + 1);
		await ledger.dispose();
		small.mount('-o', 'remount,size=4m');
		await using again = await ConsentLedger.open(file, { key });
		await again.logPainted([id], ads, recipe(1));
		expect((await again.erase({ record: id })).painted).toBe(1);
		expect((await again.audit()).faults).toEqual([]);
		expect(await again.list()).toHaveLength(written + 1);
	});

	test('that is full leaves nothing of a new ledger', async ({ skip }) => {
		using small = await disk('64k');
		if (small === undefined) return skip('only root may mount a small disk');
		expect(() => writeFileSync(`${small.path}/rest`, Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
		const file = `${small.path}/a.ledger`;
		expect(await refusal(ConsentLedger.open(file, { key, create: true }))).toMatchObject({
			...{ code: 'FILE_FAILED', details: { file, systemCode: 'ENOSPC' } },
		});
		expect(await readdir(small.path)).toEqual(['rest']);
	});

	test('that can only be read is told when it is opened', async ({ skip }) => {
		using small = await disk('1m');
		if (small === undefined) return skip('only root may mount a small disk');
		const file = `${small.path}/a.ledger`;
		await (await ConsentLedger.open(file, { key, create: true })).dispose();
		small.mount('-o', 'remount,ro');
		expect(await refusal(ConsentLedger.open(file, { key }))).toMatchObject({
			...{
				code: 'FILE_FAILED',
				details: { file, systemCode: 'EROFS' },
				remedy: expect.stringContaining('only be read'),
			},
		});
	});
});
