// A data set from beginning to end: begun or continued, painted shard by shard, joined.
import { rmdir, stat } from 'node:fs/promises';
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import type { ImageGeometry } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import type { ResolvedDataset } from '../options/dataset.ts';
import type { Feature } from '../options/features.ts';
import type { Presets } from '../options/presets.ts';
import { askedOf, choosePeople, decidedBy, foundIn, type Loading, modelIn, paintingBy, spreadOf } from './begin.ts';
import {
	dataFolder,
	identitiesFile,
	isJoined,
	readRecord,
	shardFolder,
	sweep,
	wholeShards,
	writeRecord,
} from './folder.ts';
import { joinShards } from './formats/formats.ts';
import { identitiesDigest } from './identities/digest.ts';
import { readEmbeddings, writeEmbeddings } from './identities/file.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { produce } from './produce.ts';
import { requireProspect } from './prospect.ts';
import { isOfPart, type Recorded, type Run, requireSameRun, type ShardPlan, shardsOf } from './run.ts';
import { addTally, noTally, readShardRecord, type Tally } from './shard-record.ts';

/** What making a data set needs of its caller. */
export type MakeContext = Readonly<{
	/** Name or folder of the bundle. */
	bundle: string;
	/** The size in which faces are looked for, and the rows of the UNet's batches on a GPU. */
	reading: { detectionSize: number; batchRows: readonly number[] };
	loading: Loading;
	/** Loads a model with these features: number `index` of those that work side by side. */
	load: (index: number, features: readonly Feature[], signal: AbortSignal) => Promise<Arc2Face>;
	/** What all portraits are painted by, where nothing else is asked for: as the model will have it. */
	usual: { geometry: ImageGeometry; presets: Presets };
	/** `done` of `total`: people found; first tries, none of which was fit; images that are finished. */
	onProgress: (stage: 'choosing' | 'trying' | 'painting', done: number, total: number) => void;
	onStage: (stage: 'joining') => void;
	signal: AbortSignal;
}>;

/** What there is in the end. */
export type MadeDataset = Readonly<{
	people: number;
	/** In numbers of images: of all shards of this part, also of those that were there. */
	tally: Tally;
	shards: { painted: number; whole: number; total: number };
	/** The joined set; undefined for a part. */
	data: string | undefined;
	/** Images painted by this call, and in how many seconds. */
	painted: number;
	seconds: number;
}>;

/**
 * Makes or continues a data set. Whatever ends it, whole shards stay.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, for a folder of something else or of another run, before anything is changed; `FILE_FAILED`; what loading
 *   and painting throw
 */
export async function makeDataset(options: ResolvedDataset, context: MakeContext): Promise<MadeDataset> {
	const { out, part } = options;
	const { detectionSize, batchRows } = context.reading;
	const asked = await askedOf(options, context.signal);
	const before = await readRecord(out);
	const { folder, spread, features } = await spreadOf(options, context.bundle);
	const { loading } = context;
	const found = await foundIn(folder, spread, { detectionSize, cacheDir: loading.cacheDir }, context.signal);
	if (before) {
		// Loading may take minutes: what differs is told before, all at once.
		const painting = paintingBy(options, context.usual.geometry, context.usual.presets);
		const model = { ...before.run.model, ...(await modelIn(folder, features, loading, context.signal)) };
		requireSameRun(out, before, { ...asked, ...found, painting, model }, part);
	}
	return await locked(out, context.signal, async (signal) => {
		const models = [await context.load(0, features, signal)];
		try {
			const decided = { ...found, ...(await decidedBy(models[0]!, options, batchRows, signal)) };
			const recorded = await readRecord(out); // as it is now that nobody else writes
			if (recorded) requireSameRun(out, recorded, { ...asked, ...decided }, part);
			const { run, identities } = await people(
				models[0]!,
				options,
				recorded,
				{ ...asked, ...decided },
				context,
				signal,
			);
			await sweep(out);
			const whole = await wholeShards(out);
			const own = shardsOf(run).filter((shard) => isOfPart(shard, part));
			const left = own.filter(({ index }) => !whole.includes(index));
			for (let i = 1; i < Math.min(options.workers, left.length); i++)
				models.push(await context.load(i, features, signal));
			const begun = performance.now();
			const painted = await paintAll(
				models,
				{ own, left, run, identities, batch: options.batch },
				out,
				context,
				signal,
			);
			const seconds = (performance.now() - begun) / 1000;
			const tally = noTally();
			for (const { index } of own) addTally(tally, (await readShardRecord(shardFolder(out, index))).tally);
			const shards = { painted: left.length, whole: own.length, total: shardsOf(run).length };
			const data = part === undefined ? await joined(out, run, context, signal) : undefined;
			return { people: run.people, tally, shards, data, painted, seconds };
		} finally {
			for (const model of models) await model.dispose();
		}
	});
}

