// What a shard says of itself: what was painted for it, and the digest of every file.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { FileDigests } from '../files/digests.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';
import { dataFolder, isJoined } from './folder.ts';
import type { Flaw } from './gate.ts';
import type { ShardPlan } from './run.ts';

/** In numbers of images, but for the last two. */
export type Tally = {
	kept: number;
	missing: number;
	painted: number;
	refused: Record<Flaw, number>;
	/** People some of whose images are missing. */
	incomplete: number;
	/** Those of them who have none. */
	absent: number;
};

export type ShardRecord = ShardPlan & Readonly<{ tally: Tally; files: Readonly<Record<string, string>> }>;

const name = 'shard.json';

export function noTally(): Tally {
	return { kept: 0, missing: 0, painted: 0, refused: { 'no face': 0, unlike: 0, copy: 0 }, incomplete: 0, absent: 0 };
}

export function addTally(sum: Tally, { kept, missing, painted, refused, incomplete, absent }: Tally): void {
	sum.kept += kept;
	sum.missing += missing;
	sum.painted += painted;
	sum.incomplete += incomplete;
	sum.absent += absent;
	for (const flaw of Object.keys(sum.refused) as Flaw[]) sum.refused[flaw] += refused[flaw];
}

/** Written last, into a folder of which nobody knows yet. @throws {Arc2FaceError} `FILE_FAILED` */
export async function writeShardRecord(
	folder: string,
	plan: ShardPlan,
	tally: Tally,
	signal: AbortSignal,
): Promise<void> {
	const record: ShardRecord = { ...plan, tally, files: await digestsIn(folder, signal) };
	await writeWhole(join(folder, name), `${JSON.stringify(record, undefined, '\t')}\n`);
}

/** @throws {Arc2FaceError} `FILE_FAILED` */
export async function readShardRecord(folder: string): Promise<ShardRecord> {
	const file = join(folder, name);
	const text = await onDisk('read', file, () => readFile(file, 'utf8'));
	try {
		const record = JSON.parse(text) as ShardRecord;
		addTally(noTally(), record.tally);
		if (Object.keys(record.files).length > 0) return record;
	} catch {}
	throw await damaged(folder, `its ${name} is damaged`);
}

/**
 * Reads all of a shard.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` where a file is missing, too many, or not as it was written; the signal's reason when stopped
 */
export async function verifyShard(folder: string, plan: ShardPlan, signal: AbortSignal): Promise<ShardRecord> {
	const record = await readShardRecord(folder);
	if (record.index !== plan.index) throw await damaged(folder, `its ${name} is of shard ${record.index}`);
	const found = await digestsIn(folder, signal);
	for (const file of Object.keys({ ...record.files, ...found })) {
		if (found[file] === record.files[file]) continue;
		const what = found[file] === undefined ? 'missing' : record.files[file] === undefined ? 'of nobody' : 'damaged';
		throw await damaged(folder, `${file} is ${what}`);
	}
	return record;
}

async function digestsIn(folder: string, signal: AbortSignal): Promise<Record<string, string>> {
	const entries = await onDisk('read', folder, () => readdir(folder, { recursive: true, withFileTypes: true }));
	const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	const digests = new FileDigests();
	const found: Record<string, string> = {};
	for (const path of paths.sort()) {
		signal.throwIfAborted();
		const file = relative(folder, path).split(sep).join('/');
		if (file !== name) found[file] = await digests.sha256(path, { signal });
	}
	return found;
}

async function damaged(folder: string, why: string): Promise<Arc2FaceError> {
	const set = dirname(dirname(folder));
	// Joined once, it would stay as it is, and may have the damaged files themselves.
	const data = (await isJoined(set)) ? `, and ${dataFolder(set)}, which was joined from it,` : ',';
	return new Arc2FaceError('FILE_FAILED', `The shard ${folder} is not as it was written: ${why}.`, {
		remedy: `Delete the folder of the shard${data} and run the command that made it again.`,
		details: { file: folder },
	});
}
