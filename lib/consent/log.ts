// The log of a ledger: what was recorded, encoded and painted, in rows that are only ever added, each of which has the digest of the last.

import type { Row, Run } from '../database/connection.ts';
import { Arc2FaceError } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import { sha256 } from '../files/digests.ts';
import type { Keys } from './keys.ts';

/** What a row tells. No embedding, and of a person nothing but the reference. */
export type Event =
	| Readonly<{
			kind: 'add';
			record: string;
			subject: string;
			purpose: string;
			scope?: readonly string[] | undefined;
			/** ISO date. */
			expires?: string | undefined;
			/** Salted digests of what is kept elsewhere, and deleted: they tell nothing without their salts. */
			evidence?: string | undefined;
			identity?: string | undefined;
	  }>
	| Readonly<{ kind: 'revoke' | 'erase'; record: string }>
	/** Under the record that has the identity, if one has. */
	| Readonly<{ kind: 'encode'; record?: string | undefined }>
	/** Images were shown while they were painted. */
	| Readonly<{ kind: 'preview'; record: string; purpose: string; scope?: string | undefined }>
	| Readonly<{
			kind: 'paint';
			record: string;
			purpose: string;
			scope?: string | undefined;
			/** Digest; absent if no recipe tells the image. */
			recipe?: string | undefined;
	  }>;

export type Entry = Event &
	Readonly<{
		row: number;
		/** ISO date. */
		at: string;
	}>;

/** A row of the log of a `ConsentLedger`, as `export` gives it. Which fields there are depends on its kind. */
export interface LogEntry {
	/** Its number, from 1. */
	readonly row: number;
	/** When it was written, as an ISO date. */
	readonly at: string;
	/** What was done. */
	readonly kind: Event['kind'];
	/** Under which record. */
	readonly record?: string | undefined;
	/** Whose consent was recorded. */
	readonly subject?: string | undefined;
	/** What the images are for. */
	readonly purpose?: string | undefined;
	/** For which part of that, or for which parts alone. */
	readonly scope?: string | readonly string[] | undefined;
	/** When consent ends, as an ISO date. */
	readonly expires?: string | undefined;
	/** Salted digest of what proves it. */
	readonly evidence?: string | undefined;
	/** Salted digest of the encrypted identity. */
	readonly identity?: string | undefined;
	/** Digest of the recipe of a painted image: see `recipeDigest`. */
	readonly recipe?: string | undefined;
}

/** A row, by number and digest: who has kept it knows whether the log still has it. */
export type LogHead = Readonly<{
	/** From 1; 0 of an empty log. */
	row: number;
	/** SHA-256, in hexadecimal. */
	hash: string;
}>;

/** What is wrong with the log. */
export type LogFault = Readonly<{ row: number; record?: string; problem: string }>;

export const logTables =
	'CREATE TABLE log (row INTEGER PRIMARY KEY, record TEXT, entry TEXT NOT NULL, hash TEXT NOT NULL, seal TEXT) STRICT;' +
	'CREATE INDEX log_record ON log (record);';

/** Rows that are read at once: the event loop runs between. */
const pageRows = 512;

export class Log {
	readonly #file: string;
	readonly #keys: Keys | undefined;
	/** The last row that was read and found right. */
	#last: LogHead;

	constructor({ file, id, keys }: { file: string; id: string; keys: Keys | undefined }) {
		this.#file = file;
		this.#keys = keys;
		this.#last = startOf(id);
	}

	get last(): LogHead {
		return this.#last;
	}

