// Folders that appear whole: filled under another name, then renamed.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from './folder.ts';
import { onDisk } from './on-disk.ts';
import { syncFiles, syncFolder } from './write.ts';

/**
 * Lets a folder be filled under a name beside its own, then renames it. A process that is killed meanwhile leaves that other folder,
 * which the next one for the same folder deletes: there may be only one at a time.
 *
 * @param folder - is not there, or is empty
 * @param fill - writes into the folder of that name; its files are to be on the disk (`GrowingFile`) when it returns
 * @throws {Arc2FaceError} `FILE_FAILED`, before `fill` if the folder has something in it; what `fill` throws. Leaves nothing behind
 */
export async function inPlaceOfFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
	const target = resolve(folder);
	const isThere = await requireEmpty(target);
	// Short, however long the folder's own name is.
	const digest = createHash('sha256').update(basename(target)).digest('hex');
	const temporary = join(dirname(target), `.${digest.slice(0, 12)}.tmp`);
	await onDisk('write', target, async () => {
		await rm(temporary, { recursive: true, force: true });
		await makeFolder(temporary);
	});
	try {
		await fill(temporary);
		await onDisk('write', target, async () => {
			await syncFolder(temporary);
			if (isThere) await rmdir(target);
			await rename(temporary, target);
			await syncFolder(dirname(target));
		});
	} catch (error) {
		await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure matters
		throw error;
	}
}

/**
 * Gives a finished file a second name without a second copy of its bytes, where the file system can; else copies it.
 *
 * @throws {Arc2FaceError} `FILE_FAILED`, also if `to` is there
 */
export async function linkOrCopy(from: string, to: string): Promise<void> {
	await onDisk('write', to, () =>
		link(from, to).catch(async (error: NodeJS.ErrnoException) => {
			if (error.code === 'EEXIST' || error.code === 'ENOENT') throw error;
			await copyFile(from, to, constants.COPYFILE_EXCL);
			await syncFiles([to]);
		}),
	);
}

/** @returns whether there is such a folder */
async function requireEmpty(folder: string): Promise<boolean> {
	const names = await onDisk('write', folder, () =>
		readdir(folder).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return undefined;
			throw error;
		}),
	);
	if (names === undefined) return false;
	if (names.length === 0) return true;
	throw new Arc2FaceError('FILE_FAILED', `Expected a new or an empty folder but ${folder} has files in it.`, {
		remedy: 'Choose another name.',
		details: { file: folder },
	});
}
