// The engine cache: finds engines on disk, builds missing ones, and keeps within a limit.
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arc2FaceError } from '../errors.ts';
import { cacheFolder } from '../files/cache-folder.ts';
import { type DigestOptions, FileDigests, sha256 } from '../files/digests.ts';
import { isPrivateFolder, requirePrivateFolder } from '../files/private-folder.ts';
import { type CachedEngine, EngineFiles, type Lock } from './files.ts';
import { type EngineDescription, type EngineFingerprint, fingerprintOf, keyOf, ordered } from './key.ts';

export interface EngineCacheOptions {
	/** The engines are in `engines` below it (default: the user's cache folder, such as ~/.cache/arc2face). */
	cacheDir?: string | undefined;
	/** The least recently used engines are deleted when there are more bytes than this (default: {@link limitVariable}). */
	limitBytes?: number | undefined;
}

export interface CacheOptions {
	signal?: AbortSignal | undefined;
	onProgress?: ((progress: EngineProgress) => void) | undefined;
}

/** `reading`: weights, whose hash is in the key, or an engine that was changed. `waiting`, once: another process is building this engine. */
export type EngineProgress = { phase: 'reading'; file: string; done: number; total: number } | { phase: 'waiting' };

/** Writes an engine to `file`, which does not exist yet. Stops within one of the builder's steps when `signal` aborts. */
export type BuildEngine = (file: string, signal: AbortSignal) => Promise<void>;

export interface CleanOptions {
	/** Delete engines, and what builders have timed, not used since this time (default: none). */
	unusedSince?: Date | undefined;
}

/** Engines, last used first, and the bytes of what else is beside them. */
export type CacheContents = {
	engines: CachedEngine[];
	/** Of killed builds. */
	leftoverBytes: number;
	/** Of what builders have timed on GPUs. */
	timingsBytes: number;
};

/** Environment variable: gigabytes of engines that are kept (default 20: eight full models in fp16). */
const limitVariable = 'ARC2FACE_CACHE_LIMIT';
const usualLimit = '20';

/** A requested engine is opened soon; until then it is kept. */
const restMs = 3_600_000;
const pollMs = 250;

/**
 * Compiled engines on disk, built when missing. An engine is a program, so the folder is private, and only files that were
 * built here and are unchanged since are handed out.
 *
 * Hashing 1.7 GB on every load would take seconds. The digest of an engine is therefore compared at every load, but computed
 * again only when size, times or inode of the file have changed, as they do on every write through the file system. A bit that flips on
 * the disk itself goes unnoticed.
 */
export class EngineCache {
	readonly folder: string;
	readonly #files: EngineFiles;
	readonly #digests: FileDigests;
	readonly #limitBytes: number;

	/** @throws {Arc2FaceError} `INVALID_ARGUMENT` when the environment's limit is invalid */
	constructor({ cacheDir, limitBytes = limitFromEnvironment() }: EngineCacheOptions = {}) {
		this.folder = cacheFolder('engines', cacheDir);
		this.#files = new EngineFiles(this.folder);
		this.#digests = new FileDigests(this.folder);
		this.#limitBytes = limitBytes;
	}

