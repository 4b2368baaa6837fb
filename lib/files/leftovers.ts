// What a killed process leaves of files and folders that were not whole: see `writeWhole` and `inPlaceOfFolder`.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from './on-disk.ts';

export function isLeftover(name: string): boolean {
	return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

/** Deletes what is left in a folder, where nobody else works. @throws {Arc2FaceError} `FILE_FAILED` */
export async function sweepLeftovers(folder: string): Promise<void> {
	for (const name of (await namesIn(folder)).filter(isLeftover)) {
		const path = join(folder, name);
		await onDisk('delete', path, () => rm(path, { recursive: true, force: true }));
	}
}

/** Nothing of a folder that is not there. @throws {Arc2FaceError} `FILE_FAILED` */
export async function namesIn(folder: string): Promise<string[]> {
	return await onDisk('read', folder, () =>
		readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
			if (error.code === 'ENOENT') return [];
			throw error;
		}),
	);
}
