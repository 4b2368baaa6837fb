// Reads files of any size in pieces.
import { createReadStream } from 'node:fs';
import { fileFailed } from './on-disk.ts';

/** @throws {Arc2FaceError} `FILE_FAILED`; the signal's reason when stopped */
export async function* readInPieces(file: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
	const stream = createReadStream(file, { highWaterMark: 1 << 20 });
	try {
		for await (const piece of stream) {
			signal?.throwIfAborted();
			yield piece as Buffer;
		}
	} catch (error) {
		throw signal?.aborted ? error : fileFailed('read', file, error);
	}
}
