// Where the files of finished images are kept.
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileFailed, onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';

/** A file of a store. */
export type ResultFile = Readonly<{
	stream: Readable;
	/** Its length. */
	bytes: number;
}>;

/** Keeps files by job and name: a folder, or what you make of an object store such as S3. */
export interface ResultStore {
	/** Keeps a file whole, or fails; one of that name has the same bytes. */
	put(job: string, name: string, bytes: Uint8Array): Promise<void>;
	/** @returns undefined if there is none */
	get(job: string, name: string): Promise<ResultFile | undefined>;
	/** Takes away all files of a job. */
	remove(job: string): Promise<void>;
}

/** A folder, with one for each job in it, which several machines may share. */
export class FolderResults implements ResultStore {
	readonly #folder: string;

	/** @param folder - made when it is needed */
	constructor(folder: string) {
		this.#folder = resolve(folder);
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async put(job: string, name: string, bytes: Uint8Array): Promise<void> {
		const folder = join(this.#folder, checked(job));
		await onDisk('write', folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
		await writeWhole(join(folder, checked(name)), bytes, 0o600);
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async get(job: string, name: string): Promise<ResultFile | undefined> {
		const file = join(this.#folder, checked(job), checked(name));
		try {
			const handle = await open(file);
			const { size } = await handle.stat();
			return { stream: createReadStream(file, { fd: handle }), bytes: size };
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
			throw fileFailed('read', file, error);
		}
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async remove(job: string): Promise<void> {
		const folder = join(this.#folder, checked(job));
		await onDisk('remove', folder, () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
	}
}

/** Names come from this package; one that leads elsewhere is a fault in it. */
function checked(name: string): string {
	if (!/^[a-z0-9][a-z0-9._-]{0,120}$/i.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a result`);
	return name;
}
