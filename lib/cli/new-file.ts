import { access, constants, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { UsageError } from './command.ts';

/** @throws {UsageError} when the file exists; asked before long work, so that none is lost */
export async function requireAbsent(path: string): Promise<void> {
	const exists = await access(path).then(
		() => true,
		() => false,
	);
	if (exists) throw new UsageError(`${path} exists already. Pass --force to overwrite it.`);
}

/** Makes the folder that files are to go into, or sees that it lets them; before long work, so that none is lost. */
export async function requireFolder(folder: string): Promise<void> {
	try {
		await makeFolder(folder);
		await access(folder, constants.W_OK | constants.X_OK);
	} catch (cause) {
		throw new Arc2FaceError('FILE_FAILED', `Could not write into the folder ${folder}: ${(cause as Error).message}.`, {
			cause,
		});
	}
}

/** Writes a text file, making its folder. */
export async function writeTextFile(path: string, text: string): Promise<void> {
	await requireFolder(dirname(path));
	await writeFile(path, text).catch((cause: Error) => {
		throw new Arc2FaceError('FILE_FAILED', `Could not write ${path}: ${cause.message}.`, { cause });
	});
}
