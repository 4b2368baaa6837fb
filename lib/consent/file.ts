// The files of ledgers and deny lists: making one, and telling one from any other file before it is touched.
import { randomBytes } from 'node:crypto';
import { access, constants, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Connection } from '../database/connection.ts';
import { makeFile } from '../database/file.ts';
import { Arc2FaceError } from '../errors.ts';
import { fileFailed, onDisk } from '../files/on-disk.ts';
import type { Sentence } from '../messages/wording.ts';
import { checkOpenOptions, keyVariable, type OpenOptions } from '../options/consent.ts';
import { pathOf } from '../options/path.ts';
import { Keys, readKey } from './keys.ts';

/** What a file is, in its header and in messages. */
export type Kind = Readonly<{
	/** SQLite's application id: four letters. */
	mark: string;
	name: string;
	/** SQL that makes its tables. */
	tables: string;
	/** Makes a first one, on the command line. */
	command: string;
	needsKey: boolean;
	/** What of a new one is checked with every use: an empty file is one of which all was removed, unless it says that it is new. */
	start(id: string, keys: Keys | undefined): readonly [name: string, value: string];
}>;

export type OpenedFile = Readonly<{
	file: string;
	/** Random, for ever the file's. */
	id: string;
	connection: Connection;
	/** Undefined for a file that was made without a key. */
	keys: Keys | undefined;
}>;

const version = 1;

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another file, which stays as it is, for one of a newer version, and for a key that is
 *   not its own; `FILE_FAILED`; `LEDGER_DAMAGED`
 */
export async function openFile(path: string | URL, kind: Kind, options: OpenOptions): Promise<OpenedFile> {
	const file = resolve(pathOf(path, 'path'));
	checkOpenOptions('open', options);
	const key = await readKey(options);
	if (key === undefined && kind.needsKey) throw keyNeeded(file, kind);
	const { isNew, isMade } = await prepare(file, kind, options.create === true);
	let connection: Connection | undefined;
	try {
		connection = new Connection(file);
		if (isNew) await makeTables(connection, kind, key);
		else await requireKind(connection, file, kind);
		const rows = await connection.run('SELECT name, value FROM meta', []);
		const meta = new Map(rows.map(({ name, value }) => [String(name), String(value)]));
		const id = meta.get('id') ?? '';
		return { file, id, connection, keys: keysOf(file, kind, { id, key, seal: meta.get('key') }) };
	} catch (error) {
		await connection?.close();
		if (isMade)
			for (const end of ['', '-journal', '-wal', '-shm']) await rm(file + end, { force: true }).catch(() => {});
		throw error;
	}
}

/**
 * Makes the file, which nobody but the user may read, or finds it. One that is there is never opened here: when a process closes a file,
 * all its locks on it are gone, also those that the database holds for somebody else who has opened it.
 */
async function prepare(file: string, kind: Kind, create: boolean): Promise<{ isNew: boolean; isMade: boolean }> {
	if (create && (await onDisk('write', file, async () => makeFile(file)))) return { isNew: true, isMade: true };
	const found = await onDisk('read', file, () => stat(file)).catch((error) => {
		const isMissing = error instanceof Arc2FaceError && error.details.systemCode === 'ENOENT';
		throw isMissing ? error.with({ remedy: missing(kind) }) : error;
	});
	if (found.isDirectory()) throw fileFailed('read', file, Object.assign(new Error(), { code: 'EISDIR' }));
	if (!found.isFile()) throw another(file, kind);
	await onDisk('read', file, () => access(file, constants.R_OK));
	// An empty one may be one that another process is making right now.
	if (found.size === 0 && !create) throw another(file, kind);
	return { isNew: found.size === 0, isMade: false };
}

