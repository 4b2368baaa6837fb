// Ledgers and deny lists as somebody without this package finds them: their bytes, and their tables, to read and to tamper with.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

type Database = {
	exec(sql: string): void;
	prepare(sql: string): { all(values: unknown[]): Record<string, unknown>[]; run(values: unknown[]): void };
	close(): void;
};

/** Opens the file with the database alone. */
export function tamper<T>(file: string, work: (database: Database) => T): T {
	const database: Database = new (createRequire(import.meta.url)('libsql'))(file);
	try {
		return work(database);
	} finally {
		database.close();
	}
}

/** Of the file and all that the database has put beside it. */
export function bytesOf(file: string): Buffer {
	const files = ['', '-wal', '-shm', '-journal'].map((end) => file + end).filter((name) => existsSync(name));
	return Buffer.concat(files.map((name) => readFileSync(name)));
}

/** Somebody: an embedding of length 1, and of those with another number nearly orthogonal. */
export function person(number: number): Float32Array {
	const numbers = Float32Array.from({ length: 512 }, (_, i) => Math.sin((i + 1) * (i + 7) * (number + 0.37)));
	const length = Math.hypot(...numbers);
	return numbers.map((x) => x / length);
}

/** Somebody of whom the cosine to another is this. */
export function alikeTo(one: Float32Array, cosine: number): Float32Array {
	const other = person(999);
	const along = one.reduce((sum, x, i) => sum + x * other[i]!, 0);
	const across = other.map((x, i) => x - along * one[i]!);
	const length = Math.hypot(...across);
	return one.map((x, i) => cosine * x + (Math.sqrt(1 - cosine ** 2) / length) * across[i]!);
}
