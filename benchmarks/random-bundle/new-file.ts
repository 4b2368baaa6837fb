import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';

/** A file that is being written under a temporary name, at a position that moves along. */
export class NewFile {
	readonly #handle: FileHandle;
	#position = 0;

	private constructor(handle: FileHandle) {
		this.#handle = handle;
	}

	/** Runs `write`, then gives the file its name; when that fails nothing is left behind. */
	static async with(path: string, write: (file: NewFile) => Promise<void>): Promise<void> {
		const temporary = `${path}.${randomUUID()}.part`;
		const handle = await open(temporary, 'wx');
		try {
			try {
				await write(new NewFile(handle));
			} finally {
				await handle.close();
			}
			await rename(temporary, path);
		} catch (error) {
			await rm(temporary, { force: true });
			throw error;
		}
	}

	/** Bytes written so far, thus the offset of the next ones. */
	get position(): number {
		return this.#position;
	}

	async append(bytes: Uint8Array): Promise<void> {
		await this.overwrite(this.#position, bytes);
		this.#position += bytes.length;
	}

	/** Writes over bytes that were appended before. */
	async overwrite(offset: number, bytes: Uint8Array): Promise<void> {
		let done = 0;
		while (done < bytes.length) {
			const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
			done += bytesWritten;
		}
	}
}
