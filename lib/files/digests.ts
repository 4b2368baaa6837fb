// SHA-256 of files, remembered while a file is unchanged.
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Arc2FaceError } from '../errors.ts';
import { answerOf } from '../threads/answer.ts';
import { fileFailed, onDisk } from './on-disk.ts';
import { writeWhole } from './write.ts';

export interface DigestOptions {
	signal?: AbortSignal | undefined;
	/** Bytes of `file` that were read; not called when the digest is known. */
	onProgress?: ((progress: { file: string; done: number; total: number }) => void) | undefined;
}

/** Shows, without reading it, that a file is unchanged. Every write through the file system changes `changedNs`. */
export type FileState = Readonly<{
	file: string;
	bytes: string;
	modifiedNs: string;
	changedNs: string;
	inode: string;
	device: string;
}>;

/** Files from this size on are remembered; hashing a smaller one takes 20 ms. */
const rememberedBytes = 4 << 20;

/**
 * SHA-256 of files. A core without SHA instructions hashes 0.3 GB a second, so 3.4 GB of weights take some ten seconds: that of a
 * large file is remembered, in a folder, as long as path, size, times and inode stay the same.
 */
export class FileDigests {
	readonly #folder: string | undefined;

	/**
	 * @param folder - where they are remembered, as `<SHA-256 of the path>.digest`; private, because its contents are trusted (default:
	 *   nowhere)
	 */
	constructor(folder?: string) {
		this.#folder = folder;
	}

	/**
	 * @param file - an absolute path
	 * @returns lower-case hexadecimal
	 * @throws {Arc2FaceError} `FILE_FAILED`, also if the file changes meanwhile; the signal's reason when stopped
	 */
	async sha256(file: string, options: DigestOptions = {}): Promise<string> {
		let state = await stateOf(file);
		if (Number(state.bytes) < rememberedBytes)
			return await onDisk('read', file, async () => sha256(await readFile(file)));

		const note = this.#folder && join(this.#folder, `${sha256(file)}.digest`);
		const known = note === undefined ? undefined : await recall(note);
		if (known !== undefined && isSame(known, state)) return known.sha256;

		if (!isSettled(state)) {
			await sleep(clockTickMs(state), undefined, options.signal && { signal: options.signal }).catch(() => {});
			state = await stateOf(file);
		}
		const settled = isSettled(state);
		const digest = await hashInThread(file, Number(state.bytes), options);
		if (!isSame(state, await stateOf(file))) {
			throw new Arc2FaceError('FILE_FAILED', `Expected ${file} to stay as it is but it changed while it was read.`, {
				remedy: 'Try again when it is complete.',
				details: { file },
			});
		}
		if (settled && note !== undefined) await remember(note, { ...state, sha256: digest });
		return digest;
	}

	/** Forgets files that are gone. */
	async sweep(): Promise<void> {
		if (this.#folder === undefined) return;
		for (const name of await readdir(this.#folder)) {
			if (!/^[0-9a-f]{64}\.digest$/.test(name)) continue;
			const note = join(this.#folder, name);
			const known = await recall(note);
			const isThere =
				known !== undefined &&
				(await stat(known.file).then(
					() => true,
					() => false,
				));
			if (!isThere) await rm(note, { force: true });
		}
	}
}

/** Of the parts, one after the other. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
	const hash = createHash('sha256');
	for (const part of parts) hash.update(part);
	return hash.digest('hex');
}

export async function stateOf(file: string): Promise<FileState> {
	const { size, mtimeNs, ctimeNs, ino, dev } = await onDisk('read', file, () => stat(file, { bigint: true }));
	return {
		file,
		bytes: String(size),
		modifiedNs: String(mtimeNs),
		changedNs: String(ctimeNs),
		inode: String(ino),
		device: String(dev),
	};
}

function isSame(a: FileState, b: FileState): boolean {
	return isSameContent(a, b) && a.changedNs === b.changedNs;
}

/** For who does not trust the file to be the same, but wants to know whether it was replaced: permissions and links may be others. */
export function isSameContent(a: FileState, b: FileState): boolean {
	const fields = ['file', 'bytes', 'modifiedNs', 'inode', 'device'] as const;
	return fields.every((field) => a[field] === b[field]);
}

/**
 * Whether a change from now on would show: file times come from a clock that stands still between ticks, and a
 * change within the same tick as the last leaves them as they are.
 */
function isSettled(state: FileState): boolean {
	return Date.now() - Number(state.changedNs) / 1e6 > clockTickMs(state);
}

/** Linux ticks every 1 to 10 ms; file systems without fractions, every two seconds at most (FAT). */
function clockTickMs({ changedNs }: FileState): number {
	return changedNs.endsWith('000000000') ? 2000 : 50;
}

async function recall(note: string): Promise<(FileState & { sha256: string }) | undefined> {
	try {
		const known = JSON.parse(await readFile(note, 'utf8'));
		return /^[0-9a-f]{64}$/.test(known.sha256) && typeof known.file === 'string' ? known : undefined;
	} catch {
		return undefined; // none yet, or cut short by a power failure: hash again
	}
}

async function remember(note: string, known: FileState & { sha256: string }): Promise<void> {
	// An unwritable folder only costs time: the file is read again.
	await writeWhole(note, JSON.stringify(known), 0o600).catch(() => {});
}

/** Reads and hashes in a thread of its own, to keep the event loop and libuv's threads free. */
function hashInThread(file: string, total: number, { signal, onProgress }: DigestOptions): Promise<string> {
	const start = () => new Worker(hasher, { eval: true, execArgv: [], workerData: file });
	return answerOf(start, {
		signal,
		read: ({ done, digest, problem }: Message) => {
			if (problem !== undefined) throw fileFailed('read', file, problem);
			onProgress?.({ file, done, total });
			return digest;
		},
	});
}

type Message = { done: number; digest?: string; problem?: Pick<NodeJS.ErrnoException, 'message' | 'code' | 'errno'> };

/** Plain JavaScript, so that it also runs from a clone. */
const hasher = `
const { createHash } = require('node:crypto');
const { closeSync, openSync, readSync } = require('node:fs');
const { parentPort, workerData: file } = require('node:worker_threads');
try {
	const hash = createHash('sha256');
	const piece = Buffer.allocUnsafe(4 << 20);
	const descriptor = openSync(file);
	let done = 0;
	for (let bytes; (bytes = readSync(descriptor, piece)) > 0; ) {
		hash.update(piece.subarray(0, bytes));
		done += bytes;
		parentPort.postMessage({ done });
	}
	closeSync(descriptor);
	parentPort.postMessage({ done, digest: hash.digest('hex') });
} catch (error) {
	parentPort.postMessage({ done: 0, problem: { message: error.message, code: error.code, errno: error.errno } });
}
`;
