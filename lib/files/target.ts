// Checks that a file can be written, before long work, so that no work is lost.
import { access, constants, lstat, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { onDisk } from './on-disk.ts';

/**
 * @returns whether there is a file of that name already
 * @throws {Arc2FaceError} `FILE_FAILED` when one could not be written: the file system does not allow its name, a folder has
 *   it, or its folder is not one or can't be written to. Nothing is made
 */
export async function requireWritable(file: string): Promise<boolean> {
	const target = resolve(file);
	return await onDisk('write', file, async () => {
		const folder = await nearestFolder(dirname(target));
		if (!(await stat(folder)).isDirectory()) {
			throw refused(target, `Could not write ${file}: ${folder} is a file, not a folder.`);
		}
		await access(folder, constants.W_OK | constants.X_OK);
		// Missing folders can't be checked themselves, but their names have to fit this file system.
		for (const name of relative(folder, target).split(sep)) await exists(join(folder, checkName(name, file)));
		if (!(await exists(target))) return false;
		if (!(await stat(target).catch(() => undefined))?.isDirectory()) return true;
		throw refused(target, `Expected the name of a file to write but ${file} is a folder.`);
	});
}

/** The folder, or its nearest existing parent. */
async function nearestFolder(folder: string): Promise<string> {
	if ((await exists(folder)) || dirname(folder) === folder) return folder;
	return nearestFolder(dirname(folder));
}

async function exists(path: string): Promise<boolean> {
	try {
		await lstat(path);
		return true;
	} catch (error) {
		// The latter below a file, of which the caller is told.
		if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
		throw error;
	}
}

/** The system reports names that are too long when looked up; but Windows not those with these characters. */
function checkName(name: string, file: string): string {
	if (process.platform !== 'win32' || !/[<>:"|?*]/.test(name)) return name;
	throw refused(resolve(file), `Expected a name without < > : " | ? * but received ${file}.`);
}

function refused(file: string, problem: string): Arc2FaceError {
	return new Arc2FaceError('FILE_FAILED', problem, { remedy: 'Choose another name.', details: { file } });
}
