// Jobs in Redis, by BullMQ: any number of servers add them, any number of workers paint them.
import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import type { Added, Job, JobFilter, JobImage, JobQueue, JobState, JobWorker, NewJob, Workshop } from '../job.ts';
import { mostFailures } from '../paint.ts';
import type { JsonObject } from '../request.ts';
import { digestOf, otherRequest, seeded } from '../requests.ts';
import type { ResultStore } from '../results.ts';
import { watchJob } from '../watch.ts';
import { connect, loadPackages } from './connection.ts';
import { bullPriority, type Data, filesOf, jobOf, type Kept } from './data.ts';
import type { Shared } from './shared.ts';
import { RedisWorker } from './worker.ts';

/** Of all keys. */
const prefix = 'arc2face';
const name = 'jobs';
/** A change that was not told, such as that of a worker that was killed, is seen after so long. */
const lookMs = 5_000;
/** So long it is known that a job was taken away while it was painted. */
const removedSeconds = 7 * 24 * 3600;
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

/** Keeps jobs in Redis. */
export class RedisQueue implements JobQueue {
	readonly #options: RedisOptions;
	readonly #shared: Shared;
	readonly #subscriber: Redis;

	private constructor(options: RedisOptions, shared: Shared, subscriber: Redis) {
		this.#options = options;
		this.#shared = shared;
		this.#subscriber = subscriber;
	}

	/** @throws {Arc2FaceError} `INVALID_ARGUMENT` where the packages are missing or nobody answers */
	static async open(options: RedisOptions): Promise<RedisQueue> {
		const packages = await loadPackages();
		const client = await connect(options.url, packages);
		const onError = options.onError ?? (() => {});
		client.on('error', onError);
		const subscriber = client.duplicate();
		subscriber.on('error', onError);
		const changes = new EventEmitter().setMaxListeners(0);
		subscriber.on('message', (_channel: string, message: string) => {
			const id = message.slice(1);
			if (message.startsWith('-')) changes.emit('removed', id);
			changes.emit(id);
		});
		await subscriber.subscribe(`${prefix}:changes`);
		const queue = new packages.bullmq.Queue<Data, JobImage[]>(name, { connection: client, prefix });
		queue.on('error', onError);
		const drop = async (kept: Kept) => {
			await kept.remove();
			await client.zrem(ownerKey(kept.data.owner), kept.id!);
			await options.results.remove(kept.id!);
		};
		const shared: Shared = {
			...{ packages, client, changes, queue: queue as never, drop, names: { prefix, name } },
			keepMs: options.keepDays * 24 * 3600 * 1000,
			tell: async (id) => void (await client.publish(`${prefix}:changes`, `+${id}`)),
			isRemoved: async (id) => (await client.exists(removedKey(id))) === 1,
		};
		return new RedisQueue(options, shared, subscriber);
	}

	async add({ owner, request, priority, images, key }: NewJob): Promise<Added> {
		const { queue, client } = this.#shared;
		const digest = digestOf(request);
		const id = key === undefined ? randomUUID() : idOf(owner, key);
		const known = key === undefined ? undefined : await this.#kept(id);
		if (known === undefined) {
			// Listed first: one that is kept and not listed would never be found.
			await client.zadd(ownerKey(owner), Date.now(), id);
			const data = { owner, digest, priority, images, fields: seeded(request).fields, files: filesOf(request) };
			await queue.add(name, data, {
				...{ jobId: id, priority: bullPriority(priority), attempts: mostFailures },
				backoff: { type: 'exponential', delay: 2_000 },
			});
		}
		// Of two that add the same at once, BullMQ keeps the first.
		const kept = known ?? (await this.#kept(id));
		if (kept !== undefined && kept.data.digest !== digest) throw otherRequest(key!);
		const job = kept && (await this.#job(kept));
		if (job === undefined) throw new Error(`the job ${id} was taken away while it was added`);
		return { job, isNew: known === undefined };
	}

	async get(owner: string, id: string): Promise<Job | undefined> {
		const kept = await this.#kept(id);
		return kept?.data.owner === owner ? await this.#job(kept) : undefined;
	}

	async list(owner: string, { state, limit, after }: JobFilter): Promise<Job[]> {
		const { client } = this.#shared;
		const rank = after === undefined ? -1 : await client.zrevrank(ownerKey(owner), after);
		if (rank === null) return [];
		const jobs: Job[] = [];
		for (let start = rank + 1; jobs.length < limit; start += pageSize) {
			const ids = await client.zrevrange(ownerKey(owner), start, start + pageSize - 1);
			if (ids.length === 0) break;
			const found = await Promise.all(ids.map((id) => this.get(owner, id)));
			jobs.push(...(found.filter((job) => job !== undefined && (state === undefined || job.state === state)) as Job[]));
		}
		return jobs.slice(0, limit);
	}

	async remove(owner: string, id: string): Promise<boolean> {
		const kept = await this.#kept(id);
		if (kept === undefined || kept.data.owner !== owner || (await this.#shared.isRemoved(id))) return false;
		const { client, drop } = this.#shared;
		await client.set(removedKey(id), '1', 'EX', removedSeconds);
		await client.publish(`${prefix}:changes`, `-${id}`);
		// One that is being painted is locked: its worker takes it away, or whoever comes after it.
		await drop(kept).then(
			() => client.del(removedKey(id)),
			() => {},
		);
		return true;
	}

	watch(owner: string, id: string, signal: AbortSignal): AsyncGenerator<Job> {
		return watchJob(() => this.get(owner, id), { changes: this.#shared.changes, id, lookMs, signal });
	}

	async counts(): Promise<Record<JobState, number>> {
		const counts = await this.#shared.queue.getJobCounts(
			'waiting',
			'prioritized',
			'delayed',
			'active',
			'completed',
			'failed',
		);
		const { waiting = 0, prioritized = 0, delayed = 0, active = 0, completed = 0, failed = 0 } = counts;
		return { queued: waiting + prioritized + delayed, running: active, done: completed, failed };
	}

	work(how: Workshop): JobWorker {
		return new RedisWorker(this.#shared, how);
	}

	async close(): Promise<void> {
		await this.#shared.queue.close();
		this.#subscriber.disconnect();
		this.#shared.client.disconnect();
	}

	async #kept(id: string): Promise<Kept | undefined> {
		return (await this.#shared.queue.getJob(id)) as Kept | undefined;
	}

	async #job(kept: Kept): Promise<Job | undefined> {
		if (await this.#shared.isRemoved(kept.id!)) return undefined;
		const state = await kept.getState();
		// Read again: what it was may have changed before its state was asked for.
		const now = await this.#kept(kept.id!);
		return now && jobOf(now, state, this.#options.explain);
	}
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
