// The part of a download that is already on disk.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { fileFailed, onDisk } from '../files/on-disk.ts';
import type { Checksum, Download } from './request.ts';

/** The checksum of a file, in lower-case hexadecimal. */
export async function digest(
	file: string,
	algorithm: Checksum['algorithm'],
	{ signal, onProgress }: Pick<Download, 'signal' | 'onProgress'>,
): Promise<string> {
	const total = await sizeOf(file);
	const hash = createHash(algorithm === 'gitBlob' ? 'sha1' : algorithm);
	if (algorithm === 'gitBlob') hash.update(`blob ${total}\0`);
	let done = 0;
	await onDisk('read', file, async () => {
		for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
			hash.update(chunk);
			done += chunk.length;
			onProgress({ phase: 'verifying', done, total });
		}
	}).catch((error: unknown) => {
		signal.throwIfAborted();
		throw error;
	});
	return hash.digest('hex');
}

export async function sizeOf(file: string): Promise<number> {
	try {
		return (await stat(file)).size;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
		throw fileFailed('read', file, error);
	}
}

export async function discard(part: string): Promise<void> {
	await onDisk('delete', part, () => rm(part, { force: true }));
}
