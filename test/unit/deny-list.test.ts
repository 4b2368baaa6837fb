// The deny list: who is on it, who is told so, and that nobody gets an embedding out of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { DenyList } from '../../lib/consent/deny-list.ts';
import { ConsentLedger } from '../../lib/consent/ledger.ts';
import { denials, type OpenOptions, type Person } from '../../lib/options/consent.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { alikeTo, bytesOf, person, tamper } from '../ledger-file.ts';

const folder = temporaryFolder();
const key = Buffer.alloc(32, 9);
const ben = person(2);
let files = 0;
const opened: DenyList[] = [];
afterEach(() => Promise.all(opened.splice(0).map((list) => list.dispose())));

async function listOf(people: readonly (readonly [string, Float32Array])[] = [], options: OpenOptions = { key }) {
	const file = folder.path(`${++files}.deny`);
	const list = await DenyList.open(file, { ...options, create: true });
	opened.push(list);
	for (const [subject, identity] of people) await list.add(subject, identity);
	return { list, file };
}

/** As a model does. */
const requireNone = (list: DenyList, people: readonly Person[], threshold: number) =>
	denials.get(list)!(people, threshold);
const refusal = async (promise: Promise<unknown>) => {
	const error = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	return error as { code: string; problem: string; details: object } | undefined;
};

describe('somebody on it', () => {
	test('must not be painted, nor who is as alike, by every identity of theirs', async () => {
		const { list } = await listOf([
			['ben', ben],
			['ben', person(3)],
			['cleo', person(4)],
		]);
		for (const embedding of [ben, person(3), person(4), alikeTo(ben, 0.41)]) {
			const error = await refusal(requireNone(list, [{ embedding: person(7) }, { embedding, index: 1 }], 0.4));
			expect(error).toMatchObject({ code: 'DENIED', details: { index: 1 } });
		}
		await requireNone(list, [{ embedding: alikeTo(ben, 0.39) }, { embedding: person(7) }], 0.4);
		await requireNone(list, [], 0.4);
	});

	test('is told neither by name nor by how alike', async () => {
		const { list } = await listOf([['ben', ben]]);
		const error = (await refusal(requireNone(list, [{ embedding: alikeTo(ben, 0.77) }], 0.4)))!;
		expect(JSON.stringify(error)).not.toMatch(/"ben"|0\.\d|77/);
		expect(Object.keys(error.details)).toEqual([]);
		expect(await refusal(requireNone(list, [{ embedding: ben, photo: 'image' }], 0.4))).toMatchObject({
			...{ code: 'DENIED', details: { photo: 'image' }, problem: expect.stringContaining('in the photo of `image`') },
		});
	});

	test('is known by the threshold of the list before that of the model; an embedding that is no number is on it', async () => {
		const { list, file } = await listOf([['ben', ben]]);
		await list.dispose();
		await using strict = await DenyList.open(file, { key, threshold: 0.2 });
		expect(await refusal(requireNone(strict, [{ embedding: alikeTo(ben, 0.3) }], 0.4))).toMatchObject({
			code: 'DENIED',
		});
		const broken = new Float32Array(512).fill(Number.NaN);
		expect(await refusal(requireNone(strict, [{ embedding: broken }], 0.4))).toMatchObject({ code: 'DENIED' });
	});

	test('is listed by name and number, and taken off, without a copy in any byte', async () => {
		const { list, file } = await listOf([
			['ben', ben],
			['cleo', person(4)],
			['ben', person(3)],
		]);
		expect(await list.list()).toEqual([
			{ subject: 'ben', identities: 2, added: expect.stringMatching(/^\d{4}-/) },
			{ subject: 'cleo', identities: 1, added: expect.any(String) },
		]);
		const rows = tamper(file, (database) =>
			database.prepare("SELECT sealed FROM people WHERE subject = 'ben'").all([]),
		);
		const parts = rows.flatMap(({ sealed }) =>
			Array.from({ length: 64 }, (_, i) => Buffer.from(sealed as ArrayBuffer, 32 * i, 32)),
		);
		expect(parts.filter((part) => bytesOf(file).includes(part)).length).toBeGreaterThan(100);
		await list.remove('ben');
		expect(parts.filter((part) => bytesOf(file).includes(part)).length).toBe(0);
		expect((await list.list()).map(({ subject }) => subject)).toEqual(['cleo']);
		await requireNone(list, [{ embedding: ben }], 0.4);
		expect(await refusal(list.remove('ben'))).toMatchObject({ code: 'INVALID_ARGUMENT' });
		expect(await refusal(list.add('', ben))).toMatchObject({ code: 'INVALID_ARGUMENT' });
	});
});

