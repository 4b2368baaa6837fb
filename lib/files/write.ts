// Writes files atomically: readers find the old one or the whole new one, even after a power cut.
// By hand, because write-file-atomic and atomically lengthen the file's own name for the temporary one, for which a long name has no room.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { onDisk } from './on-disk.ts';

/**
 * Writes a whole file, replacing an existing one, whose mode it keeps. A link stays a link; what is not an
 * ordinary file, such as a pipe, is written to directly.
 *
 * @param mode - of a new file (default: the process's)
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be written, leaving nothing behind
 */
export async function writeWhole(file: string, data: string | Uint8Array, mode?: number): Promise<void> {
	await onDisk('write', file, async () => {
		const target = await realpath(file).catch(() => resolve(file));
		const found = await stat(target).catch(() => undefined);
		if (found !== undefined && !found.isFile()) {
			await write(target, 'w', data);
			return;
		}
		const kept = found && found.mode & 0o777;
		await inPlaceOf(target, (temporary) => write(temporary, 'wx', data, { mode, kept }));
	});
}

/**
 * Lets a file be filled under a temporary name, then renames it.
 *
 * @param fill - writes the file of that name
 * @throws what `fill` throws, or the system's error, leaving nothing behind
 */
export async function inPlaceOf(file: string, fill: (temporary: string) => Promise<void>): Promise<void> {
	const temporary = temporaryBeside(file);
	try {
		await fill(temporary);
		await moveIntoPlace(temporary, file);
	} catch (error) {
		await rm(temporary, { force: true }).catch(() => {}); // the first failure matters
		throw error;
	}
}

/** An unused name, short even if the file's own is long. */
function temporaryBeside(file: string): string {
	return join(dirname(file), `.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Gives a finished file its name durably: only once its bytes have reached the disk, else a power cut could leave
 * an empty file of that name.
 *
 * @throws the system's error
 */
export async function moveIntoPlace(temporary: string, file: string): Promise<void> {
	await sync(temporary, 'r+');
	await rename(temporary, file);
	await syncFolder(dirname(file));
}

/** Waits until the names in a folder have reached the disk, where the file system does that. */
export async function syncFolder(folder: string): Promise<void> {
	if (process.platform !== 'win32') await sync(folder, 'r').catch(() => {}); // not all file systems sync folders
}

/** How many files at once {@link syncFiles} waits for: one after another would take a disk several times as long. */
const syncedAtOnce = 32;

/** Waits until all have reached the disk. @throws {Arc2FaceError} `FILE_FAILED` */
export async function syncFiles(files: readonly string[]): Promise<void> {
	for (let i = 0; i < files.length; i += syncedAtOnce) {
		const some = files.slice(i, i + syncedAtOnce);
		await Promise.all(some.map((file) => onDisk('write', file, () => sync(file, 'r+'))));
	}
}

/** @param modes - `kept`: whatever the process's mask is; not so `mode`, which file systems without modes may refuse to set */
async function write(
	path: string,
	flags: string,
	data: string | Uint8Array,
	{ mode, kept }: { mode?: number | undefined; kept?: number | undefined } = {},
): Promise<void> {
	const handle = await open(path, flags, kept ?? mode);
	try {
		await handle.writeFile(data);
		if (kept !== undefined) await handle.chmod(kept);
	} finally {
		await handle.close();
	}
}

async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
	const handle = await open(path, flags);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
