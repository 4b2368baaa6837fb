// One way to write a file: who reads it meanwhile finds the old one or the whole new one, and so does who comes after a power cut.
// By hand, because write-file-atomic and atomically make the temporary name of the file's own, which a long one has no room for.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { onDisk } from './on-disk.ts';

/**
 * Writes a whole file, in the place of one that may be there, whose mode it keeps. A link stays a link; what is no
 * ordinary file, such as a pipe, is written to as it is.
 *
 * @param mode - of a file that was not there (default: what the process makes files with)
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be written; nothing is left behind then
 */
export async function writeWhole(file: string, data: string | Uint8Array, mode?: number): Promise<void> {
	await onDisk(`write ${file}`, async () => {
		const target = await realpath(file).catch(() => resolve(file));
		const found = await stat(target).catch(() => undefined);
		if (found !== undefined && !found.isFile()) {
			await write(target, 'w', data);
			return;
		}
		await inPlaceOf(target, (temporary) => write(temporary, 'wx', data, found ? found.mode & 0o777 : mode));
	});
}

/**
 * Has a file filled under a temporary name, then gives it its own.
 *
 * @param fill - makes the file of that name
 * @throws what `fill` throws, or the system's error; nothing is left behind then
 */
export async function inPlaceOf(file: string, fill: (temporary: string) => Promise<void>): Promise<void> {
	const temporary = temporaryBeside(file);
	try {
		await fill(temporary);
		await moveIntoPlace(temporary, file);
	} catch (error) {
		await rm(temporary, { force: true }).catch(() => {}); // what matters is the first failure
		throw error;
	}
}

/** A name that is free, and as short whatever the file's own is. */
function temporaryBeside(file: string): string {
	return join(dirname(file), `.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Gives a file that is written its name, for good: not before its bytes have reached the disk, else a power cut could leave
 * an empty file of that name.
 *
 * @throws the system's error
 */
export async function moveIntoPlace(temporary: string, file: string): Promise<void> {
	await sync(temporary, 'r+');
	await rename(temporary, file);
	if (process.platform !== 'win32') await sync(dirname(file), 'r').catch(() => {}); // not every file system syncs folders
}

async function write(path: string, flags: string, data: string | Uint8Array, mode?: number): Promise<void> {
	const handle = await open(path, flags, mode);
	try {
		await handle.writeFile(data);
		if (mode !== undefined) await handle.chmod(mode);
	} finally {
		await handle.close();
	}
}

async function sync(path: string, flags: string): Promise<void> {
	const handle = await open(path, flags);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
