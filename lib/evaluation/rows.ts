// The rows of a CSV file with a header.
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { Arc2FaceError, shortened } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';

/** By the names of the columns, without blanks around them. */
export type Row = Readonly<{ record: Readonly<Partial<Record<string, string>>>; line: number }>;

const lineEnds = ['\r\n', '\n', '\r'];

/**
 * @param layout - what such a file has to look like, as a remedy
 * @param onHeader - looks at the names of the columns first
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be read; `INVALID_ARGUMENT` for what is no CSV
 */
export async function* readRows(
	path: string,
	layout: string,
	onHeader: (names: readonly string[]) => void = () => {},
): AsyncGenerator<Row> {
	const columns = (names: string[]) => {
		onHeader(names);
		return names;
	};
	const layouts = { columns, bom: true, trim: true, skip_empty_lines: true, record_delimiter: lineEnds } as const;
	const parser = parse({ ...layouts, info: true });
	// A failure of the file ends the parser, whose reader is told it below.
	pipeline(createReadStream(path), parser, () => {});
	const rows: AsyncIterable<{ record: Row['record']; info: { lines: number } }> = parser;
	try {
		for await (const { record, info } of rows) yield { record, line: info.lines };
	} catch (cause) {
		const { code, message } = cause as CsvError;
		if (!code?.startsWith('CSV_')) return await onDisk('read', path, () => Promise.reject(cause));
		const problem = `Expected a CSV in ${path}: ${message}.`;
		throw new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy: layout, details: { file: resolve(path) } });
	}
}

/** Their names, for messages. */
export function columnsOf(record: Row['record']): string {
	return Object.keys(record)
		.map((name) => shortened(name))
		.join(', ');
}
