// Folders by person: images/000123/0004.jpg has the whole portrait, crops/000123/0004.jpg the aligned crop.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Arc2FaceError } from '../../errors.ts';
import { makeFolder } from '../../files/folder.ts';
import { linkOrCopy } from '../../files/new-folder.ts';
import { onDisk } from '../../files/on-disk.ts';
import { syncFiles } from '../../files/write.ts';
import { type ImageWriter, imageName, personName, type Sample, suffixOf } from './sample.ts';

type Kind = 'images' | 'crops';

export async function openFolders(folder: string): Promise<ImageWriter> {
	const folders = new PersonFolders(folder);
	return {
		add: async (sample) => ({
			portrait: await folders.add('images', sample, sample.portrait),
			crop: await folders.add('crops', sample, sample.crop),
		}),
		close: () => folders.close(),
	};
}

export async function joinFolders(shards: readonly string[], to: string, signal?: AbortSignal): Promise<void> {
	for (const shard of shards) {
		for (const kind of ['images', 'crops'] as const) await joinPeople(shard, to, kind, signal);
	}
}

/** Writes files of images into folders by person. */
export class PersonFolders {
	readonly #folder: string;
	readonly #files: string[] = [];

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** @returns the file's name below the folder; '' without bytes */
	async add(kind: Kind, { person, image }: Sample, bytes: Uint8Array | undefined): Promise<string> {
		if (bytes === undefined) return '';
		const below = `${kind}/${personName(person)}`;
		const name = `${below}/${imageName(image)}${suffixOf(bytes)}`;
		const file = join(this.#folder, name);
		await onDisk('write', file, async () => {
			await makeFolder(join(this.#folder, below));
			await writeFile(file, bytes);
		});
		this.#files.push(file);
		return name;
	}

	/** Returns when all are on the disk. */
	async close(): Promise<void> {
		await syncFiles(this.#files);
	}
}

/** Brings the files of one kind, if the shard has any. @throws {Arc2FaceError} `INVALID_ARGUMENT` for a person of another shard */
export async function joinPeople(
	shard: string,
	to: string,
	kind: Kind,
	signal: AbortSignal | undefined,
): Promise<void> {
	const from = join(shard, kind);
	const people = await onDisk('read', from, () =>
		readdir(from).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return [];
			throw error;
		}),
	);
	if (people.length > 0) await onDisk('write', to, () => makeFolder(join(to, kind)));
	for (const person of people) {
		const folder = join(to, kind, person);
		await onDisk('write', folder, () =>
			mkdir(folder).catch((error: NodeJS.ErrnoException) => {
				throw error.code === 'EEXIST' ? twice(shard, person) : error;
			}),
		);
		for (const file of await onDisk('read', from, () => readdir(join(from, person)))) {
			signal?.throwIfAborted();
			await linkOrCopy(join(from, person, file), join(folder, file));
		}
	}
}

function twice(shard: string, person: string): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected every person in one shard, but ${shard} has images of person ${person}, as one before it does.`,
		{ details: { file: shard } },
	);
}
