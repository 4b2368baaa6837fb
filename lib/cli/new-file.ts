// Writes the files that commands produce.
import { dirname } from 'node:path';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { requireWritable } from '../files/target.ts';
import { writeWhole } from '../files/write.ts';
import { UsageError } from './command.ts';

/**
 * Checks the target before long work.
 *
 * @throws {UsageError} when the file exists and must not be overwritten
 * @throws {Arc2FaceError} `FILE_FAILED` when it could not be written
 */
export async function requireFree(path: string, force: boolean): Promise<void> {
	if ((await requireWritable(path)) && !force) {
		throw new UsageError(`${path} exists already. Pass --force to overwrite it.`);
	}
}

/** Makes the folder of a file, once there is something to write, so that no empty one is left. */
export async function makeFolderOf(path: string): Promise<void> {
	await onDisk('create the folder of', path, () => makeFolder(dirname(path)));
}

/** Writes a text file, making its folder. */
export async function writeTextFile(path: string, text: string): Promise<void> {
	await makeFolderOf(path);
	await writeWhole(path, text);
}