/** Before the database opens the file, which might change it. */
async function requireKind(connection: Connection, file: string, kind: Kind): Promise<void> {
	const header = await connection.header();
	if (header?.mark !== markOf(kind)) throw another(file, kind);
	if (header.version !== version) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`The ${kind.name} ${file} has version ${header.version}, not ${version}.`,
			{ remedy: 'Use a newer version of this package.', details: { option: 'path', file } },
		);
	}
	await onDisk('write', file, () => access(file, constants.W_OK));
}

function markOf({ mark }: Kind): number {
	return Buffer.from(mark).readUInt32BE();
}

function another(file: string, { name }: Kind): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `Expected a ${name} but ${file} is another file.`, {
		...{ remedy: 'Choose another name.', details: { option: 'path', file } },
	});
}

function missing({ command }: Kind): Sentence {
	return ({ either }) =>
		either('Check the path, or pass `create: true` for a new one.', `Check the path; \`${command}\` makes a new one.`);
}

async function makeTables(connection: Connection, kind: Kind, key: Buffer | undefined): Promise<void> {
	await connection.write(async (run) => {
		const [found] = await run('PRAGMA user_version', []);
		if (found?.user_version !== 0) return; // another process has made them meanwhile
		const id = randomBytes(16).toString('hex');
		await run(
			`PRAGMA application_id = ${markOf(kind)}; PRAGMA user_version = ${version};` +
				`CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT; ${kind.tables}`,
		);
		const keys = key && new Keys(key, id);
		const notes = [['id', id], ...(keys ? [['key', keys.seal('key')]] : []), kind.start(id, keys)] as const;
		for (const note of notes) await run('INSERT INTO meta VALUES (?, ?)', note);
	});
	// Afterwards, so that the header in the file itself tells what it is, and not only a journal.
	await connection.run('PRAGMA journal_mode = WAL', []);
}

/** @param known.seal - what the right key makes; undefined for a file without a key */
function keysOf(
	file: string,
	kind: Kind,
	{ id, key, seal }: { id: string; key: Buffer | undefined; seal: string | undefined },
): Keys | undefined {
	const details = { option: 'key', file };
	if (seal === undefined) {
		if (key === undefined) return undefined;
		throw new Arc2FaceError('INVALID_ARGUMENT', `The ${kind.name} ${file} was made without a key.`, {
			...{ remedy: 'Open it without one, or make a new one with it.', details },
		});
	}
	if (key === undefined) throw keyNeeded(file, kind);
	const keys = new Keys(key, id);
	if (keys.isSealOf('key', seal)) return keys;
	throw new Arc2FaceError('INVALID_ARGUMENT', `The key is not that of the ${kind.name} ${file}.`, { details });
}

function keyNeeded(file: string, { name }: Kind): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `The ${name} ${file} needs a key.`, {
		remedy: ({ either }) =>
			either('Pass it as `key` or `keyFile`.', `Pass --key-file, or let ${keyVariable} hold the key.`),
		details: { option: 'key', file },
	});
}

/**
 * Overwrites what was deleted, also in the journal; needs as much space again as the file has.
 *
 * @throws {Arc2FaceError} `FILE_FAILED`
 */
export async function overwriteDeleted({ file, connection }: OpenedFile): Promise<void> {
	// Even where there is no space for a new copy of all, the journal, which has old pages, can be emptied.
	const failure = await connection.run('VACUUM').then(
		() => undefined,
		(error: unknown) => ({ error }),
	);
	const [checkpoint] = await connection.run('PRAGMA wal_checkpoint(TRUNCATE)', []);
	const left = failure?.error ?? (checkpoint?.busy === 0 ? undefined : stillRead(file));
	if (!(left instanceof Arc2FaceError)) return;
	throw left.with({
		problem: `What was removed from ${file} is deleted, but a copy may be left in the file: ${left.problem}`,
		remedy: 'Do it again when that is over.',
	});
}

function stillRead(file: string): Arc2FaceError {
	const details = { file, systemCode: 'EBUSY' };
	return new Arc2FaceError('FILE_FAILED', 'another process reads it.', { details });
}
