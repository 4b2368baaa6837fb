// Paths as people write them, where no shell has expanded them.
import { homedir } from 'node:os';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './command.ts';

/** Stands for stdin where a photo is read, for stdout where one is written. */
export const standardStream = '-';

/** @throws {UsageError} for a `file:` URL that names no local file */
export function localPath(text: string): string {
	if (text === '~' || text.startsWith('~/')) return join(homedir(), text.slice(1));
	if (!text.startsWith('file:')) return text;
	try {
		return fileURLToPath(text);
	} catch (error) {
		throw new UsageError(
			`Expected the URL of a file of this machine but received ${text}: ${(error as Error).message}.`,
		);
	}
}

/** The name for a photo's results: its own without folder and extension. */
export function stemOf(source: string): string {
	return source === standardStream ? 'stdin' : parse(localPath(source)).name;
}