	/**
	 * Reads the rows that were added since the last time, and checks each.
	 *
	 * @param take - is given each entry
	 * @param find - is given each fault, and reading goes on (default: the first is thrown)
	 * @throws {Arc2FaceError} `LEDGER_DAMAGED`
	 */
	async readOn(run: Run, take: (entry: Entry) => void, find: (fault: LogFault) => void = this.#refuse): Promise<void> {
		for (;;) {
			const rows = await run('SELECT * FROM log WHERE row > ? ORDER BY row LIMIT ?', [this.#last.row, pageRows]);
			for (const row of rows) {
				const { entry, faults } = this.#read(row);
				for (const problem of faults) {
					find({ row: Number(row.row), ...(entry?.record !== undefined && { record: entry.record }), problem });
				}
				if (entry !== undefined) take(entry);
				this.#last = { row: Number(row.row), hash: String(row.hash) };
			}
			if (rows.length < pageRows) break;
		}
		await this.#requireEnd(run, find);
	}

	/**
	 * In a transaction that has read all rows before. What is added is read like any other row, the next time.
	 *
	 * @returns adds a row
	 */
	adder(run: Run): (event: Event) => Promise<void> {
		let last = this.#last;
		return async (event) => {
			const entry: Entry = { ...event, row: last.row + 1, at: new Date().toISOString() };
			const text = canonical(entry);
			last = { row: entry.row, hash: hashOf(last.hash, text) };
			const seal = this.#keys?.seal(`row ${last.hash}`) ?? null;
			await run('INSERT INTO log VALUES (?, ?, ?, ?, ?)', [last.row, entry.record ?? null, text, last.hash, seal]);
			await run("UPDATE meta SET value = ? WHERE name = 'end'", [endOf(last, this.#keys)]);
		};
	}

	#read(row: Row): { entry: Entry | undefined; faults: string[] } {
		const number = Number(row.row);
		const faults: string[] = [];
		const missing = this.#last.row + 1;
		if (number > missing) {
			faults.push(
				number === missing + 1 ? `row ${missing} is missing` : `rows ${missing} to ${number - 1} are missing`,
			);
		}
		const entry = entryIn(row.entry);
		if (entry?.row !== number || (entry.record ?? null) !== row.record) {
			return { entry: undefined, faults: [...faults, 'it was changed, or moved here from elsewhere'] };
		}
		if (this.#keys !== undefined && !this.#keys.isSealOf(`row ${row.hash}`, row.seal)) {
			faults.push('it was not written with the key');
		} else if (number === missing && row.hash !== hashOf(this.#last.hash, String(row.entry))) {
			faults.push('it was changed, or does not follow the one before');
		}
		return { entry, faults };
	}

	/** The end that was written with the last row. */
	async #requireEnd(run: Run, find: (fault: LogFault) => void): Promise<void> {
		const { row, hash } = this.#last;
		const [found] = await run("SELECT value FROM meta WHERE name = 'end'", []);
		const end = endIn(found?.value);
		if (end?.row !== undefined && end.row > row) {
			const gone = end.row === row + 1 ? `row ${end.row} is` : `rows ${row + 1} to ${end.row} are`;
			find({ row: row + 1, problem: `the end is missing: ${gone} gone` });
		} else if (end?.row !== row || end.hash !== hash) {
			find({ row, problem: 'it is not the row that was written last' });
		} else if (this.#keys !== undefined && !this.#keys.isSealOf(`end ${row} ${hash}`, end.seal)) {
			find({ row, problem: 'that it is the last one was not written with the key' });
		}
	}

	readonly #refuse = ({ row, record, problem }: LogFault): never => {
		throw new Arc2FaceError('LEDGER_DAMAGED', `The log of ${this.#file} is damaged at row ${row}: ${problem}.`, {
			remedy: ({ either }) =>
				`${either('`audit()`', '`arc2face consent audit`')} tells all that is wrong. Take a copy of the ledger from before.`,
			details: { file: this.#file, row, record },
		});
	};
}

function startOf(id: string): LogHead {
	return { row: 0, hash: sha256(`arc2face consent ledger ${id}`) };
}

/** What a ledger keeps of the end of its log. */
export function endOf({ row, hash }: LogHead, keys: Keys | undefined): string {
	return canonical({ row, hash, seal: keys?.seal(`end ${row} ${hash}`) });
}

/** Of a log without rows. */
export function endOfNew(id: string, keys: Keys | undefined): string {
	return endOf(startOf(id), keys);
}

function hashOf(previous: string, entry: string): string {
	return sha256(`${previous}\n${entry}`);
}

function entryIn(text: unknown): Entry | undefined {
	try {
		const entry: Entry = JSON.parse(String(text));
		return canonical(entry) === text ? entry : undefined;
	} catch {
		return undefined;
	}
}

function endIn(text: unknown): Partial<LogHead & { seal: string }> | undefined {
	try {
		return JSON.parse(String(text));
	} catch {
		return undefined;
	}
}
