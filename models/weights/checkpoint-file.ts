// Opens a checkpoint file and reads parts of it.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { obstacleAt } from '../file-content.ts';
import { invalidWeights } from './invalid.ts';

/** A checkpoint file while its header is read. Every read is within the size that the file had when opened. */
export class CheckpointFile {
	/** Absolute. */
	readonly path: string;
	/** Bytes. */
	readonly size: number;
	readonly #handle: FileHandle;

	private constructor(path: string, size: number, handle: FileHandle) {
		this.path = path;
		this.size = size;
		this.#handle = handle;
	}

	/**
	 * Runs `read` on the open file and closes it.
	 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when the file is missing or unreadable
	 */
	static async with<T>(path: string, read: (file: CheckpointFile) => Promise<T>): Promise<T> {
		const absolute = resolve(path);
		const handle = await openFile(absolute);
		try {
			const { size } = await handle.stat();
			return await read(new CheckpointFile(absolute, size, handle));
		} catch (error) {
			throw isSystemError(error) ? await unreadable(absolute, error) : error;
		} finally {
			await handle.close();
		}
	}

	/** Exactly `length` bytes from `offset`. */
	async read(offset: number, length: number): Promise<Buffer> {
		if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
			throw invalidWeights(`at least ${offset + length} bytes`, this.path, `${this.size}, a file that is cut short`);
		}
		const buffer = Buffer.allocUnsafe(length);
		const { bytesRead } = await this.#handle.read(buffer, 0, length, offset);
		if (bytesRead !== length)
			throw invalidWeights(`${this.size} bytes`, this.path, 'a file that shrank meanwhile', {
				remedy: 'Load again when it is complete.',
			});
		return buffer;
	}
}

async function openFile(path: string): Promise<FileHandle> {
	try {
		// Checked before opening, because opening a named pipe waits for its writer.
		const found = await stat(path);
		if (found.isFile()) return await open(path, 'r');
		const what = found.isDirectory() ? 'a folder' : 'no regular file';
		throw invalidWeights('a file', path, what, { remedy: `Put the file there in its place.` });
	} catch (error) {
		throw isSystemError(error) ? await unreadable(path, error) : error;
	}
}

async function unreadable(path: string, cause: NodeJS.ErrnoException) {
	const { what, remedy = 'Copy or download the file.' } = await obstacleAt(path, cause);
	return invalidWeights('a readable file', path, what, {
		cause,
		remedy,
		...(cause.code && { systemCode: cause.code }),
	});
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
	return error instanceof Error && 'syscall' in error;
}
