// How much space a disk has left.
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Arc2FaceError } from '../errors.ts';

/** @throws {Arc2FaceError} `FILE_FAILED` when the disk of `path` cannot take `bytes` more */
export async function requireSpace(path: string, bytes: number): Promise<void> {
	const free = await freeSpace(path);
	if (free === undefined || free >= bytes) return;
	throw new Arc2FaceError('FILE_FAILED', `Expected ${bytes} bytes of free space for ${path} but found ${free}.`, {
		remedy: 'Free some space, or choose another disk.',
		details: { file: path },
	});
}

/** Bytes that this user may still write on the disk of `path`, which need not exist yet; undefined if the system doesn't say. */
export async function freeSpace(path: string): Promise<number | undefined> {
	try {
		const { bavail, bsize } = await statfs(path);
		return bavail * bsize;
	} catch (error) {
		const missing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
		return missing ? freeSpace(dirname(path)) : undefined;
	}
}
