// Makes folders where they are missing.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and its parents where missing. Node's own `recursive: true` never returns below a folder that
 * answers ENOENT although it exists, such as those in /proc.
 *
 * @param folder - a path, absolute or relative to the working folder
 * @throws the system's error, `ENOENT` where no folder can be made, `EEXIST` where a file is
 */
export async function makeFolder(folder: string): Promise<void> {
	if ((await missingAbove(folder)) === undefined) return;
	await makeFolder(dirname(folder));
	const error = await missingAbove(folder);
	if (error !== undefined) throw error;
}

/** Makes one folder; returns the error when its parent seems to be missing. */
async function missingAbove(folder: string): Promise<Error | undefined> {
	try {
		await mkdir(folder);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT') return error as Error;
		if (code !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error;
	}
	return undefined;
}
