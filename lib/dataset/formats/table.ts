// The table of a data set, a row an image: CSV as RFC 4180 has it, in UTF-8.
import { join } from 'node:path';
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
 * @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` if their columns differ; the signal's reason when stopped
 */
export async function joinTables(shards: readonly string[], to: string, signal?: AbortSignal): Promise<void> {
	const joined = await GrowingFile.create(join(to, tableName));
	try {
		let first: Buffer | undefined;
		for (const shard of shards) {
			const file = join(shard, tableName);
			let header: Buffer | undefined;
			for await (const piece of readInPieces(file, signal)) {
				if (header !== undefined) {
					await joined.add(piece);
					continue;
				}
				// The names of columns are far shorter than a piece.
				header = piece.subarray(0, piece.indexOf(lineEnd) + lineEnd.length);
				if (first === undefined) await joined.add(header);
				first ??= header;
				if (!header.equals(first)) throw otherColumns(file);
				await joined.add(piece.subarray(header.length));
			}
		}
	} catch (error) {
		await joined.close().catch(() => {});
		throw error;
	}
	await joined.close();
}

function otherColumns(file: string): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected ${file} to have the columns of the tables of the shards before it, but it has others.`,
		{ remedy: 'Join shards of one run.', details: { file } },
	);
}
