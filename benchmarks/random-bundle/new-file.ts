// Writes a file piece by piece.
import { type FileHandle, open } from 'node:fs/promises';
import { inPlaceOf } from '../../lib/files/write.ts';

/** A file being written sequentially, under a temporary name. */
export class NewFile {
	readonly #handle: FileHandle;
	#position = 0;

	private constructor(handle: FileHandle) {
		this.#handle = handle;
	}

	/** Runs `write`, then gives the file its name; leaves nothing behind on failure. */
	static async with(path: string, write: (file: NewFile) => Promise<void>): Promise<void> {
		await inPlaceOf(path, async (temporary) => {
			const handle = await open(temporary, 'wx');
			try {
				await write(new NewFile(handle));
			} finally {
				await handle.close();
			}
		});
	}

	/** Bytes written so far, which is the offset of the next ones. */
	get position(): number {
		return this.#position;
	}

	async append(bytes: Uint8Array): Promise<void> {
		await this.overwrite(this.#position, bytes);
		this.#position += bytes.length;
	}

	/** Overwrites bytes appended before. */
	async overwrite(offset: number, bytes: Uint8Array): Promise<void> {
		let done = 0;
		while (done < bytes.length) {
			const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
			done += bytesWritten;
		}
	}
}
