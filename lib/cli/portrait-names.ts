import { join, parse } from 'node:path';
import { UsageError } from './command.ts';
import { requireAbsent } from './new-file.ts';

/** Where portraits go: `<folder>/<photo>-<seed>.<format>`. */
export class PortraitNames {
	readonly #folder: string;
	readonly #format: string;
	readonly #batch: boolean;

	/** @param options.batch - the noise of all portraits of a photo has one seed, so their names need an index */
	constructor({ folder, format, batch }: { folder: string; format: string; batch: boolean }) {
		this.#folder = folder;
		this.#format = format;
		this.#batch = batch;
	}

	of(source: string, { seed, index }: { seed: number; index: number }): string {
		const number = this.#batch ? `${seed}-${index}` : `${seed}`;
		return join(this.#folder, `${parse(source).name}-${number}.${this.#format}`);
	}

	/**
	 * Refuses before the work what could not be written after it. Needed only for seeds that were given: random ones
	 * do not meet again.
	 *
	 * @throws {UsageError} when two portraits would have one name, or a file exists already
	 */
	async requireFree(
		sources: readonly string[],
		{ seed, count, force }: { seed: number; count: number; force: boolean },
	): Promise<void> {
		const files = new Set<string>();
		for (const source of sources) {
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
		if (!force) for (const file of files) await requireAbsent(file);
	}
}
