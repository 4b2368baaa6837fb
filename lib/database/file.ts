// Makes the file of a database. One that is there is not opened: with what closes it, all locks of this process on it would be gone.
import { closeSync, openSync } from 'node:fs';

/**
 * At once, so that nobody of this process opens it meanwhile. Nobody but the user may read it.
 *
 * @returns whether it was missing
 * @throws the system's error
 */
export function makeFile(file: string): boolean {
	try {
		closeSync(openSync(file, 'wx', 0o600));
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw error;
	}
}
