// Where portraits go.
import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { imageFormats } from '../options/image-formats.ts';
import { UsageError } from './command.ts';
import { requireFree } from './new-file.ts';
import { standardStream, stemOf } from './path.ts';

/** Into a folder as `<photo>-<seed>.<format>`; or, if it is one, into a file of a name that was chosen, or to stdout. */
export class PortraitNames {
	readonly format: string;
	readonly #out: string;
	readonly #isFolder: boolean;
	readonly #batch: boolean;

	/**
	 * @param options.out - a folder, a file with the extension of a format, or `-`
	 * @param options.batch - the noise of all portraits of a photo has one seed, so their names need an index
	 * @throws {UsageError} for a file or stdout when there is more than one portrait, or another format
	 */
	constructor(
		{ out = '.', format, batch }: { out: string | undefined; format: string | undefined; batch: boolean },
		portraits: number,
	) {
		const extension = extname(out).slice(1).toLowerCase();
		const isFile = imageFormats.includes(extension) && !statSync(out, { throwIfNoEntry: false })?.isDirectory();
		this.#out = out;
		this.#isFolder = !isFile && out !== standardStream;
		this.#batch = batch;
		this.format = format ?? (isFile ? extension : 'png');
		if (!this.#isFolder && portraits !== 1) {
			throw new UsageError(`Expected a folder for --out with ${portraits} portraits but received "${out}".`);
		}
		if (isFile && format !== undefined && format !== extension) {
			throw new UsageError(`Expected a file of the format ${format} for --out but received "${out}".`);
		}
	}

	/** Whether the portrait goes to stdout. */
	get isStdout(): boolean {
		return this.#out === standardStream;
	}

	of(source: string, { seed, index }: { seed: number; index: number }): string {
		if (!this.#isFolder) return this.#out;
		const number = this.#batch ? `${seed}-${index}` : `${seed}`;
		return join(this.#out, `${stemOf(source)}-${number}.${this.format}`);
	}

	/**
	 * Refuses before the work what could not be written after it.
	 *
	 * @param seeds - of each source's first portrait
	 * @throws {UsageError} when two portraits would have one name, or a file exists already
	 * @throws {Arc2FaceError} `FILE_FAILED` when a file could not be written
	 */
	async requireFree(seeds: ReadonlyMap<string, number>, { count, force }: { count: number; force: boolean }) {
		if (this.isStdout) return;
		const files = new Set<string>();
		for (const [source, seed] of seeds) {
			for (let index = 0; index < count; index++) {
				const file = this.of(source, { seed: this.#batch ? seed : seed + index, index });
				if (files.has(file)) {
					throw new UsageError(
						`Two portraits would be written to ${file}. Rename one of the photos, or run them apart.`,
					);
				}
				files.add(file);
			}
		}
		for (const file of files) await requireFree(file, force);
	}
}
