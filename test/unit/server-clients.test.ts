// API keys: the file that has them, who is known by them, and that it is read again.
import { EventEmitter, once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';
import { Clients, keysVariable } from '../../lib/server/clients/clients.ts';
import { addKey, readKeyFile, removeKey } from '../../lib/server/clients/key-file.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { runLine } from '../command-line.ts';
import { isWindows } from '../users.ts';

const folder = temporaryFolder();
let files = 0;
const newFile = () => folder.path(`${++files}.keys`);
const open: Clients[] = [];
afterEach(() => {
	for (const clients of open.splice(0)) clients.close();
});
const opened = async (options: Parameters<typeof Clients.open>[0]) => {
	const clients = await Clients.open(options);
	open.push(clients);
	return clients;
};

describe('a key', () => {
	test('is let in by itself alone, with its limits; the file has none of it', async () => {
		const file = newFile();
		const anna = await addKey(file, 'anna', { imagesPerDay: 5 });
		const ben = await addKey(file, 'ben', {});
		const clients = await opened({ file });
		expect(clients.find(anna)).toEqual({ name: 'anna', limits: { imagesPerDay: 5 } });
		expect(clients.find(ben)).toEqual({ name: 'ben', limits: {} });
		for (const wrong of [undefined, '', `${anna}x`, anna.slice(0, -1), 'a2f_']) {
			expect(clients.find(wrong), String(wrong)).toBeUndefined();
		}
		expect(Buffer.from(anna.slice(4), 'base64url')).toHaveLength(32);
		const text = readFileSync(file, 'utf8');
		for (const key of [anna, ben]) expect(text).not.toContain(key.slice(4));
		if (!isWindows) expect(statSync(file).mode & 0o777).toBe(0o600);
	});

	test('that is removed is none', async () => {
		const file = newFile();
		const anna = await addKey(file, 'anna', {});
		await removeKey(file, 'anna');
		expect((await opened({ file })).find(anna)).toBeUndefined();
		await expect(removeKey(file, 'anna')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		await expect(removeKey(newFile(), 'anna')).rejects.toMatchObject({ code: 'FILE_FAILED' });
	});

	test('of several that are made at once is not lost', async () => {
		const file = newFile();
		const names = ['a', 'b', 'c', 'd', 'e', 'f'];
		await Promise.all(names.map((name) => addKey(file, name, {})));
		expect((await readKeyFile(file)).map(({ name }) => name).sort()).toEqual(names);
	});

	test.each([
		['anna', {}],
		['anonymous', {}],
		['', {}],
		['a b', {}],
		['ben', { imagesPerDay: -1 }],
		['ben', { requestsPerMinute: 0 }],
	])('for %j with %j is refused, and the file stays', async (name, limits) => {
		const file = newFile();
		await addKey(file, 'anna', {});
		const before = readFileSync(file, 'utf8');
		await expect(addKey(file, name, limits)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		expect(readFileSync(file, 'utf8')).toBe(before);
	});
});

test.each([
	['', 'no JSON'],
	['[]', 'no list'],
	['{"keys": [5]}', 'keys[0]'],
	['{"keys": [{"name": "a", "sha256": "00", "added": "2026"}]}', 'SHA-256'],
	[`{"keys": [{"name": "a", "sha256": "${'0'.repeat(64)}", "added": "2026", "imagesPerWeek": 4}]}`, 'imagesPerWeek'],
])('a file of %j is refused', async (text, word) => {
	const file = newFile();
	writeFileSync(file, text);
	const failure = expect(readKeyFile(file)).rejects;
	await failure.toMatchObject({ code: 'INVALID_ARGUMENT', problem: expect.stringContaining(word) });
	await expect(opened({ file })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('without keys everybody is anonymous; with an empty file nobody is let in', async () => {
	expect((await opened({})).find(undefined)).toMatchObject({ name: 'anonymous' });
	const file = newFile();
	writeFileSync(file, '{"keys": []}');
	expect((await opened({ file })).find(undefined)).toBeUndefined();
});

describe('the environment', () => {
	const key = 'k'.repeat(40);

	test('has keys by name', async () => {
		const clients = await opened({ variable: `anna:${key}, ben:${key}2\n` });
		expect(clients.find(key)?.name).toBe('anna');
		expect(clients.find(`${key}2`)?.name).toBe('ben');
		expect(clients.find(undefined)).toBeUndefined();
	});

	test.each([key, 'anna:short', `anonymous:${key}`, `anna:${key},anna:${key}2`])(
		'%j is refused, without a word of the key',
		async (variable) => {
			const error = await opened({ variable }).catch((error: Error) => error);
			expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { variable: keysVariable } });
			expect(JSON.stringify(error)).not.toMatch(/kkkk|short/);
		},
	);

	test('and the file may not have the same name', async () => {
		const file = newFile();
		await addKey(file, 'anna', {});
		await expect(opened({ file, variable: `anna:${key}` })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});
});

test('a file that changes is read again; one that is broken or gone leaves the old keys, and says so once', async () => {
	const file = newFile();
	const anna = await addKey(file, 'anna', {});
	const told = new EventEmitter();
	const clients = await opened({ file, onReload: (result) => told.emit('reload', result) });
	const after = async (change: () => unknown) => {
		const event = once(told, 'reload');
		await change();
		return (await event)[0] as object;
	};
	let ben = '';
	const added = await after(async () => {
		ben = await addKey(file, 'ben', {});
	});
	expect(added).toEqual({ keys: 2 });
	expect(clients.find(ben)?.name).toBe('ben');

	const broken = await after(() => writeFileSync(file, '{'));
	expect(broken).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
	expect([clients.find(anna)?.name, clients.find(ben)?.name]).toEqual(['anna', 'ben']);

	expect(await after(() => rmSync(file))).toMatchObject({ error: { code: 'FILE_FAILED' } });
	expect(clients.find(anna)?.name).toBe('anna');
	// The next that is told is of the new file: that the old one is gone was told once.
	expect(await after(() => addKey(file, 'cleo', {}))).toEqual({ keys: 1 });
	expect(clients.find(anna)).toBeUndefined();
});

test('the commands make, list and remove keys', async () => {
	const file = newFile();
	const made = await runLine(['keys', 'add', 'anna', '--keys', file, '--images-per-day', '7', '--json']);
	const { key } = made.outcome!.value as { key: string };
	expect((await opened({ file })).find(key)).toEqual({ name: 'anna', limits: { imagesPerDay: 7 } });
	const listed = await runLine(['keys', 'list', '--keys', file]);
	expect(listed.outcome!.text).toMatch(/anna.*7/);
	expect(listed.outcome!.text).not.toContain(key);
	await runLine(['keys', 'remove', 'anna', '--keys', file]);
	expect((await runLine(['keys', 'list', '--keys', file])).outcome!.text).toBe('Nobody.');
	expect((await runLine(['keys', 'add', 'anna'])).wrong).toContain('--keys');
	await expect(runLine(['keys', 'add', 'a b', '--keys', file])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
