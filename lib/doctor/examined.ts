// The findings about the files of a bundle, while they are examined.
import { stat } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import type { Checkpoint } from '../../models/weights/reference.ts';
import { withPull } from '../bundle/bundle.ts';
import { failureOf } from '../cli/failure.ts';
import { Arc2FaceError } from '../errors.ts';

export interface BundleFile {
	/** In the bundle, with forward slashes. */
	path: string;
	/** What it is for: the label of a network, another part of the bundle, or undefined when nothing uses it. */
	use?: string;
	format?: string;
	/** How many tensors it holds. */
	tensors?: number;
	bytes?: number;
	error?: { problem: string; remedy: string };
}

type Note = { [Field in keyof Omit<BundleFile, 'path' | 'bytes'>]?: BundleFile[Field] | undefined };

/** The findings about each file, by its path. */
export class Examined {
	readonly #bundle: string;
	readonly #notes = new Map<string, Note>();

	constructor(bundle: string) {
		this.#bundle = bundle;
	}

	note(path: string, { use, format, tensors, error }: Note): void {
		const known = this.#notes.get(path) ?? {};
		this.#notes.set(path, {
			use: known.use ?? use,
			format: known.format ?? format,
			tensors: known.tensors ?? tensors,
			error: known.error ?? error,
		});
	}

	/** Does something with a file, and notes the outcome: an error goes to the file that it names. */
	async check<T>(
		path: string,
		use: string | undefined,
		format: string | undefined,
		work: () => Promise<T>,
	): Promise<T | undefined> {
		try {
			const result = await work();
			if (format !== undefined) this.note(path, { use, format });
			return result;
		} catch (error) {
			this.blame(path, use, error);
			return undefined;
		}
	}

	/** Notes an error of the file that it names, else of `path`. */
	blame(path: string, use: string | undefined, error: unknown): void {
		if (!(error instanceof Arc2FaceError)) throw error;
		const { file } = error.details;
		const at = file !== undefined && this.#isInside(file) ? file : path;
		this.note(at, { use, error: failureOf(withPull(error, this.#bundle)) });
	}

	/** The files of a checkpoint. */
	hold({ file, format, tensors, views }: Checkpoint, use?: string): void {
		const counts = new Map<string, number>();
		for (const { file } of [...tensors.values(), ...(views?.values() ?? [])]) {
			counts.set(file, (counts.get(file) ?? 0) + 1);
		}
		this.note(file, { use, format: counts.has(file) || counts.size === 0 ? format : 'index of weights' });
		for (const [path, count] of counts) this.note(path, { use, format, tensors: count });
	}

	has(path: string): boolean {
		return this.#notes.has(path);
	}

	async list(): Promise<BundleFile[]> {
		const files = [];
		for (const [path, { use, format, tensors, error }] of this.#notes) {
			const found = await stat(path).catch(() => undefined);
			files.push({
				path: relative(this.#bundle, path).split(sep).join('/') || '.',
				...(use !== undefined && { use }),
				...(format !== undefined && { format }),
				...(tensors !== undefined && { tensors }),
				...(found?.isFile() && { bytes: found.size }),
				...(error !== undefined && { error }),
			});
		}
		return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
	}

	#isInside(file: string): boolean {
		const path = relative(this.#bundle, file);
		return !path.startsWith('..') && !isAbsolute(path);
	}
}
