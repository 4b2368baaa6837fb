// Jobs in Redis, by BullMQ: any number of servers add them, any number of workers paint them.
import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import {
	type Added,
	type Job,
	type JobFilter,
	type JobImage,
	type JobQueue,
	type JobState,
	type JobWorker,
	type NewJob,
	StoreAway,
	type Workshop,
} from '../job.ts';
import { mostFailures } from '../paint.ts';
import type { JsonObject, PortraitRequest } from '../request.ts';
import { digestOf, otherRequest, seeded } from '../requests.ts';
import type { ResultStore } from '../results.ts';
import { watchJob } from '../watch.ts';
import { connect, loadPackages } from './connection.ts';
import { bullPriority, type Data, jobOf, type Kept, textOf } from './data.ts';
import type { Shared } from './shared.ts';
import { RedisWorker } from './worker.ts';

/** Of all keys. */
const prefix = 'arc2face';
const name = 'jobs';
/** A change that was not told, such as that of a worker that was killed, is seen after so long. */
const lookMs = 5_000;
/** So often one that is away is asked for. */
const awayMs = 500;
/** So long it is known that a job was taken away while it was painted. */
const removedSeconds = 7 * 24 * 3600;
/** So long what was sent is kept before there is its job. */
const sentSeconds = 24 * 3600;
const pageSize = 100;

export type RedisOptions = Readonly<{
	/** `redis://` or `rediss://`. */
	url: string;
	/** Where images are: all servers and workers see the same. */
	results: ResultStore;
	/** What a client is told of a failure that no worker could tell. */
	explain: (error: unknown) => JsonObject;
	/** Days that ended jobs are kept. */
	keepDays: number;
	/** Told of what goes wrong with the connection. */
	onError?: ((error: unknown) => void) | undefined;
}>;

/** What requests are answered with: its commands fail while Redis is away. */
type Asked = Readonly<{ client: Redis; queue: Shared['queue']; subscriber: Redis }>;

/** Keeps jobs in Redis. */
export class RedisQueue implements JobQueue {
	readonly #options: RedisOptions;
	/** For workers. */
	readonly #shared: Shared;
	/** For requests. */
	readonly #asked: Asked;

	private constructor(options: RedisOptions, shared: Shared, asked: Asked) {
		this.#options = options;
		this.#shared = shared;
		this.#asked = asked;
	}

	/** @throws {Arc2FaceError} `INVALID_ARGUMENT` where the packages are missing or nobody answers */
	static async open(options: RedisOptions): Promise<RedisQueue> {
		const packages = await loadPackages();
		const onError = options.onError ?? (() => {});
		const { client, asking, subscriber } = await connect(options.url, packages, onError);
		const changes = new EventEmitter().setMaxListeners(0);
		subscriber.on('message', (_channel: string, message: string) => {
			const id = message.slice(1);
			if (message.startsWith('-')) changes.emit('removed', id);
			changes.emit(id);
		});
		await subscriber.subscribe(`${prefix}:changes`);
		const queueOn = (connection: Redis) => {
			const queue = new packages.bullmq.Queue<Data, JobImage[]>(name, { connection, prefix });
			queue.on('error', onError);
			return queue as unknown as Shared['queue'];
		};
		const shared: Shared = {
			...{ packages, client, changes, queue: queueOn(client), sentKey, names: { prefix, name } },
			drop: async (kept) => await drop(kept, client, options.results),
			keepMs: options.keepDays * 24 * 3600 * 1000,
			tell: async (id) => void (await client.publish(`${prefix}:changes`, `+${id}`)),
			isRemoved: async (id) => (await client.exists(removedKey(id))) === 1,
		};
		return new RedisQueue(options, shared, { client: asking, queue: queueOn(asking), subscriber });
	}

