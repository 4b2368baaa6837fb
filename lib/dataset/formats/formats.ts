// The forms that data sets are written in.
import { closeAll } from '../../files/growing-file.ts';
import { inPlaceOfFolder } from '../../files/new-folder.ts';
import type { Format } from '../../options/dataset.ts';
import { joinFolders, openFolders } from './folders.ts';
import { joinRecordIo, openRecordIo } from './recordio.ts';
import type { ImageWriter, Sample, Shard } from './sample.ts';
import { joinTables, Table } from './table.ts';
import { joinWebDataset, openWebDataset } from './webdataset.ts';

export type { Row, Sample, Shard } from './sample.ts';

/** What joining needs to know besides the shards. */
export type JoinOptions = Readonly<{
	/** Of the whole data set. */
	people: number;
	signal?: AbortSignal | undefined;
}>;

type FormatRow = Readonly<{
	open: (folder: string, shard: Shard) => Promise<ImageWriter>;
	/** Into a folder that is empty. */
	join: (shards: readonly string[], to: string, options: JoinOptions) => Promise<void>;
	/** Whether rows end with their number: in a shard of its images, in the whole of all. */
	isNumbered?: boolean;
}>;

const formats = {
	folders: { open: openFolders, join: (shards, to, { signal }) => joinFolders(shards, to, signal) },
	webdataset: { open: openWebDataset, join: (shards, to, { signal }) => joinWebDataset(shards, to, signal) },
	recordio: {
		open: openRecordIo,
		join: (shards, to, { people, signal }) => joinRecordIo(shards, to, people, signal),
		isNumbered: true,
	},
} as const satisfies Record<Format, FormatRow>;

/** Writes samples, each once the one before is written. */
export interface SampleWriter {
	/** People in order, from the shard's first to its last. @throws {Arc2FaceError} `FILE_FAILED` */
	add(sample: Sample): Promise<void>;
	/** Returns when everything is on the disk. Closes all files in any case; after a failure it throws that again. */
	close(): Promise<void>;
}

/**
 * Writes one shard: its images and their table.
 *
 * @param folder - is there and empty; its caller gives it its final name when it is whole
 * @returns the same samples give the same bytes
 * @throws {Arc2FaceError} `FILE_FAILED`
 */
export async function openShardWriter(format: Format, folder: string, shard: Shard): Promise<SampleWriter> {
	const images = await formats[format].open(folder, shard);
	const table = await Table.create(folder).catch(async (error) => {
		await images.close().catch(() => {});
		throw error;
	});
	return {
		add: async (sample) => {
			const { person, image, row } = sample;
			await table.add({ person, image, ...row, ...(await images.add(sample)) });
		},
		close: () => closeAll([images, table]),
	};
}

/**
 * Joins finished shards into what trainers read. Files that stay as they are get a second name (a hard link) where the disk allows, so that
 * they take no room; changing one changes the shard.
 *
 * @param shards - their folders: all of the data set, in order
 * @param to - a folder that is not there or empty; it appears whole. One call at a time
 * @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` if the shards are not all of one data set, in order; the signal's reason when
 *   stopped. Leaves nothing behind
 */
export async function joinShards(
	format: Format,
	shards: readonly string[],
	to: string,
	options: JoinOptions,
): Promise<void> {
	await inPlaceOfFolder(to, async (folder) => {
		const { join, isNumbered }: FormatRow = formats[format];
		await join(shards, folder, options);
		await joinTables(shards, folder, { isNumbered, signal: options.signal });
	});
}
