import { randomUUID } from 'node:crypto';
import { chmod, lstat, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { check, lock } from 'proper-lockfile';
import { fileFailed, onDisk } from '../files/on-disk.ts';
import { moveIntoPlace } from '../files/write.ts';
import { describeTarget, type EngineFingerprint, type EngineShapes, keyOf } from './key.ts';

/** An engine file with what is known about it. */
export type CachedEngine = Readonly<{
	key: string;
	network: string;
	product: string;
	version: string;
	/** For people: a name, or compute capabilities. */
	gpu: string;
	precision: string;
	/** Those that this network has to do with. */
	shapes: Partial<EngineShapes>;
	/** Of the engine file and of what was compiled from it. */
	bytes: number;
	built: Date;
	lastUsed: Date;
	file: string;
	/** Of the engine file when it was built. */
	sha256: string;
}>;

/** `signal` aborts when the lock is lost: its folder was deleted, or this process stood still for so long that another took it. */
export type Lock = { signal: AbortSignal; release(): Promise<void> };

/** Written last: an engine without it is none. `shapes`, for people, came later than the rest. */
type Manifest = { sha256: string; bytes: number; shapes?: Partial<EngineShapes>; fingerprint: EngineFingerprint };

/**
 * What lies in the folder of an engine cache. Of each key:
 *
 * - `<key>.engine`: the engine file
 * - `<key>.json`: its manifest; the time of its last change is that of the engine's last use
 * - `<key>.compiled`: what the runtime compiled from the engine for the GPU at hand
 * - `<key>.<any>.part`: a file that is being written
 * - `<key>.lock`: a folder, while somebody builds or deletes
 *
 * Files of other names are not touched.
 */
export class EngineFiles {
	readonly folder: string;

	constructor(folder: string) {
		this.folder = folder;
	}

	/** Keys of all files, finished or not. */
	async keys(): Promise<string[]> {
		const keys = (await this.#names()).map((name) => parse(name)?.key);
		return [...new Set(keys.filter((key) => key !== undefined))];
	}

	/** The engine of a key, if it is whole by all that can be told without reading it. */
	async engine(key: string): Promise<CachedEngine | undefined> {
		const manifest = await this.#manifest(key);
		const used = await look(this.#path(key, 'json'));
		const engine = await look(this.#path(key, 'engine'));
		if (manifest === undefined || used === undefined || engine === undefined) return undefined;
		if (!isOurs(engine) || engine.size !== manifest.bytes) return undefined;
		const compiled = await look(this.#path(key, 'compiled'));
		const { network, product, version, precision, target } = manifest.fingerprint;
		return {
			...{ key, network, product, version, gpu: describeTarget(target), precision },
			shapes: manifest.shapes ?? {},
			bytes: engine.size + (compiled?.size ?? 0),
			built: engine.mtime,
			lastUsed: used.mtime,
			file: this.#path(key, 'engine'),
			sha256: manifest.sha256,
		};
	}

	/** Files of a key that are of no use: of builds that were killed, and of damaged engines. */
	async leftovers(key: string): Promise<{ file: string; bytes: number }[]> {
		const isWhole = (await this.engine(key)) !== undefined;
		const found = [];
		for (const name of await this.#names()) {
			const own = parse(name);
			if (own?.key !== key || own.kind === 'lock' || (isWhole && !own.kind.endsWith('.part'))) continue;
			const file = join(this.folder, name);
			const state = await look(file);
			if (state !== undefined) found.push({ file, bytes: state.size });
		}
		return found;
	}

	/** A path to write to. */
	part(key: string): string {
		return join(this.folder, `${key}.${randomUUID()}.part`);
	}

	/** Moves a written engine into place, where it is none until {@link certify}. */
	async place(part: string, key: string): Promise<string> {
		const file = this.#path(key, 'engine');
		await onDisk(`keep the engine ${file}`, () => this.#commit(part, file));
		return file;
	}

	/** Makes the file that was placed an engine. */
	async certify(fingerprint: EngineFingerprint, sha256: string, shapes: Partial<EngineShapes>): Promise<void> {
		const key = keyOf(fingerprint);
		const file = this.#path(key, 'json');
		await onDisk(`write ${file}`, async () => {
			const { size } = await lstat(this.#path(key, 'engine'));
			const manifest: Manifest = { sha256, bytes: size, shapes, fingerprint };
			const part = this.part(key);
			await writeFile(part, `${JSON.stringify(manifest, undefined, '\t')}\n`);
			await this.#commit(part, file);
		});
	}

	/** Notes that an engine is used now; returns whether it has a manifest. */
	async touch(key: string): Promise<boolean> {
		const now = new Date();
		try {
			await utimes(this.#path(key, 'json'), now, now);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === 'ENOENT') return false;
			// Engines of a folder that can only be read are good to use.
			if (code !== 'EROFS' && code !== 'EACCES' && code !== 'EPERM')
				throw fileFailed(`use ${this.#path(key, 'json')}`, error);
		}
		return true;
	}

	/** Deletes an engine unless it was used after `unusedSince`; returns whether it did. The key must be locked. */
	async remove(key: string, unusedSince: Date): Promise<boolean> {
		const manifest = this.#path(key, 'json');
		const aside = this.part(key);
		return await onDisk(`delete ${this.#path(key, 'engine')}`, async () => {
			await rename(manifest, aside);
			// Who finds an engine touches the manifest first, without a lock: that was before, and shows; or it finds none now.
			if ((await lstat(aside)).mtime > unusedSince) {
				await rename(aside, manifest);
				return false;
			}
			for (const kind of ['engine', 'compiled'] as const) await rm(this.#path(key, kind), { force: true });
			await rm(aside);
			return true;
		});
	}

	/** Deletes all files of a key, which must be locked. */
	async discard(key: string): Promise<void> {
		// The manifest goes first, so that there is no moment at which the rest looks like an engine.
		await onDisk(`delete ${this.#path(key, 'json')}`, () => rm(this.#path(key, 'json'), { force: true }));
		await this.discardLeftovers(key);
	}

	/** Deletes what is of no use, and returns how many bytes that were. The key must be locked. */
	async discardLeftovers(key: string): Promise<number> {
		let freed = 0;
		for (const { file, bytes } of await this.leftovers(key)) {
			await onDisk(`delete ${file}`, () => rm(file, { force: true }));
			freed += bytes;
		}
		return freed;
	}

	/**
	 * @returns undefined when another process, or another call in this one, has the lock
	 * @throws {Arc2FaceError} `FILE_FAILED` when the folder can't be written to
	 */
	async lock(key: string): Promise<Lock | undefined> {
		const lost = new AbortController();
		try {
			const release = await lock(join(this.folder, key), {
				realpath: false, // the lock is all there is of that name
				onCompromised: (cause) => lost.abort(cause),
			});
			return {
				signal: lost.signal,
				release: async () => {
					if (!lost.signal.aborted) await release();
				},
			};
		} catch (cause) {
			if ((cause as NodeJS.ErrnoException).code === 'ELOCKED') return undefined;
			throw fileFailed(`write to the engine cache ${this.folder}`, cause);
		}
	}

	async isLocked(key: string): Promise<boolean> {
		return await check(join(this.folder, key), { realpath: false });
	}

	async #names(): Promise<string[]> {
		return await onDisk(`list ${this.folder}`, () => readdir(this.folder));
	}

	#path(key: string, kind: 'engine' | 'json' | 'compiled'): string {
		return join(this.folder, `${key}.${kind}`);
	}

	/** One that is damaged, or was copied from another key, does not hash to its name. */
	async #manifest(key: string): Promise<Manifest | undefined> {
		const file = this.#path(key, 'json');
		const state = await look(file);
		if (state === undefined || !isOurs(state)) return undefined;
		try {
			const manifest = JSON.parse(await readFile(file, 'utf8'));
			return keyOf(manifest.fingerprint) === key ? manifest : undefined;
		} catch {
			return undefined;
		}
	}

	/** Renames a file that was written completely; after a power cut there is the old one, the new one or none, but never a part. */
	async #commit(part: string, file: string): Promise<void> {
		await chmod(part, 0o600);
		await moveIntoPlace(part, file);
	}
}

/** The key of a file of ours, and what it is; undefined for others. */
function parse(name: string): { key: string; kind: string } | undefined {
	const [, key, kind] = /^([0-9a-f]{64})\.(engine|json|compiled|lock|[\w-]+\.part)$/.exec(name) ?? [];
	return key === undefined || kind === undefined ? undefined : { key, kind };
}

async function look(file: string) {
	return await onDisk(`look at ${file}`, () =>
		lstat(file).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return undefined;
			throw error;
		}),
	);
}

/** A file, no link to one, of this user. */
function isOurs(state: { isFile(): boolean; uid: number }): boolean {
	return state.isFile() && (process.getuid === undefined || state.uid === process.getuid());
}
