// One model at work on shards: people ahead of the one that is written, so that the painter never waits for a disk or a reader.
import { setMaxListeners } from 'node:events';
import type { Arc2Face } from '../arc2face.ts';
import { inPlaceOfFolder } from '../files/new-folder.ts';
import { embeddingLength, Identity } from '../identity.ts';
import { iterate } from '../painting/iteration.ts';
import { shardFolder } from './folder.ts';
import { openShardWriter } from './formats/formats.ts';
import { type Made, makePerson } from './person.ts';
import type { Run, ShardPlan } from './run.ts';
import { addTally, noTally, writeShardRecord } from './shard-record.ts';
import { isFit, Studio } from './studio.ts';
import { Turns } from './turns.ts';

export type ProduceOptions = Readonly<{
	folder: string;
	run: Run;
	/** [people, 512] */
	identities: Float32Array;
	/** Images painted at once. */
	atOnce: number;
	/** Each try, once it is painted and read; whether its image is finished: fit, or without another try. */
	onShot: (isFinished: boolean) => void;
}>;

type Begun = { plan: ShardPlan; made: Promise<Made>; written: () => void };

/**
 * Paints all of `shards`, which several models may take from. At any moment one shard is being written, and some people of the next may be
 * painted.
 *
 * @throws what painting throws; `FILE_FAILED`; the signal's reason. Leaves nothing of a shard that is not whole
 */
export async function produce(
	model: Arc2Face,
	shards: Iterator<ShardPlan>,
	options: ProduceOptions,
	signal: AbortSignal,
): Promise<void> {
	const studio = new Studio(model, options.run, options.atOnce);
	const stop = new AbortController();
	const either = AbortSignal.any([signal, stop.signal]);
	setMaxListeners(0, either); // each image in progress has some
	const open = new Turns(2 + Math.ceil((2 * options.atOnce) / options.run.images));
	const made = new Set<Promise<Made>>();
	const line = iterate<Begun>(async (give) => {
		for (let next = shards.next(); !next.done; next = shards.next()) {
			const plan = next.value;
			for (let person = plan.firstPerson; person < plan.firstPerson + plan.people; person++) {
				const written = await open.take(person, either);
				await studio.hasRoom(options.atOnce, either);
				const making = make(person, studio, options, either);
				made.add(making);
				making.catch(() => {}); // told to whoever writes it
				give({ plan, made: making, written });
			}
		}
	}, either);
	try {
		for (let first = await line.next(); !first.done; first = await line.next()) {
			await writeShard(first.value, line, made, options, either);
		}
	} finally {
		stop.abort();
		await Promise.allSettled(made);
		await line.return();
	}
}

/** The people of a shard come one after another: `first`, then from `line`. */
async function writeShard(
	first: Begun,
	line: AsyncGenerator<Begun, void, void>,
	made: Set<Promise<Made>>,
	{ folder, run }: ProduceOptions,
	signal: AbortSignal,
): Promise<void> {
	const { plan } = first;
	await inPlaceOfFolder(shardFolder(folder, plan.index), async (part) => {
		const writer = await openShardWriter(run.format, part, plan);
		const tally = noTally();
		let failure: { error: unknown } | undefined;
		try {
			for (let i = 0, begun = first; ; begun = (await line.next()).value as Begun) {
				const { samples, painted, refused } = await begun.made;
				made.delete(begun.made);
				for (const sample of samples) await writer.add(sample);
				begun.written();
				const [kept, missing] = [samples.length, run.images - samples.length];
				const lacks = { incomplete: Number(missing > 0), absent: Number(kept === 0) };
				addTally(tally, { kept, missing, painted, refused, ...lacks });
				if (++i === plan.people) break;
			}
		} catch (error) {
			failure = { error };
		}
		// It would tell a failure of its own again; the first one matters.
		await writer.close().catch((error: unknown) => {
			failure ??= { error };
		});
		if (failure !== undefined) throw failure.error;
		signal.throwIfAborted();
		await writeShardRecord(part, plan, tally, signal);
	});
}

async function make(
	person: number,
	studio: Studio,
	{ run, identities, onShot }: ProduceOptions,
	signal: AbortSignal,
): Promise<Made> {
	const identity = Identity.from(identities.subarray(person * embeddingLength, (person + 1) * embeddingLength));
	const finished = new Set<number>(); // a copy of another image is painted again, though it seemed fit
	return await makePerson(person, identity, run, async (order) => {
		const shot = await studio.make(order, identity, signal);
		const isFinished = isFit(shot) || order.attempt === run.tries;
		onShot(isFinished && !finished.has(order.image));
		if (isFinished) finished.add(order.image);
		return shot;
	});
}
