// A data set's folder: what lies where, and what belongs to none.
//
//   dataset.json     what decides its images, written first
//   identities.npy   [people, 512]
//   shards/00012/    people of one shard: their images and table, and shard.json with the digests of all of it; whole or not there
//   data/            all shards joined, as trainers read them; whole or not there
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { isLeftover, namesIn, sweepLeftovers } from '../files/leftovers.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';
import { lockNames } from './lock.ts';
import type { Recorded } from './run.ts';

const recordName = 'dataset.json';
const [shardsName, dataName] = ['shards', 'data'];

export const identitiesFile = (folder: string) => join(folder, 'identities.npy');
export const shardsFolder = (folder: string) => join(folder, shardsName);
export const shardFolder = (folder: string, index: number) => join(folder, shardsName, String(index).padStart(5, '0'));
export const dataFolder = (folder: string) => join(folder, dataName);

/**
 * What a folder is for.
 *
 * @returns undefined for one that is not there, or empty
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a folder that holds something else; `FILE_FAILED` when it can't be read
 */
export async function readRecord(folder: string, option = 'out'): Promise<Recorded | undefined> {
	const names = await namesIn(folder);
	if (!names.includes(recordName)) {
		const other = names.find((name) => !isLeftover(name) && !lockNames.some((lock) => lock === name));
		if (other === undefined) return undefined;
		throw foreign(folder, `it holds ${other}, and no ${recordName}`, option);
	}
	const file = join(folder, recordName);
	const text = await onDisk('read', file, () => readFile(file, 'utf8'));
	const recorded = parse(text);
	if (recorded === undefined)
		throw foreign(folder, `its ${recordName} is none of this package, or of another version`, option);
	return recorded;
}

/** @throws {Arc2FaceError} `FILE_FAILED` */
export async function writeRecord(folder: string, recorded: Recorded): Promise<void> {
	await writeWhole(join(folder, recordName), `${JSON.stringify(recorded, undefined, '\t')}\n`);
	await onDisk('write', shardsFolder(folder), () => makeFolder(shardsFolder(folder)));
}

/** Which shards are there. @throws {Arc2FaceError} `FILE_FAILED` */
export async function wholeShards(folder: string): Promise<number[]> {
	const names = await namesIn(shardsFolder(folder));
	return names.filter((name) => /^\d{5,}$/.test(name)).map(Number);
}

export async function isJoined(folder: string): Promise<boolean> {
	return (await namesIn(folder)).includes(dataName);
}

/** Deletes what killed processes have left, while nobody else works here. @throws {Arc2FaceError} `FILE_FAILED` */
export async function sweep(folder: string): Promise<void> {
	for (const place of [folder, shardsFolder(folder)]) await sweepLeftovers(place);
}

function parse(text: string): Recorded | undefined {
	try {
		const recorded = JSON.parse(text);
		const isOurs =
			recorded.format === 1 && typeof recorded.run.people === 'number' && typeof recorded.run.model === 'object';
		return isOurs ? recorded : undefined;
	} catch {
		return undefined;
	}
}

function foreign(folder: string, why: string, option: string): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected a new folder or that of a data set, but ${folder} is neither: ${why}.`,
		{
			remedy: ({ option: named }) =>
				`Choose another folder${option === 'out' ? ` with ${named(option)}` : ''}. Nothing was changed.`,
			details: { option },
		},
	);
}
