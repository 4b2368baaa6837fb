// A new file that is written in pieces, from its start to its end.
import { type FileHandle, open } from 'node:fs/promises';
import { onDisk } from './on-disk.ts';

/** Small pieces are gathered up to this many bytes: a call of the system for each would be most of the work. */
const gatheredBytes = 1 << 18;

/** Calls of one follow each other: each is awaited before the next. */
export class GrowingFile {
	readonly #file: string;
	readonly #handle: FileHandle;
	#pieces: Uint8Array[] = [];
	#gathered = 0;
	#position = 0;
	#failure: { error: unknown } | undefined;

	private constructor(file: string, handle: FileHandle) {
		this.#file = file;
		this.#handle = handle;
	}

	/** Empties a file that is there. @throws {Arc2FaceError} `FILE_FAILED` */
	static async create(file: string): Promise<GrowingFile> {
		return new GrowingFile(file, await onDisk('write', file, () => open(file, 'w')));
	}

	/** Bytes that were added so far. */
	get position(): number {
		return this.#position;
	}

	/**
	 * @param piece - must stay as it is until the file is closed
	 * @throws {Arc2FaceError} `FILE_FAILED`, and the same again from then on
	 */
	async add(piece: Uint8Array | string): Promise<void> {
		if (this.#failure !== undefined) throw this.#failure.error;
		const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
		this.#pieces.push(bytes);
		this.#gathered += bytes.length;
		this.#position += bytes.length;
		if (this.#gathered >= gatheredBytes) await this.#write();
	}

	/**
	 * Returns once all has reached the disk. Closes the file in any case.
	 *
	 * @throws {Arc2FaceError} `FILE_FAILED`, also for what failed before
	 */
	async close(): Promise<void> {
		try {
			if (this.#failure !== undefined) throw this.#failure.error;
			await this.#write();
			await onDisk('write', this.#file, () => this.#handle.sync());
		} finally {
			await this.#handle.close();
		}
	}

	async #write(): Promise<void> {
		const bytes = Buffer.concat(this.#pieces);
		this.#pieces = [];
		this.#gathered = 0;
		try {
			await onDisk('write', this.#file, () => this.#handle.writeFile(bytes));
		} catch (error) {
			this.#failure = { error };
			throw error;
		}
	}
}

/** Closes all, whatever fails, and throws the first failure. */
export async function closeAll(files: readonly { close(): Promise<void> }[]): Promise<void> {
	const failures: { error: unknown }[] = [];
	for (const file of files) await file.close().catch((error) => failures.push({ error }));
	for (const { error } of failures) throw error;
}
