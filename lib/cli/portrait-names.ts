// Names the portraits' files.
import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { imageFormats } from '../options/image-formats.ts';
import { UsageError } from './command.ts';
import { requireFree } from './new-file.ts';
import { standardStream, stemOf } from './path.ts';
import { previewFileOf } from './preview-files.ts';
import { recipeFileOf } from './recipe-file.ts';

/** Formats that images are not written in: who ends a name in one does not mean a folder. */
const otherFormats = ['bmp', 'gif', 'heic', 'heif', 'jp2', 'jxl', 'pdf', 'svg', 'tif', 'tiff'];

type Kind = {
	out: string | undefined;
	format: string | undefined;
	batch: boolean;
	recipes: boolean;
	previews: boolean;
};

/** Of each source: how many portraits, and how often each may be painted. */
type Drawn = { count: number; tries: number };

/** Portraits go to a folder as `<photo>-<seed>.<format>`; a single one may go to a named file or to stdout. */
export class PortraitNames {
	readonly format: string;
	readonly #out: string;
	readonly #isFolder: boolean;
	readonly #batch: boolean;
	readonly #recipes: boolean;
	readonly #previews: boolean;

	/**
	 * @param options.out - a folder, a file with the extension of a format, or `-`
	 * @param options.batch - all portraits of a photo share one seed, so their names need an index
	 * @param options.recipes - whether a recipe is written beside each
	 * @param options.previews - whether a preview is, while it is painted
	 * @throws {UsageError} for a file or stdout when there is more than one portrait, or another format
	 */
	constructor({ out = '.', format, batch, recipes, previews }: Kind, portraits: number) {
		const extension = extname(out).slice(1).toLowerCase();
		const isFile = imageFormats.includes(extension) && !statSync(out, { throwIfNoEntry: false })?.isDirectory();
		if (!isFile && otherFormats.includes(extension) && !statSync(out, { throwIfNoEntry: false })?.isDirectory()) {
			throw new UsageError(
				`Expected a folder, or a file of ${imageFormats.join(', ')}, for --out but received "${out}".`,
			);
		}
		this.#out = out;
		this.#isFolder = !isFile && out !== standardStream;
		this.#batch = batch;
		this.#recipes = recipes;
		this.#previews = previews;
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
		return join(this.#out, `${stemOf(source).replace(/\.recipe$/, '')}-${number}.${this.format}`);
	}

	/**
	 * @param seeds - the first portrait's, for each source
	 * @throws {UsageError} when two portraits would have the same name
	 */
	requireDistinct(seeds: ReadonlyMap<string, number>, drawn: Drawn): void {
		const files = [...seeds].flatMap(([source, seed]) => this.#filesOf(source, seed, drawn));
		const twice = files.find((file, i) => files.indexOf(file) < i);
		if (twice === undefined) return;
		throw new UsageError(`Two portraits would be written to ${twice}.`, 'Rename one of the photos, or run them apart.');
	}

	/**
	 * Refuses, before the work, files that could not be written after it.
	 *
	 * @param options.inputs - none of which may be overwritten
	 * @throws {UsageError} when a file exists already, or is an input
	 * @throws {Arc2FaceError} `FILE_FAILED` when a file could not be written
	 */
	async requireFree(
		source: string,
		{ seed, count, tries, ...kept }: Drawn & { seed: number; inputs: readonly string[]; force: boolean },
	) {
		if (this.isStdout) return;
		for (const file of this.#filesOf(source, seed, { count, tries })) {
			await requireFree(file, kept);
			if (this.#recipes) await requireFree(recipeFileOf(file), kept);
			if (this.#previews) await requireFree(previewFileOf(file), kept);
		}
	}

	/** All that there may be: a portrait may have the seed of any of its tries, which count up. */
	#filesOf(source: string, seed: number, { count, tries }: Drawn): string[] {
		const names = Array.from({ length: count * tries }, (_, i) =>
			this.of(source, { seed: seed + (this.#batch ? Math.floor(i / count) : i), index: i % count }),
		);
		return [...new Set(names)];
	}
}