	async find(owner: string, request: PortraitRequest, key: string): Promise<Job | undefined> {
		return await this.#ask(async () => {
			const kept = await this.#kept(idOf(owner, key));
			if (kept !== undefined && kept.data.digest !== digestOf(request)) throw otherRequest(key);
			if (kept !== undefined) await this.#asked.client.persist(sentKey(kept));
			return kept && (await this.#job(kept));
		});
	}

	async add({ owner, request, priority, images, key }: NewJob): Promise<Added> {
		return await this.#ask(async () => {
			const { queue, client } = this.#asked;
			const digest = digestOf(request);
			const id = key === undefined ? randomUUID() : idOf(owner, key);
			const known = key === undefined ? undefined : await this.#kept(id);
			const data = { owner, digest, priority, images };
			if (known === undefined) {
				// Before the job: one that is found has what was sent. Should this process end in between, that goes with time.
				await client.set(sentKey({ id, data }), textOf(seeded(request)), 'EX', sentSeconds);
				// A job that is kept and not listed would never be found.
				await client.zadd(ownerKey(owner), Date.now(), id);
				await queue.add(name, data, {
					...{ jobId: id, priority: bullPriority(priority), attempts: mostFailures },
					backoff: { type: 'exponential', delay: 2_000 },
				});
				await client.persist(sentKey({ id, data }));
			}
			// Of two that add the same at once, BullMQ keeps the first.
			const kept = known ?? (await this.#kept(id));
			if (kept !== undefined && kept.data.digest !== digest) {
				await client.del(sentKey({ id, data }));
				throw otherRequest(key!);
			}
			const job = kept && (await this.#job(kept));
			if (job === undefined) throw new StoreAway('The job of this key is being removed.');
			return { job, isNew: known === undefined };
		});
	}

	async get(owner: string, id: string): Promise<Job | undefined> {
		return await this.#ask(() => this.#get(owner, id));
	}

	async list(owner: string, { state, limit, after }: JobFilter): Promise<Job[]> {
		return await this.#ask(async () => {
			const { client } = this.#asked;
			const rank = after === undefined ? -1 : await client.zrevrank(ownerKey(owner), after);
			if (rank === null) return [];
			const jobs: Job[] = [];
			for (let start = rank + 1; jobs.length < limit; start += pageSize) {
				const ids = await client.zrevrange(ownerKey(owner), start, start + pageSize - 1);
				if (ids.length === 0) break;
				const found = await Promise.all(ids.map((id) => this.#get(owner, id)));
				const known = found.filter((job) => job !== undefined);
				jobs.push(...known.filter((job) => state === undefined || job.state === state));
			}
			return jobs.slice(0, limit);
		});
	}

	async remove(owner: string, id: string): Promise<boolean> {
		return await this.#ask(async () => {
			const { client } = this.#asked;
			const kept = await this.#kept(id);
			if (kept === undefined || kept.data.owner !== owner || (await this.#isRemoved(id))) return false;
			// Files first: where they can't be removed, the job is still there to be removed again.
			await this.#options.results.remove(id);
			await client.set(removedKey(id), '1', 'EX', removedSeconds);
			await client.publish(`${prefix}:changes`, `-${id}`);
			// One that is being painted is locked: its worker takes it away, or whoever comes after it.
			await drop(kept, client, this.#options.results).catch(() => {});
			return true;
		});
	}

	watch(owner: string, id: string, signal: AbortSignal): AsyncGenerator<Job> {
		// Redis may be away for a while: whoever watches goes on when it is there again.
		const get = async () => {
			for (;;) {
				try {
					return await this.get(owner, id);
				} catch (error) {
					if (!(error instanceof StoreAway) || signal.aborted) throw error;
					await sleep(awayMs, undefined, { ref: false });
				}
			}
		};
		return watchJob(get, { changes: this.#shared.changes, id, lookMs, signal });
	}

	async counts(): Promise<Record<JobState, number>> {
		return await this.#ask(async () => {
			const states = ['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'] as const;
			const counts = await this.#asked.queue.getJobCounts(...states);
			const { waiting = 0, prioritized = 0, delayed = 0, active = 0, completed = 0, failed = 0 } = counts;
			return { queued: waiting + prioritized + delayed, running: active, done: completed, failed };
		});
	}

	work(how: Workshop): JobWorker {
		return new RedisWorker(this.#shared, how);
	}

	async close(): Promise<void> {
		const { client, queue, subscriber } = this.#asked;
		for (const one of [client, subscriber, this.#shared.client]) one.disconnect();
		await Promise.allSettled([queue.close(), this.#shared.queue.close()]);
	}

	/** @throws {StoreAway} while Redis does not answer */
	async #ask<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (cause) {
			// ioredis has no classes or codes for these.
			const isAway = /timed out|isn't writeable|Connection is closed|max retries/.test((cause as Error).message);
			throw isAway || this.#asked.client.status !== 'ready'
				? new StoreAway('Redis does not answer.', { cause })
				: cause;
		}
	}

	async #get(owner: string, id: string): Promise<Job | undefined> {
		const kept = await this.#kept(id);
		return kept?.data.owner === owner ? await this.#job(kept) : undefined;
	}

	async #kept(id: string): Promise<Kept | undefined> {
		return (await this.#asked.queue.getJob(id)) as Kept | undefined;
	}

	async #isRemoved(id: string): Promise<boolean> {
		return (await this.#asked.client.exists(removedKey(id))) === 1;
	}

	async #job(kept: Kept): Promise<Job | undefined> {
		if (await this.#isRemoved(kept.id!)) return undefined;
		const state = await kept.getState();
		// Read again: what it was may have changed before its state was asked for.
		const now = await this.#kept(kept.id!);
		return now && jobOf(now, state, this.#options.explain);
	}
}

/** Takes away a job that nobody paints, with all that is kept of it. */
async function drop(kept: Kept, client: Redis, results: ResultStore): Promise<void> {
	await kept.remove();
	await client.zrem(ownerKey(kept.data.owner), kept.id!);
	await client.del(sentKey(kept), removedKey(kept.id!));
	await results.remove(kept.id!);
}

/** Of a job by its digest: of two that add the same job at once with different requests, each has its own. */
function sentKey({ id, data }: Pick<Kept, 'id' | 'data'>): string {
	return `${prefix}:sent:${id}:${data.digest}`;
}

function ownerKey(owner: string): string {
	return `${prefix}:owner:${owner}`;
}

function removedKey(id: string): string {
	return `${prefix}:removed:${id}`;
}

function idOf(owner: string, key: string): string {
	return createHash('sha256')
		.update(JSON.stringify([owner, key]))
		.digest('hex')
		.slice(0, 32);
}