	/**
	 * The file of an engine; builds it unless it is there. Callers and processes that ask for the same one wait while one of them builds.
	 * The file stays for at least an hour. What the runtime compiles from it belongs beside it: {@link compiledFileOf}.
	 *
	 * @returns an absolute path
	 * @throws {Arc2FaceError} `FILE_FAILED` when the folder is not private or, before the build, can't be written to; what `build` throws;
	 *   the signal's reason when stopped
	 */
	async engine(description: EngineDescription, build: BuildEngine, options: CacheOptions = {}): Promise<string> {
		const { signal, onProgress } = options;
		signal?.throwIfAborted();
		await requirePrivateFolder(this.folder);
		const reading: DigestOptions = { signal, onProgress: (state) => onProgress?.({ phase: 'reading', ...state }) };
		const key = keyOf(await this.#fingerprint(description, reading));

		for (let waiting = false; ; ) {
			const found = await this.#find(key, reading);
			if (found !== undefined) return found;
			const lock = await this.#files.lock(key);
			if (lock === undefined) {
				if (!waiting) onProgress?.({ phase: 'waiting' });
				waiting = true;
				await sleep(pollMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
				continue;
			}
			try {
				// The lock's last holder may have built it.
				return (await this.#find(key, reading)) ?? (await this.#build(key, description, build, lock, reading));
			} catch (error) {
				// Someone else holds the lock and is building: wait for that.
				if (!lock.signal.aborted || signal?.aborted) throw error;
			} finally {
				await lock.release();
			}
		}
	}

	/** Where the builder of these engines keeps what it has timed on their GPU, for the next build by the same library's version. */
	timingsFileOf({ runtime: { product, version }, target }: Pick<EngineDescription, 'runtime' | 'target'>): string {
		return join(this.folder, `${sha256(JSON.stringify([product, version, ordered(target)]))}.timings`);
	}

	/** What there is. */
	async list(): Promise<CacheContents> {
		const engines: CachedEngine[] = [];
		let leftoverBytes = 0;
		if (!(await isPrivateFolder(this.folder))) return { engines, leftoverBytes, timingsBytes: 0 };
		for (const key of await this.#files.keys()) {
			const engine = await this.#files.engine(key);
			if (engine !== undefined) engines.push(engine);
			if (!(await this.#files.isLocked(key))) leftoverBytes += sum(await this.#files.leftovers(key));
		}
		engines.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
		return { engines, leftoverBytes, timingsBytes: sum(await this.#files.timings()) };
	}

	/** Deletes leftovers of killed builds, and engines as requested. Builds under way are left alone. Returns what is gone. */
	async clean({ unusedSince }: CleanOptions = {}): Promise<CacheContents> {
		const { engines } = await this.list();
		const removed: CachedEngine[] = [];
		for (const engine of engines) {
			if (unusedSince !== undefined && (await this.#remove(engine, unusedSince))) removed.push(engine);
		}
		const timings = unusedSince === undefined ? [] : await this.#removeTimings(unusedSince);
		return { engines: removed, leftoverBytes: await this.#sweep(), timingsBytes: sum(timings) };
	}

	/** Deletes an engine that its library refuses, so that it is built again; unless someone is working on it already. */
	async discard(file: string): Promise<void> {
		const key = basename(file, '.engine');
		await this.#alone(key, () => this.#files.discard(key));
	}

	async #fingerprint(description: EngineDescription, reading: DigestOptions): Promise<EngineFingerprint> {
		return await fingerprintOf(description, (file) => this.#digests.sha256(file, reading));
	}

	async #find(key: string, reading: DigestOptions): Promise<string | undefined> {
		if (!(await this.#files.touch(key))) return undefined;
		const engine = await this.#files.engine(key);
		if (engine === undefined) return undefined;
		return (await this.#digests.sha256(engine.file, reading)) === engine.sha256 ? engine.file : undefined;
	}

	async #build(
		key: string,
		description: EngineDescription,
		build: BuildEngine,
		lock: Lock,
		reading: DigestOptions,
	): Promise<string> {
		const stop = reading.signal ? AbortSignal.any([reading.signal, lock.signal]) : lock.signal;
		await this.#files.discard(key); // damaged, or left by a killed build
		try {
			const part = this.#files.part(key);
			await build(part, stop);
			stop.throwIfAborted();
			const fingerprint = await this.#fingerprint(description, reading);
			if (keyOf(fingerprint) !== key) {
				throw new Arc2FaceError(
					'FILE_FAILED',
					`Expected the files of ${fingerprint.network} to stay as they are but they changed while its engine was built.`,
					{ remedy: 'Load again when they are complete.' },
				);
			}
			const file = await this.#files.place(part, key);
			const digest = await this.#digests.sha256(file, { ...reading, signal: stop });
			stop.throwIfAborted();
			await this.#files.certify(fingerprint, digest, description.shapes);
			await this.#tidy();
			return file;
		} catch (error) {
			if (!lock.signal.aborted) await this.#files.discard(key);
			throw error;
		}
	}

	/** Deletes what nobody needs. A failure does not concern the engine just built: the next build tries again. */
	async #tidy(): Promise<void> {
		try {
			await this.#sweep();
			const { engines } = await this.list();
			let excess = sum(engines) - this.#limitBytes;
			for (const engine of engines.toReversed()) {
				if (excess <= 0) break;
				if (await this.#remove(engine, new Date(Date.now() - restMs))) excess -= engine.bytes;
			}
		} catch {}
	}

	/** @returns the bytes freed */
	async #sweep(): Promise<number> {
		let freed = 0;
		if (!(await isPrivateFolder(this.folder))) return freed;
		for (const key of await this.#files.keys()) {
			freed += (await this.#alone(key, () => this.#files.discardLeftovers(key))) ?? 0;
		}
		await this.#digests.sweep();
		return freed;
	}

	async #remove({ key }: CachedEngine, unusedSince: Date): Promise<boolean> {
		return (await this.#alone(key, () => this.#files.remove(key, unusedSince))) ?? false;
	}

	async #removeTimings(unusedSince: Date): Promise<{ bytes: number }[]> {
		if (!(await isPrivateFolder(this.folder))) return [];
		const removed = [];
		for (const one of await this.#files.timings()) {
			if (one.changed <= unusedSince && (await this.#files.discardTimings(one))) removed.push(one);
		}
		return removed;
	}

	/** Works on a key while nobody else does; undefined when somebody else is. */
	async #alone<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
		const lock = await this.#files.lock(key);
		if (lock === undefined) return undefined;
		try {
			return await work();
		} finally {
			await lock.release();
		}
	}
}

/** Where the runtime keeps what it compiled from an engine for this GPU; written as `<key>.<any>.part` and renamed. */
export function compiledFileOf(engineFile: string): string {
	return engineFile.replace(/\.engine$/, '.compiled');
}

function limitFromEnvironment(): number {
	const text = process.env[limitVariable] || usualLimit;
	if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1e9;
	throw new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected a number of gigabytes such as ${usualLimit} for ${limitVariable} but received "${text}".`,
		{ remedy: `Let ${limitVariable} be such a number, or unset it.`, details: { variable: limitVariable } },
	);
}

function sum(files: readonly { bytes: number }[]): number {
	return files.reduce((total, { bytes }) => total + bytes, 0);
}
