// Writes the files that commands produce.
import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { requireWritable } from '../files/target.ts';
import { writeWhole } from '../files/write.ts';
import { UsageError } from './command.ts';
import { localPath, nameOf, standardStream } from './path.ts';

/**
 * Checks the target before long work.
 *
 * @param options.inputs - as named on the command line: not even `force` overwrites one
 * @throws {UsageError} when the file exists and must not be overwritten
 * @throws {Arc2FaceError} `FILE_FAILED` when it could not be written
 */
export async function requireFree(
	path: string,
	{ inputs, force }: { inputs: readonly string[]; force: boolean },
): Promise<void> {
	if (!(await requireWritable(path))) return;
	const target = await fileAt(path);
	for (const input of inputs) {
		const isTarget = target !== undefined && target === (await fileAt(input === standardStream ? 0 : localPath(input)));
		if (!isTarget) continue;
		const same = path === input ? 'an input' : `the same file as the input ${nameOf(input)}`;
		throw new UsageError(`${path} is ${same}, and inputs are never overwritten.`, 'Choose another place with --out.');
	}
	if (!force) throw new UsageError(`${path} exists already.`, 'Pass --force to overwrite it.');
}

/** What is the same for all paths and links to a file; undefined where there is none. */
async function fileAt(file: string | 0): Promise<string | undefined> {
	try {
		const found = file === 0 ? fstatSync(0, { bigint: true }) : await stat(file, { bigint: true });
		return found.isFile() ? `${found.dev}:${found.ino}` : undefined;
	} catch {
		return undefined;
	}
}

/** Makes the folder of a file, once there is something to write, so that no empty one is left. */
export async function makeFolderOf(path: string): Promise<void> {
	await onDisk('create the folder of', path, () => makeFolder(dirname(path)));
}

/** Of new files that tell of persons: an embedding is as good as a photo. */
export const privateMode = 0o600;

/** Writes a text file that tells of persons, making its folder. */
export async function writeTextFile(path: string, text: string): Promise<void> {
	await makeFolderOf(path);
	await writeWhole(path, text, privateMode);
}
