// The file of API keys: who has one, its digest and limits. A key itself is in no file.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { lock } from 'proper-lockfile';
import { Arc2FaceError } from '../../errors.ts';
import { fileFailed, onDisk } from '../../files/on-disk.ts';
import { writeWhole } from '../../files/write.ts';
import { describe, invalid } from '../../options/check.ts';
import { type Client, type ClientLimits, clientRules } from './client.ts';
import { digestOf, newKey } from './keys.ts';

/** A line of the file. */
export type KeyEntry = Client & Readonly<{ sha256: string; added: string }>;

/**
 * @returns in the order in which they were added
 * @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` for a file that is something else
 */
export async function readKeyFile(file: string): Promise<KeyEntry[]> {
	const text = await onDisk('read', file, () => readFile(file, 'utf8'));
	let content: unknown;
	try {
		content = JSON.parse(text);
	} catch {
		throw another(file, 'it is no JSON');
	}
	const { keys } = (content ?? {}) as { keys?: unknown };
	if (!Array.isArray(keys)) throw another(file, 'it has no list `keys`');
	const entries = keys.map((entry, index) => readEntry(entry, (why) => another(file, `keys[${index}]: ${why}`)));
	const twice = entries.find(({ name }, index) => entries.findIndex((one) => one.name === name) < index);
	if (twice !== undefined) throw another(file, `it has two keys named ${twice.name}`);
	return entries;
}

/**
 * Makes a key, and the file if it is missing, which only its user may read.
 *
 * @returns the key, which cannot be found out again
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a name that has one; `FILE_FAILED`
 */
export async function addKey(file: string, name: string, limits: ClientLimits): Promise<string> {
	for (const [option, value] of Object.entries({ name, ...limits })) {
		const rule = clientRules[option as keyof typeof clientRules];
		if (value !== undefined && !rule.fits(value)) throw invalid(rule.expected, option, describe(value));
	}
	const key = newKey();
	await change(file, (entries) => {
		if (entries.some((entry) => entry.name === name)) {
			throw invalid('a name that has no key yet', 'name', describe(name), 'Remove its key first, or choose another.');
		}
		return [...entries, { name, limits, sha256: digestOf(key), added: new Date().toISOString() }];
	});
	return key;
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for a name that has none; `FILE_FAILED` */
export async function removeKey(file: string, name: string): Promise<void> {
	await readKeyFile(file); // a mistyped name of the file makes none
	await change(file, (entries) => {
		const left = entries.filter((entry) => entry.name !== name);
		if (left.length === entries.length) throw invalid('a name that has a key', 'name', describe(name));
		return left;
	});
}

/** Several processes may change it at once. */
async function change(file: string, next: (entries: KeyEntry[]) => KeyEntry[]): Promise<void> {
	const release = await lock(file, {
		realpath: false,
		retries: { retries: 60, minTimeout: 20, maxTimeout: 200 },
	}).catch((cause) => {
		throw fileFailed('write', file, cause);
	});
	try {
		const entries = await readKeyFile(file).catch((error) => {
			if (error instanceof Arc2FaceError && error.details.systemCode === 'ENOENT') return [];
			throw error;
		});
		const keys = next(entries).map(({ limits, ...entry }) => ({ ...entry, ...limits }));
		await writeWhole(file, `${JSON.stringify({ keys }, undefined, '\t')}\n`, 0o600);
	} finally {
		await release();
	}
}

function readEntry(entry: unknown, refusal: (why: string) => Arc2FaceError): KeyEntry {
	if (typeof entry !== 'object' || entry === null) throw refusal(`expected an object but received ${describe(entry)}`);
	const { name, sha256, added, ...limits } = entry as Record<string, unknown>;
	if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw refusal('expected a SHA-256 for `sha256`');
	if (typeof added !== 'string') throw refusal('expected a date for `added`');
	for (const [field, value] of Object.entries({ name, ...limits })) {
		if (!Object.hasOwn(clientRules, field)) throw refusal(`there is no field \`${field}\``);
		const { expected, fits } = clientRules[field as keyof typeof clientRules];
		if (!fits(value)) throw refusal(`expected ${expected} for \`${field}\` but received ${describe(value)}`);
	}
	return { name: name as string, sha256, added, limits: limits as ClientLimits };
}

function another(file: string, why: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `Expected a file of API keys but ${file} is none: ${why}.`, {
		remedy: 'Make one with `arc2face keys add`.',
		details: { file: resolve(file) },
	});
}