/** Joins all shards, unless they are. @throws {Arc2FaceError} `FILE_FAILED`; the signal's reason */
export async function joined(
	folder: string,
	run: Run,
	{ onStage }: Pick<MakeContext, 'onStage'>,
	signal: AbortSignal,
): Promise<string> {
	const data = dataFolder(folder);
	if (await isJoined(folder)) return data;
	onStage('joining');
	const folders = shardsOf(run).map(({ index }) => shardFolder(folder, index));
	await joinShards(run.format, folders, data, { people: run.people, signal });
	return data;
}

/** Works on a folder that nobody else works on. One that was made for it is not left behind empty. */
export async function locked<T>(
	folder: string,
	signal: AbortSignal,
	work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const isNew = (await stat(folder).catch(() => undefined)) === undefined;
	await onDisk('write', folder, () => makeFolder(folder));
	const lock: FolderLock = await lockFolder(folder);
	try {
		return await work(AbortSignal.any([signal, lock.signal]));
	} catch (error) {
		throw told(error, folder);
	} finally {
		await lock.release();
		if (isNew) await rmdir(folder).catch(() => {}); // only an empty one can be
	}
}

/** Who is painted: chosen, or as they were. Writes down what is new, once it is known to have any prospect. */
async function people(
	model: Arc2Face,
	options: ResolvedDataset,
	recorded: Recorded | undefined,
	known: Omit<Run, 'identities'>,
	{ onProgress }: MakeContext,
	signal: AbortSignal,
): Promise<{ run: Run; identities: Float32Array }> {
	const { out, part } = options;
	const file = identitiesFile(out);
	if (recorded) {
		const written = await readEmbeddings(file).catch(() => undefined); // made again below
		if (written && (await identitiesDigest(written.data, signal)) === recorded.run.identities) {
			return { run: recorded.run, identities: written.data };
		}
	}
	const { embeddings, digest } = await choosePeople(options, {
		signal,
		onProgress: (done) => onProgress('choosing', done, options.people),
	});
	const run: Run = { ...known, identities: digest };
	if (recorded) {
		requireSameRun(out, recorded, run, part);
	} else {
		await requireProspect(model, run, embeddings, {
			onProgress: (done, total) => onProgress('trying', done, total),
			signal,
		});
		await writeRecord(out, { format: 1, run, ...(part && { part }) });
	}
	await writeEmbeddings(file, { data: embeddings, length: embeddingLength });
	return { run, identities: embeddings };
}

type Work = Readonly<{
	own: readonly ShardPlan[];
	left: readonly ShardPlan[];
	run: Run;
	identities: Float32Array;
	batch: number;
}>;

/** @returns how many images were painted */
async function paintAll(
	models: readonly Arc2Face[],
	{ own, left, run, identities, batch }: Work,
	folder: string,
	{ onProgress }: MakeContext,
	signal: AbortSignal,
): Promise<number> {
	const count = (shards: readonly ShardPlan[]) => run.images * shards.reduce((sum, shard) => sum + shard.people, 0);
	const total = count(own);
	let done = total - count(left);
	let painted = 0;
	if (left.length > 0) onProgress('painting', done, total);
	const stop = new AbortController();
	const both = AbortSignal.any([signal, stop.signal]);
	const shards = left.values();
	const options = {
		...{ folder, run, identities },
		onShot: (isFinished: boolean) => {
			painted++;
			if (isFinished) onProgress('painting', ++done, total);
		},
	};
	const working = models.map((model) =>
		produce(model, shards, { ...options, atOnce: atOnceOn(model, batch) }, both).catch((error: unknown) => {
			stop.abort(error);
			throw error;
		}),
	);
	// All have ended before anything is given back; the first failure is the others' reason, too.
	for (const outcome of await Promise.allSettled(working)) if (outcome.status === 'rejected') throw outcome.reason;
	return painted;
}

/** A GPU's batches have empty rows while an image that is done is followed by the next: some more images wait to fill them. */
function atOnceOn({ info }: Arc2Face, batch: number): number {
	return info.device === 'cpu' ? batch : batch + Math.ceil(batch / 4);
}

/** A full disk is no end. */
function told(error: unknown, folder: string): unknown {
	if (!(error instanceof Arc2FaceError) || error.code !== 'FILE_FAILED') return error;
	const { systemCode = '' } = error.details;
	if (!['ENOSPC', 'EDQUOT'].includes(systemCode)) return error;
	return error.with({
		remedy: `Free some space and run the same command again: what is whole in ${folder} is kept, and the rest is made.`,
	});
}
