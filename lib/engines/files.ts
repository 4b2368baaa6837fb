// The files of the engine cache's folder: their names, manifests and locks.
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
	/** Those that concern this network. */
	shapes: Partial<EngineShapes>;
	/** Of the engine file and what was compiled from it. */
	bytes: number;
	built: Date;
	lastUsed: Date;
	file: string;
	/** Of the engine file when it was built. */
	sha256: string;
}>;

/** `signal` aborts when the lock is lost: its folder was deleted, or this process stalled so long that another took it. */
export type Lock = { signal: AbortSignal; release(): Promise<void> };

/** Written last: an engine without it is incomplete. Older manifests lack `shapes`, which is for people. */
type Manifest = { sha256: string; bytes: number; shapes?: Partial<EngineShapes>; fingerprint: EngineFingerprint };

/**
 * The folder of an engine cache. For each key it holds:
 *
 * - `<key>.engine`: the engine file
 * - `<key>.json`: its manifest, whose time of change is that of the engine's last use
 * - `<key>.compiled`: what the runtime compiled from the engine for this GPU
 * - `<key>.<any>.part`: a file that is being written
 * - `<key>.lock`: a folder, while somebody builds or deletes
 *
 * Besides there is `<hash>.timings`, which is the builder's: what it has timed on a GPU. Other files are not touched.
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

	/** The engine of a key, if it is complete as far as can be told without reading it. */
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

	/** A key's useless files: of killed builds and damaged engines. */
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

	/** What builders have timed. `changed`: by the last build that did. */
	async timings(): Promise<{ file: string; bytes: number; changed: Date }[]> {
		const found = [];
		for (const name of await this.#names()) {
			const file = join(this.folder, name);
			const state = /^[0-9a-f]{64}\.timings$/.test(name) ? await look(file) : undefined;
			if (state?.isFile()) found.push({ file, bytes: state.size, changed: state.mtime });
		}
		return found;
	}

	/** Deletes what builders have timed, which none misses: builds replace such a file whole. Returns whether it is gone. */
	async discardTimings({ file }: { file: string }): Promise<boolean> {
		return await rm(file, { force: true }).then(
			() => true,
			() => false,
		);
	}

	/** A path to write to. */
	part(key: string): string {
		return join(this.folder, `${key}.${randomUUID()}.part`);
	}

	/** Moves a written engine into place, where it does not count as one until {@link certify}. */
	async place(part: string, key: string): Promise<string> {
		const file = this.#path(key, 'engine');
		await onDisk('keep the engine', file, () => this.#commit(part, file));
		return file;
	}

	/** Makes the placed file an engine. */
	async certify(fingerprint: EngineFingerprint, sha256: string, shapes: Partial<EngineShapes>): Promise<void> {
		const key = keyOf(fingerprint);
		const file = this.#path(key, 'json');
		await onDisk('write', file, async () => {
			const { size } = await lstat(this.#path(key, 'engine'));
			const manifest: Manifest = { sha256, bytes: size, shapes, fingerprint };
			const part = this.part(key);
			await writeFile(part, `${JSON.stringify(manifest, undefined, '\t')}\n`);
			await this.#commit(part, file);
		});
	}

	/** Records that an engine is being used; returns whether it has a manifest. */
	async touch(key: string): Promise<boolean> {
		const now = new Date();
		try {
			await utimes(this.#path(key, 'json'), now, now);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === 'ENOENT') return false;
			// Engines in a read-only folder can still be used.
			if (code !== 'EROFS' && code !== 'EACCES' && code !== 'EPERM')
				throw fileFailed('use', this.#path(key, 'json'), error);
		}
		return true;
	}

	/** Deletes an engine unless it was used after `unusedSince`; returns whether it did. The key must be locked. */
	async remove(key: string, unusedSince: Date): Promise<boolean> {
		const manifest = this.#path(key, 'json');
		const aside = this.part(key);
		return await onDisk('delete', this.#path(key, 'engine'), async () => {
			await rename(manifest, aside);
			// A finder touches the manifest first, without a lock: either that shows here, or it finds no engine any more.
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
		// The manifest first, so that the rest never looks like an engine.
		await onDisk('delete', this.#path(key, 'json'), () => rm(this.#path(key, 'json'), { force: true }));
		await this.discardLeftovers(key);
	}

	/** Deletes useless files and returns their bytes. The key must be locked. */
	async discardLeftovers(key: string): Promise<number> {
		let freed = 0;
		for (const { file, bytes } of await this.leftovers(key)) {
			await onDisk('delete', file, () => rm(file, { force: true }));
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
				realpath: false, // nothing but the lock has that name
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
			throw fileFailed('write to the engine cache', this.folder, cause);
		}
	}

	async isLocked(key: string): Promise<boolean> {
		return await check(join(this.folder, key), { realpath: false });
	}

	async #names(): Promise<string[]> {
		return await onDisk('list', this.folder, () => readdir(this.folder));
	}

	#path(key: string, kind: 'engine' | 'json' | 'compiled'): string {
		return join(this.folder, `${key}.${kind}`);
	}

	/** A manifest that is damaged, or copied from another key, does not hash to its name. */
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

	/** Renames a complete file; after a power cut there is the old one, the new one or none, but never a part. */
	async #commit(part: string, file: string): Promise<void> {
		await chmod(part, 0o600);
		await moveIntoPlace(part, file);
	}
}

/** The key and kind of one of our files; undefined for others. */
function parse(name: string): { key: string; kind: string } | undefined {
	const [, key, kind] = /^([0-9a-f]{64})\.(engine|json|compiled|lock|[\w-]+\.part)$/.exec(name) ?? [];
	return key === undefined || kind === undefined ? undefined : { key, kind };
}

async function look(file: string) {
	return await onDisk('look at', file, () =>
		lstat(file).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return undefined;
			throw error;
		}),
	);
}

/** A file of this user, not a link. */
function isOurs(state: { isFile(): boolean; uid: number }): boolean {
	return state.isFile() && (process.getuid === undefined || state.uid === process.getuid());
}