describe('an embedding', () => {
	test('comes out of no method, no property and no byte', async () => {
		const { list, file } = await listOf([['ben', ben]]);
		const parts = [...Reflect.ownKeys(DenyList.prototype), ...Reflect.ownKeys(list)];
		expect(new Set(parts)).toEqual(
			new Set(['constructor', 'add', 'dispose', 'list', 'remove', Symbol.asyncDispose, 'file']),
		);
		const shown = [
			inspect(list, { depth: 20, showHidden: true }),
			JSON.stringify(list),
			JSON.stringify(await list.list()),
		];
		for (const text of shown) expect(text).not.toContain(String(ben[0]).slice(0, 8));
		expect(shown[0]).toContain(file);
		const bytes = bytesOf(file);
		for (let i = 0; i + 4 <= 512; i += 4) expect(bytes.includes(Buffer.from(ben.buffer, 4 * i, 16))).toBe(false);
	});
});

describe('a list that somebody has changed', () => {
	test.each<[string, string]>([
		['somebody taken off', "DELETE FROM people WHERE subject = 'ben'"],
		['all taken off', 'DELETE FROM people'],
		['all taken off, and what says who was there', "DELETE FROM people; DELETE FROM meta WHERE name = 'people'"],
		['somebody twice', "INSERT INTO people SELECT 'x', subject, added, sealed FROM people WHERE subject = 'ben'"],
	])('with %s is damaged', async (_, sql) => {
		const { list, file } = await listOf([
			['ben', ben],
			['cleo', person(4)],
		]);
		await list.dispose();
		tamper(file, (database) => database.exec(sql));
		await using again = await DenyList.open(file, { key });
		const damaged = { code: 'LEDGER_DAMAGED', details: { file } };
		expect(await refusal(requireNone(again, [{ embedding: person(7) }], 0.4))).toMatchObject(damaged);
		expect(await refusal(again.list())).toMatchObject(damaged);
		expect(await refusal(again.add('x', person(7)))).toMatchObject(damaged);
	});

	test.each<[string, string]>([
		['other names', "UPDATE people SET subject = 'zoe' WHERE subject = 'ben'"],
		[
			'identities exchanged',
			'UPDATE people SET sealed = (SELECT sealed FROM people AS p WHERE p.id > people.id OR p.id < people.id)',
		],
	])('with %s is damaged, when somebody is to be painted', async (_, sql) => {
		const { list, file } = await listOf([
			['ben', ben],
			['cleo', person(4)],
		]);
		await list.dispose();
		tamper(file, (database) => database.exec(sql));
		await using again = await DenyList.open(file, { key });
		expect(await refusal(requireNone(again, [{ embedding: person(7) }], 0.4))).toMatchObject({
			code: 'LEDGER_DAMAGED',
		});
	});
});

describe('opening', () => {
	test('needs its key, and a deny list', async () => {
		const { list, file } = await listOf([['ben', ben]]);
		await list.dispose();
		expect(await refusal(DenyList.open(file, {}))).toMatchObject({
			code: 'INVALID_ARGUMENT',
			details: { option: 'key' },
		});
		expect(await refusal(DenyList.open(file, { key: Buffer.alloc(32) }))).toMatchObject({
			...{ code: 'INVALID_ARGUMENT', problem: expect.stringContaining('The key is not that of the deny list') },
		});
		expect(await refusal(DenyList.open(folder.path('typo.deny'), { key }))).toMatchObject({ code: 'FILE_FAILED' });
		const before = readFileSync(file);
		expect(await refusal(ConsentLedger.open(file, { key }))).toMatchObject({
			problem: expect.stringContaining('Expected a consent ledger but'),
		});
		expect(readFileSync(file)).toEqual(before);
		writeFileSync(folder.path('text'), 'x');
		expect(await refusal(DenyList.open(folder.path('text'), { key }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
	});

	test('a copy of another list with the same key opens nothing of it', async () => {
		const [one, other] = [await listOf([['ben', ben]]), await listOf([['cleo', person(4)]])];
		await other.list.dispose();
		const [row] = tamper(one.file, (database) => database.prepare('SELECT * FROM people').all([]));
		tamper(other.file, (database) =>
			database.prepare('UPDATE people SET sealed = ?').run([Buffer.from(row!.sealed as ArrayBuffer)]),
		);
		await using again = await DenyList.open(other.file, { key });
		expect(await refusal(requireNone(again, [{ embedding: person(7) }], 0.4))).toMatchObject({
			code: 'LEDGER_DAMAGED',
		});
	});

	test('of a list that was closed refuses further calls', async () => {
		const { list } = await listOf();
		await list.dispose();
		expect(await refusal(list.list())).toMatchObject({ code: 'DISPOSED' });
		expect(await refusal(requireNone(list, [], 0.4))).toMatchObject({ code: 'DISPOSED' });
	});
});
