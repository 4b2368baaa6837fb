// Encrypted identities in a file, and who among them is alike.

import type { Row, Run } from '../database/connection.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Keys } from './keys.ts';

/** Rows that are opened at once, in some milliseconds: the event loop runs between. */
const pageRows = 128;

/** Where identities lie in a file. */
export type Place = Readonly<{
	file: string;
	keys: Keys | undefined;
	table: string;
	/** Text of the row that its identity is bound to. */
	bindingOf(row: Row): string;
}>;

/**
 * Looks at every identity, in one transaction.
 *
 * @param see - is given each row, and how alike each of the people is to it
 * @throws {Arc2FaceError} `LEDGER_DAMAGED`, naming the row
 */
export async function compareAll(
	run: Run,
	{ file, keys, table, bindingOf }: Place,
	people: readonly Float32Array[],
	see: (row: Row, similarities: readonly number[]) => void,
): Promise<void> {
	for (let last = ''; ; ) {
		const rows = await run(`SELECT * FROM ${table} WHERE id > ? ORDER BY id LIMIT ${pageRows}`, [last]);
		for (const row of rows) {
			last = String(row.id);
			const embedding = keys?.decrypt(bytesOf(row.sealed), bindingOf(row));
			if (embedding === undefined) throw changed(file, last);
			see(
				row,
				people.map((person) => similarity(person, embedding)),
			);
			embedding.fill(0);
		}
		if (rows.length < pageRows) return;
	}
}

export function bytesOf(value: unknown): Uint8Array {
	return new Uint8Array(value as ArrayBuffer);
}

/** Cosine of two embeddings of length 1. */
export function similarity(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
	return sum;
}

function changed(file: string, record: string): Arc2FaceError {
	return new Arc2FaceError('LEDGER_DAMAGED', `The identity of ${record} in ${file} was changed, or moved there.`, {
		...{ remedy: 'Take a copy of the file from before.', details: { file, record } },
	});
}
