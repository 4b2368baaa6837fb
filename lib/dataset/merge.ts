// Parts of a data set, made on different machines, become one: checked, brought together, joined.
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Arc2FaceError, type ErrorDetails } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { inPlaceOfFolder, linkOrCopy } from '../files/new-folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { type Sentence, say } from '../messages/wording.ts';
import { joined, locked } from './dataset.ts';
import { identitiesFile, readRecord, shardFolder, sweep, wholeShards, writeRecord } from './folder.ts';
import { identitiesDigest } from './identities/digest.ts';
import { readEmbeddings, writeEmbeddings } from './identities/file.ts';
import { differences, type Recorded, type Run, requireSameRun, type ShardPlan, shardsOf } from './run.ts';
import { addTally, noTally, type Tally, verifyShard } from './shard-record.ts';

export type MergeContext = Readonly<{
	/** Shards whose files were compared with their digests; joining. */
	onProgress: (done: number, total: number) => void;
	onStage: (stage: 'joining') => void;
	signal: AbortSignal;
}>;

export type Merged = Readonly<{ people: number; tally: Tally; shards: number; data: string }>;

/**
 * Brings the shards of all folders into one, without another copy of their bytes where the disk allows.
 *
 * @param parts - folders of one run
 * @param out - a new folder, or one of the same merge that was interrupted
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for folders that do not belong together, and shards that are missing or there twice, before anything is
 *   changed; `FILE_FAILED` for a shard that is damaged
 */
export async function mergeDatasets(parts: readonly string[], out: string, context: MergeContext): Promise<Merged> {
	const { signal } = context;
	if (parts.some((part) => resolve(part) === resolve(out)))
		throw refused(`${out} is one of the parts, too.`, 'out', chooseOther);
	const { run, of } = await commonRun(parts);
	const places = await placesOf(parts, run, of);
	const there = await readRecord(out);
	if (there) requireSameRun(out, there, run);
	return await locked(out, signal, async (both) => {
		const recorded = await readRecord(out);
		if (recorded) requireSameRun(out, recorded, run);
		else await writeRecord(out, { format: 1, run });
		await sweep(out);
		await bringIdentities(parts, run, out, both);
		const tally = noTally();
		const whole = await wholeShards(out);
		for (const [i, { plan, folder }] of places.entries()) {
			context.onProgress(i, places.length);
			const { tally: own } = await verifyShard(folder, plan, both);
			if (!whole.includes(plan.index)) await bring(folder, shardFolder(out, plan.index), both);
			addTally(tally, own);
		}
		context.onProgress(places.length, places.length);
		const data = await joined(out, run, context, both);
		return { people: run.people, tally, shards: places.length, data };
	});
}

/**
 * @returns also into how many parts it was divided, where all tell the same
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a folder of another run than the first, or of none
 */
async function commonRun(parts: readonly string[]): Promise<{ run: Run; of: number | undefined }> {
	let first: { folder: string; recorded: Recorded } | undefined;
	const divisions = new Set<number | undefined>();
	for (const folder of parts) {
		const recorded = await readRecord(folder, 'folders');
		if (recorded === undefined) throw refused(`There is no data set in ${folder}.`, 'folders');
		first ??= { folder, recorded };
		divisions.add(recorded.part?.of);
		const others = differences(first.recorded.run, recorded.run);
		if (others.length === 0) continue;
		throw refused(
			(wording) =>
				`The data set in ${folder} is not of the same run as that in ${first!.folder}: ` +
				`${others.map((one) => say(one, wording)).join('; ')} (there, not here).`,
			'folders',
			'Merge what one command made with --shard 1/n to n/n.',
		);
	}
	return { run: first!.recorded.run, of: divisions.size === 1 ? [...divisions][0] : undefined };
}

type Place = { plan: ShardPlan; folder: string };

/** Where each shard is. @throws {Arc2FaceError} `INVALID_ARGUMENT` for one that is nowhere, or in two places */
async function placesOf(parts: readonly string[], run: Run, of: number | undefined): Promise<Place[]> {
	const found = new Map<number, string[]>();
	for (const part of parts) {
		for (const index of await wholeShards(part)) found.set(index, [...(found.get(index) ?? []), part]);
	}
	const plans = shardsOf(run);
	const twice = [...found].find(([, places]) => places.length > 1);
	if (twice) {
		const [index, places] = twice;
		throw refused(`Shard ${index} is there twice: in ${places.join(' and in ')}.`, 'folders', 'Merge each part once.');
	}
	const missing = plans.filter(({ index }) => !found.has(index)).map(({ index }) => index);
	if (missing.length > 0) {
		const lacking =
			of === undefined ? [] : [...new Set(missing.map((index) => (index % of) + 1))].sort((a, b) => a - b);
		throw refused(
			({ option }) => {
				const unfinished =
					lacking.length === 0 ? '' : ` (${option('shard')} ${listed(lacking.map((part) => `${part}/${of}`))})`;
				return `${missing.length} of ${plans.length} shards ${missing.length === 1 ? 'is' : 'are'} missing: ${listed(missing)}${unfinished}.`;
			},
			'folders',
			'Run the parts that were not finished to their end, and merge all of them.',
		);
	}
	return plans.map((plan) => ({ plan, folder: shardFolder(found.get(plan.index)![0]!, plan.index) }));
}

/** The first ten of them. */
function listed(items: readonly (string | number)[]): string {
	return `${items.slice(0, 10).join(', ')}${items.length > 10 ? ` and ${items.length - 10} more` : ''}`;
}

/** @throws {Arc2FaceError} `FILE_FAILED` if no part has them */
async function bringIdentities(parts: readonly string[], run: Run, out: string, signal: AbortSignal): Promise<void> {
	for (const part of parts) {
		const vectors = await readEmbeddings(identitiesFile(part)).catch(() => undefined); // another part may have them
		if (vectors === undefined || (await identitiesDigest(vectors.data, signal)) !== run.identities) continue;
		await writeEmbeddings(identitiesFile(out), vectors);
		return;
	}
	throw new Arc2FaceError('FILE_FAILED', `Found the identities of the run in none of ${parts.join(', ')}.`, {
		remedy: 'Run the command of one part again: it makes them anew.',
	});
}

async function bring(from: string, to: string, signal: AbortSignal): Promise<void> {
	await inPlaceOfFolder(to, async (part) => {
		const entries = await onDisk('read', from, () => readdir(from, { recursive: true, withFileTypes: true }));
		for (const entry of entries) {
			if (!entry.isFile()) continue;
			signal.throwIfAborted();
			const file = join(entry.parentPath, entry.name);
			const target = join(part, relative(from, file));
			await onDisk('write', target, () => makeFolder(dirname(target)));
			await linkOrCopy(file, target);
		}
	});
}

const chooseOther: Sentence = ({ option }) => `Choose a new folder with ${option('out')}.`;

function refused(problem: Sentence, option: string, remedy?: Sentence): Arc2FaceError {
	const details: ErrorDetails<'INVALID_ARGUMENT'> = { option };
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details });
}
