// Paths as people write them, where no shell has expanded them.
import { homedir } from 'node:os';
import { join, parse } from 'node:path';
import { Arc2FaceError, shortened } from '../errors.ts';
import { pathOf } from '../options/path.ts';
import { UsageError } from './command.ts';
import { commandLineWording } from './wording.ts';

/** Stands for stdin where something is read, for stdout where it is written. */
export const standardStream = '-';

/**
 * @param name - of the option or argument, in the library
 * @throws {UsageError} for what is no path, such as a `file:` URL of another machine
 */
export function localPath(text: string, name = 'photo'): string {
	if (text === '~' || text.startsWith('~/')) return join(homedir(), text.slice(1));
	try {
		return pathOf(text, name);
	} catch (error) {
		if (!(error instanceof Arc2FaceError)) throw error;
		const { problem, remedy } = error.inWordsOf(commandLineWording);
		throw new UsageError(problem, remedy);
	}
}

/** What messages call an input. */
export function nameOf(source: string): string {
	return source === standardStream ? 'stdin' : shortened(source, 200);
}

/** The name for a photo's results: its own without folder and extension. */
export function stemOf(source: string): string {
	return source === standardStream ? 'stdin' : parse(localPath(source)).name;
}
