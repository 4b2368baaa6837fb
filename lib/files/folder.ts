// Folders, made where they are missing.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, where they are missing. Node's own `recursive: true` never returns below a folder that
 * answers ENOENT although it is there, as those of /proc do.
 *
 * @param folder - an absolute path, or one from the working folder
 * @throws the system's error, `ENOENT` where no folder can be made, `EEXIST` where a file is
 */
export async function makeFolder(folder: string): Promise<void> {
	if ((await missingAbove(folder)) === undefined) return;
	await makeFolder(dirname(folder));
	const error = await missingAbove(folder);
	if (error !== undefined) throw error;
}

/** Makes one folder; returns the error when the one above it seems to be missing. */
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
