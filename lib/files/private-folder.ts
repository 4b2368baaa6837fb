// Folders that only their user may enter.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import type { Sentence, Wording } from '../messages/wording.ts';
import { makeFolder } from './folder.ts';
import { onDisk } from './on-disk.ts';

/**
 * Makes a folder that only the current user may enter, or checks that it is one. What is in it is run as a program, so
 * nobody else may have put it there. Windows guards the user's folders with access lists, which are left as they are.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be made, belongs to another user, or is open to others
 */
export async function requirePrivateFolder(folder: string): Promise<void> {
	await onDisk('create the folder', folder, async () => {
		await makeFolder(dirname(folder));
		await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
			if (error.code !== 'EEXIST') throw error;
		});
	});
	await isPrivateFolder(folder);
}

/** @returns whether the folder is there; throws as {@link requirePrivateFolder} does when it exists and is not private */
export async function isPrivateFolder(folder: string): Promise<boolean> {
	const found = await onDisk('look at', folder, () =>
		stat(folder).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return undefined;
			throw error;
		}),
	);
	if (found === undefined) return false;
	if (!found.isDirectory())
		throw refused(folder, 'a folder', 'a file', (wording) => `Delete the file, or ${choose(wording)}.`);
	if (process.getuid === undefined) return true;
	const user = process.getuid();
	if (found.uid !== user) {
		// Not taken over: its contents are its owner's.
		const remedy: Sentence = (wording) => `Let its owner delete it, or ${choose(wording)}.`;
		throw refused(folder, `a folder of the current user (uid ${user})`, `one of uid ${found.uid}`, remedy);
	}
	const mode = found.mode & 0o777;
	if ((mode & 0o077) !== 0) {
		const remedy: Sentence = (wording) => `Run \`chmod 700\` on it, or ${choose(wording)}.`;
		throw refused(folder, 'a folder that only its user may enter', `mode ${mode.toString(8)}`, remedy);
	}
	return true;
}

const choose = ({ option }: Wording) => `choose another with ${option('cacheDir')}`;

function refused(folder: string, expected: string, received: string, remedy: Sentence): Arc2FaceError {
	const problem = `Expected ${expected} for ${folder} but received ${received}.`;
	return new Arc2FaceError('FILE_FAILED', problem, { remedy, details: { file: folder } });
}
