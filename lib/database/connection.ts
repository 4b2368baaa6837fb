// A connection to an embedded database, in a thread of its own: waiting for another writer and for the disk blocks nobody else.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Arc2FaceError } from '../errors.ts';
import { fileFailed } from '../files/on-disk.ts';

export type Value = string | number | Uint8Array | null;
/** Texts and numbers as they are; bytes as an ArrayBuffer. */
export type Row = Readonly<Record<string, unknown>>;
/** Runs SQL; without values it may be several statements, of which no rows come back. */
export type Run = (sql: string, values?: readonly Value[]) => Promise<Row[]>;

/** How long a statement waits for another process that writes. Writes take milliseconds, but for `VACUUM` of a large file. */
const busyTimeoutMs = 15_000;

type Failure = { message: string; code?: string; rawCode?: number };
type Answer = { id: number; rows?: Row[]; failure?: Failure; isLibrary?: boolean };
type Waiter = { resolve: (rows: Row[]) => void; reject: (error: unknown) => void };

/** Statements run in the order in which they were asked for. */
export class Connection {
	readonly #file: string;
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiter>();
	#lastId = 0;
	#turn: Promise<unknown> = Promise.resolve();
	#failure: Arc2FaceError | undefined;

	/**
	 * Opens the file with the first statement.
	 *
	 * @param file - is there. Nothing else of this process may open it: with what closes it, the database's locks on it would be gone.
	 */
	constructor(file: string) {
		this.#file = file;
		this.#worker = new Worker(thread, {
			...{ eval: true, execArgv: [] },
			workerData: { file, untouched: untouched(file), library: libraryPath(file), busyTimeoutMs },
		});
		this.#worker.unref();
		this.#worker.on('message', (answer: Answer) => this.#settle(answer));
		this.#worker.on('error', (cause) => this.#fail(fileFailed('use', file, cause)));
		this.#worker.on('exit', () => this.#fail(fileFailed('use', file, new Error('its thread has ended'))));
	}

	/**
	 * All that `work` reads is of one state of the file.
	 *
	 * @throws {Arc2FaceError} `FILE_FAILED`; `LEDGER_DAMAGED` for a file that is no whole database; what `work` throws
	 */
	read<T>(work: (run: Run) => Promise<T>): Promise<T> {
		return this.#transaction('BEGIN', work);
	}

	/**
	 * No other process writes meanwhile: what `work` reads stays true until its writes are on the disk. What it throws takes them back.
	 *
	 * @throws as {@link read}
	 */
	write<T>(work: (run: Run) => Promise<T>): Promise<T> {
		return this.#transaction('BEGIN IMMEDIATE', work);
	}

	/** Outside of a transaction. @throws as {@link read} */
	run(sql: string, values?: readonly Value[]): Promise<Row[]> {
		return this.#inTurn(() => this.#send(sql, values));
	}

	/**
	 * What the file's header says that it is, which nothing is changed or locked for.
	 *
	 * @returns undefined if the file is no database
	 * @throws as {@link read}
	 */
	async header(): Promise<{ mark: number; version: number } | undefined> {
		const [found] = await this.#inTurn(() => this.#send(undefined));
		return found && { mark: Number(found.application_id), version: Number(found.user_version) };
	}

	/** After the statements that were asked for before. */
	async close(): Promise<void> {
		await this.#inTurn(async () => {
			if (this.#failure !== undefined) return;
			const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
			this.#worker.ref();
			this.#worker.postMessage(undefined);
			await ended;
		});
	}

	#transaction<T>(begin: string, work: (run: Run) => Promise<T>): Promise<T> {
		return this.#inTurn(async () => {
			await this.#send(begin);
			try {
				const result = await work((sql, values) => this.#send(sql, values));
				await this.#send('COMMIT');
				return result;
			} catch (error) {
				await this.#send('ROLLBACK').catch(() => {}); // after some failures the database has done so itself
				throw error;
			}
		});
	}

	#inTurn<T>(work: () => Promise<T>): Promise<T> {
		const result = this.#turn.then(work);
		this.#turn = result.catch(() => {});
		return result;
	}

	/** @param sql - undefined for the header */
	#send(sql: string | undefined, values?: readonly Value[]): Promise<Row[]> {
		return new Promise((resolve, reject) => {
			if (this.#failure !== undefined) return reject(this.#failure);
			const id = ++this.#lastId;
			this.#waiting.set(id, { resolve, reject });
			this.#worker.ref(); // the process lives as long as somebody waits
			this.#worker.postMessage({ id, sql, values });
		});
	}

	#settle({ id, rows, failure, isLibrary }: Answer): void {
		const { resolve, reject } = this.#waiting.get(id)!;
		this.#waiting.delete(id);
		if (this.#waiting.size === 0) this.#worker.unref();
		if (rows !== undefined) resolve(rows);
		else reject(isLibrary ? noLibrary(this.#file, failure) : databaseError(this.#file, failure!));
	}

	#fail(error: Arc2FaceError): void {
		this.#failure ??= error;
		for (const { reject } of this.#waiting.values()) reject(this.#failure);
		this.#waiting.clear();
	}
}

/** The file as if it could not change: no lock is taken, no journal is read or made. */
function untouched(file: string): string {
	return `${pathToFileURL(file).href}?mode=ro&immutable=1`;
}

/** @throws {Arc2FaceError} `FILE_FAILED` where the package that has the database is missing */
function libraryPath(file: string): string {
	try {
		return createRequire(import.meta.url).resolve('libsql');
	} catch (cause) {
		throw noLibrary(file, cause);
	}
}

function noLibrary(file: string, cause: unknown): Arc2FaceError {
	return new Arc2FaceError(
		'FILE_FAILED',
		`Could not open ${file}: the package libsql, which has the database, is missing, or has none for this system.`,
		{
			remedy:
				'Run `npm install --include=optional libsql`; it has binaries for Linux, macOS and Windows. All else of this package works without.',
			details: { file },
			cause,
		},
	);
}

/** By SQLite's primary result codes, https://sqlite.org/rescode.html */
function databaseError(file: string, { message, code = '', rawCode = 0 }: Failure): Arc2FaceError {
	const cause = Object.assign(new Error(message), { code });
	switch (rawCode & 0xff) {
		case 5: // SQLITE_BUSY
			return new Arc2FaceError('FILE_FAILED', `Could not use ${file}: another process has been writing to it.`, {
				...{ remedy: 'Try again when it is done.', details: { file, systemCode: 'EBUSY' }, cause },
			});
		case 8: // SQLITE_READONLY
			return fileFailed('write', file, Object.assign(cause, { code: 'EROFS' }));
		case 11: // SQLITE_CORRUPT
		case 26: // SQLITE_NOTADB
			return new Arc2FaceError('LEDGER_DAMAGED', `The database in ${file} is damaged: ${message}.`, {
				...{ remedy: 'Take a copy from before.', details: { file }, cause },
			});
		case 13: // SQLITE_FULL
			return fileFailed('write', file, Object.assign(cause, { code: 'ENOSPC' }));
		default:
			return fileFailed('use', file, Object.assign(new Error(message), { cause }));
	}
}

/** Plain JavaScript, so that it also runs from a clone. `undefined` closes the database and ends the thread. */
const thread = `
const { parentPort, workerData: { file, untouched, library, busyTimeoutMs } } = require('node:worker_threads');
let database;
function header(Database) {
	const once = new Database(untouched);
	try {
		return once.prepare('SELECT * FROM pragma_application_id, pragma_user_version').all([]);
	} catch (error) {
		if (error.code === 'SQLITE_NOTADB') return [];
		throw error;
	} finally {
		once.close();
	}
}
parentPort.on('message', (request) => {
	if (request === undefined) {
		database?.close();
		parentPort.close();
		return;
	}
	const { id, sql, values } = request;
	let Database;
	try {
		Database = require(library);
	} catch (error) {
		parentPort.postMessage({ id, isLibrary: true, failure: { message: error.message } });
		return;
	}
	try {
		if (sql === undefined) {
			parentPort.postMessage({ id, rows: header(Database) });
			return;
		}
		if (database === undefined) {
			database = new Database(file, { timeout: busyTimeoutMs });
			database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
		}
		let rows = [];
		if (values === undefined) database.exec(sql);
		else {
			const statement = database.prepare(sql);
			if (statement.reader) rows = statement.all(values);
			else statement.run(values);
		}
		parentPort.postMessage({ id, rows });
	} catch (error) {
		parentPort.postMessage({ id, failure: { message: error.message, code: error.code, rawCode: error.rawCode } });
	}
});
`;
