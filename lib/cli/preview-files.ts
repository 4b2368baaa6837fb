// Previews as files beside the portraits, while they are painted.
import { rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { writeWhole } from '../files/write.ts';
import type { Size } from '../geometry.ts';
import type { Preview } from '../options/preview.ts';
import { sourceTypes } from '../provenance/source-type.ts';
import { makeFolderOf } from './new-file.ts';

/** The preview's file beside a portrait's. */
export function previewFileOf(portrait: string): string {
	const { dir, name } = parse(portrait);
	return join(dir, `${name}.preview.png`);
}

/** Writes previews, as large as the portraits and marked by XMP alone, and deletes them once the portraits are there or there will be none. */
export class PreviewFiles {
	readonly #size: Size;
	readonly #isMarked: boolean;
	readonly #note: (text: string) => void;
	/** What is to be written next, by file. */
	readonly #next = new Map<string, Preview>();
	/** The writing of each file: it ends when nothing is left to be written. */
	readonly #writing = new Map<string, Promise<void>>();
	readonly #written = new Set<string>();
	#hasFailed = false;

	/** @param note - is told, once, that previews can't be written; portraits may still be */
	constructor({ isMarked, ...size }: Size & { isMarked: boolean }, note: (text: string) => void) {
		this.#size = size;
		this.#isMarked = isMarked;
		this.#note = note;
	}

	/** Writes the preview, unless another one of the same portrait comes before there is time to. */
	show(portrait: string, preview: Preview): void {
		if (this.#hasFailed) return;
		const file = previewFileOf(portrait);
		this.#next.set(file, preview);
		this.#written.add(file);
		if (this.#writing.has(file)) return;
		this.#writing.set(
			file,
			this.#writeAll(file).finally(() => this.#writing.delete(file)),
		);
	}

	/** Deletes all of them. */
	async clear(): Promise<void> {
		this.#next.clear();
		for (const file of this.#written) {
			await this.#writing.get(file);
			await rm(file, { force: true }).catch(() => {}); // what can't be deleted was not written
		}
	}

	async #writeAll(file: string): Promise<void> {
		for (let preview = this.#next.get(file); preview !== undefined; preview = this.#next.get(file)) {
			this.#next.delete(file);
			try {
				// Imported here: without sharp, which it needs, `--help` still answers.
				const { default: sharp } = await import('sharp');
				const { xmpOf } = await import('../provenance/xmp.ts');
				const image = sharp(preview.data, { raw: preview }).resize({ ...this.#size, fit: 'fill' });
				await makeFolderOf(file);
				if (this.#isMarked) image.withXmp(xmpOf(sourceTypes.generated));
				await writeWhole(file, await image.png().toBuffer());
			} catch (error) {
				if (!this.#hasFailed) this.#note(`Previews are not shown: ${(error as Error).message}`);
				this.#hasFailed = true;
				this.#next.clear();
			}
		}
	}
}
