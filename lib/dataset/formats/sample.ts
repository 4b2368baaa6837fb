// One image of a data set, and its names.
import { contentOf } from '../../photo/content.ts';

/** One image of a data set. */
export type Sample = Readonly<{
	/** Index of the identity in the whole data set, from 0: the class that trainers learn. */
	person: number;
	/** Which of the person's images it is, from 0. */
	image: number;
	/** An encoded file (JPEG, PNG, WebP) of the whole portrait, where the set has portraits. */
	portrait?: Uint8Array | undefined;
	/** The same of the aligned crop, 112 × 112 pixels, where the set has crops. */
	crop?: Uint8Array | undefined;
	row: Row;
}>;

/**
 * What the table says of an image, by column, besides `person`, `image` and the names of its files. All of a data set have the same columns, in
 * one order; undefined leaves a field empty.
 */
export type Row = Readonly<Record<string, string | number | undefined>>;

/** Which people a shard has: `people` of them from `firstPerson` on; and its place among the shards, from 0. */
export type Shard = Readonly<{ index: number; firstPerson: number; people: number }>;

/** Where an image and its crop went, for the table: '' for what the sample lacks. `record`: which one of a file of records, as its index numbers them. */
export type FileNames = Readonly<{ portrait: string; crop: string; record?: number }>;

/** Writes the images of a shard in some format. Calls are awaited, one after another, people in order. */
export interface ImageWriter {
	add(sample: Sample): Promise<FileNames>;
	/** Finishes and closes all files, which are then on the disk; also after a failure, which is thrown again. */
	close(): Promise<void>;
}

/** `000123` */
export const personName = (person: number) => String(person).padStart(6, '0');

/** `0004` */
export const imageName = (image: number) => String(image).padStart(4, '0');

/** `.jpg`, told by the bytes of an encoded file. */
export function suffixOf(file: Uint8Array): string {
	const suffix = contentOf(file)?.suffix;
	if (suffix === undefined) throw new TypeError('An image of a data set is no encoded file.');
	return suffix;
}
