// The table of a data set, a row an image: CSV as RFC 4180 has it, in UTF-8.
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import { Arc2FaceError } from '../../errors.ts';
import { GrowingFile } from '../../files/growing-file.ts';
import { readInPieces } from '../../files/pieces.ts';
import type { Row } from './sample.ts';

/** Its file in the folder of a shard, or of a whole set. */
export const tableName = 'table.csv';

const lineEnd = '\r\n';

/** The first row's columns are the table's. A table without rows is an empty file. */
export class Table {
	readonly #file: GrowingFile;
	#columns: readonly string[] | undefined;

	private constructor(file: GrowingFile) {
		this.#file = file;
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	static async create(folder: string): Promise<Table> {
		return new Table(await GrowingFile.create(join(folder, tableName)));
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async add(row: Row): Promise<void> {
		const columns = Object.keys(row);
		if (this.#columns === undefined) {
			this.#columns = columns;
			await this.#file.add(line(columns));
		} else if (columns.join() !== this.#columns.join()) {
			throw new TypeError(`A row has the columns ${columns}, where the first has ${this.#columns}.`);
		}
		await this.#file.add(line(Object.values(row)));
	}

	async close(): Promise<void> {
		await this.#file.close();
	}
}

function line(fields: readonly (string | number | undefined)[]): string {
	// By itself the library quotes the line ends that it writes, not those of other systems.
	return stringify([fields], { record_delimiter: lineEnd, quoted_match: /[\r\n]/ });
}

/**
 * Joins the tables of shards into one in `to`.
 *
 * @param options.isNumbered - the last column counts the rows of a table, from 1: of the joined one in its turn
 * @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` if their columns differ; the signal's reason when stopped
 */
export async function joinTables(
	shards: readonly string[],
	to: string,
	{ isNumbered, signal }: { isNumbered: boolean | undefined; signal: AbortSignal | undefined },
): Promise<void> {
	const joined = await GrowingFile.create(join(to, tableName));
	try {
		let first: Buffer | undefined;
		let number = 0;
		for (const shard of shards) {
			const file = join(shard, tableName);
			const rows = rowsOf(file, signal);
			try {
				const header = (await rows.next()).value;
				if (header === undefined) continue;
				if (first === undefined) await joined.add(header);
				first ??= header;
				if (!header.equals(first)) throw otherColumns(file);
				if (!isNumbered) for await (const piece of rows) await joined.add(piece);
				else for await (const fields of fieldsOf(rows)) await joined.add(line(fields.with(-1, `${++number}`)));
			} finally {
				await rows.return(undefined);
			}
		}
	} catch (error) {
		await joined.close().catch(() => {});
		throw error;
	}
	await joined.close();
}

/** The header, then the rest in pieces; nothing for an empty table. */
async function* rowsOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer, undefined> {
	let isFirst = true;
	for await (const piece of readInPieces(file, signal)) {
		// The names of columns are far shorter than a piece.
		const end = isFirst ? piece.indexOf(lineEnd) + lineEnd.length : 0;
		if (isFirst) yield piece.subarray(0, end);
		isFirst = false;
		yield piece.subarray(end);
	}
}

async function* fieldsOf(rows: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
	const parser = parse({ record_delimiter: lineEnd });
	// A failure of the file ends the parser, whose reader is told it.
	pipeline(rows, parser, () => {});
	for await (const fields of parser) yield fields;
}

function otherColumns(file: string): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected ${file} to have the columns of the tables of the shards before it, but it has others.`,
		{ remedy: 'Join shards of one run.', details: { file } },
	);
}
