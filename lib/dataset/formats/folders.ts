// Folders by person: images/000123/0004.jpg has the whole portrait, crops/000123/0004.jpg the aligned crop.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Arc2FaceError } from '../../errors.ts';
import { makeFolder } from '../../files/folder.ts';
import { writeSynced } from '../../files/growing-file.ts';
import { linkOrCopy } from '../../files/new-folder.ts';
import { onDisk } from '../../files/on-disk.ts';
import { type ImageWriter, imageName, personName, type Sample, suffixOf } from './sample.ts';

export async function openFolders(folder: string): Promise<ImageWriter> {
	return {
		add: async (sample) => ({
			portrait: await writeFile(folder, 'images', sample, sample.portrait),
			crop: await writeFile(folder, 'crops', sample, sample.crop),
		}),
		close: async () => {},
	};
}

export async function joinFolders(shards: readonly string[], to: string, signal?: AbortSignal): Promise<void> {
	for (const shard of shards) {
		for (const kind of ['images', 'crops'] as const) await joinPeople(shard, to, kind, signal);
	}
}

/** @returns the file's name below `folder`; '' without bytes */
export async function writeFile(
	folder: string,
	kind: 'images' | 'crops',
	{ person, image }: Sample,
	bytes: Uint8Array | undefined,
): Promise<string> {
	if (bytes === undefined) return '';
	const below = `${kind}/${personName(person)}`;
	await onDisk('write', join(folder, below), () => makeFolder(join(folder, below)));
	const name = `${below}/${imageName(image)}${suffixOf(bytes)}`;
	await writeSynced(join(folder, name), bytes);
	return name;
}

/** Brings the files of one kind, if the shard has any. @throws {Arc2FaceError} `INVALID_ARGUMENT` for a person of another shard */
export async function joinPeople(
	shard: string,
	to: string,
	kind: 'images' | 'crops',
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
