// WebDataset: tar files whose members of one key, what is before the first dot, are one sample (https://github.com/webdataset/webdataset).
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Pack, pack } from 'tar-stream';
import { Arc2FaceError } from '../../errors.ts';
import { GrowingFile } from '../../files/growing-file.ts';
import { linkOrCopy } from '../../files/new-folder.ts';
import { onDisk } from '../../files/on-disk.ts';
import { type ImageWriter, imageName, personName, type Sample, type Shard, suffixOf } from './sample.ts';

/**
 * Of each sample `000123_0004`: `.jpg` the portrait, `.crop.jpg` the crop (or what their files are instead), `.cls` the person, `.json` person,
 * image and the table's row.
 */
export async function openWebDataset(folder: string, { index }: Shard): Promise<ImageWriter> {
	const tar = await Tar.create(join(folder, tarName(index)));
	return {
		add: async (sample) => {
			const { portrait, crop } = sample;
			const { person, image, row } = sample;
			const names = { portrait: memberName(sample, '', portrait), crop: memberName(sample, '.crop', crop) };
			if (portrait !== undefined) await tar.add(names.portrait, portrait);
			if (crop !== undefined) await tar.add(names.crop, crop);
			await tar.add(`${keyOf(sample)}.cls`, Buffer.from(String(person)));
			await tar.add(`${keyOf(sample)}.json`, Buffer.from(JSON.stringify({ person, image, ...row })));
			return names;
		},
		close: () => tar.close(),
	};
}

/** The tar files as they are: `faces-{000000..000099}.tar`. */
export async function joinWebDataset(shards: readonly string[], to: string, signal?: AbortSignal): Promise<void> {
	for (const [index, shard] of shards.entries()) {
		signal?.throwIfAborted();
		const name = tarName(index);
		const names = await onDisk('read', shard, () => readdir(shard));
		if (!names.includes(name)) throw outOfOrder(shard, name);
		await linkOrCopy(join(shard, name), join(to, name));
	}
}

/** Of six digits, for the braces of shells and of WebDataset. */
const tarName = (index: number) => `faces-${String(index).padStart(6, '0')}.tar`;

const keyOf = ({ person, image }: Sample) => `${personName(person)}_${imageName(image)}`;

function memberName(sample: Sample, kind: '' | '.crop', file: Uint8Array | undefined): string {
	return file === undefined ? '' : `${keyOf(sample)}${kind}${suffixOf(file)}`;
}

function outOfOrder(shard: string, name: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `Expected ${name} in ${shard}, but it is not there.`, {
		remedy: 'Join all shards of a run, in their order.',
		details: { file: shard },
	});
}

/** A tar file whose bytes depend on nothing but names and contents. */
class Tar {
	readonly #pack: Pack = pack();
	/** Rejects with what failed first. */
	readonly #written: Promise<void>;

	private constructor(file: GrowingFile) {
		this.#written = drain(this.#pack, file);
		this.#written.catch(() => {}); // told by the next call
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	static async create(file: string): Promise<Tar> {
		return new Tar(await GrowingFile.create(file));
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async add(name: string, contents: Uint8Array): Promise<void> {
		const header = { name, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
		await new Promise<void>((resolve, reject) => {
			this.#pack.entry(header, Buffer.from(contents), (error) => (error ? reject(error) : resolve()));
		}).catch(async (error) => {
			await this.#written; // knows why
			throw error;
		});
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	async close(): Promise<void> {
		this.#pack.finalize();
		await this.#written;
	}
}

async function drain(from: Pack, to: GrowingFile): Promise<void> {
	try {
		for await (const piece of from) await to.add(piece);
	} catch (error) {
		await to.close().catch(() => {});
		throw error;
	}
	await to.close();
}
