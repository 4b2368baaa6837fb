// Paints jobs of Redis, as many at a time as fill batches.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import type { JobImage, JobWorker, Workshop } from '../job.ts';
import { mayPass, mostEndings, paintJob } from '../paint.ts';
import { Reports } from '../reports.ts';
import { Room } from '../room.ts';
import { type Data, type Kept, requestOf } from './data.ts';
import type { Shared } from './shared.ts';

/** So long a worker may be silent before others take its jobs. */
const lockMs = 20_000;
const sweepMs = 60_000;
/** Work stops within a step after it was told to; handing it back takes as long again. */
const closingMs = 10_000;
/** A Redis that refuses is asked again after so long. */
const againMs = 5_000;

type End = 'removed' | 'closing' | 'lost';

/** Why work on a job was stopped. */
class Stopped extends Error {
	readonly end: End;

	constructor(end: End) {
		super(end);
		this.end = end;
	}
}

/** Works on a queue in Redis. */
export class RedisWorker implements JobWorker {
	readonly #shared: Shared;
	readonly #shop: Workshop;
	readonly #worker: Promise<Worker<Data, JobImage[]> | undefined>;
	readonly #onError: (error: unknown) => void;
	#bull: Worker<Data, JobImage[]> | undefined;
	#isClosing = false;
	readonly #room: Room;
	readonly #running = new Map<string, AbortController>();
	readonly #sweeper: NodeJS.Timeout;
	readonly #stop = (id: string, end: End) => this.#running.get(id)?.abort(new Stopped(end));
	readonly #remove = (id: string) => this.#stop(id, 'removed');

	constructor(shared: Shared, shop: Workshop) {
		this.#shared = shared;
		this.#shop = shop;
		this.#room = new Room(shop.images);
		this.#onError = shop.onError ?? (() => {});
		this.#worker = this.#start();
		shared.changes.on('removed', this.#remove);
		const sweep = () => void this.#sweep().catch(this.#onError);
		this.#sweeper = setInterval(sweep, sweepMs);
		sweep();
	}

	async close(graceMs: number): Promise<void> {
		clearInterval(this.#sweeper);
		const timer = setTimeout(() => {
			for (const id of this.#running.keys()) this.#stop(id, 'closing');
		}, graceMs);
		this.#isClosing = true;
		const closed = this.#worker.then((worker) => worker?.close());
		// Where Redis is away, there is nobody to hand anything back to.
		await Promise.race([closed, sleep(graceMs + closingMs, undefined, { ref: false })]).catch(this.#onError);
		clearTimeout(timer);
		this.#shared.changes.off('removed', this.#remove);
	}

	/** Once Redis answers: BullMQ's worker gives up for ever where the first connection fails. */
	async #start(): Promise<Worker<Data, JobImage[]> | undefined> {
		const { packages, client, names } = this.#shared;
		const onError = this.#onError;
		while (!(await this.#isThere())) await sleep(againMs, undefined, { ref: false });
		if (this.#isClosing) return undefined;
		const paint = async (job: unknown, token: string | undefined) => await this.#paint(job as Kept, token!);
		const worker = new packages.bullmq.Worker<Data, JobImage[]>(names.name, paint, {
			connection: client as never,
			prefix: names.prefix,
			concurrency: 1,
			lockDuration: lockMs,
			stalledInterval: lockMs / 4,
			maxStalledCount: mostEndings,
		});
		this.#bull = worker;
		worker.on('error', onError);
		worker.on('lockRenewalFailed', (ids) => {
			for (const id of ids) this.#stop(id, 'lost');
		});
		const ended = (job: unknown) => void this.#ended(job as Kept | undefined).catch(onError);
		worker.on('completed', ended).on('failed', ended);
		return worker;
	}

	/** Whether Redis takes commands, or nobody needs it any more. */
	async #isThere(): Promise<boolean> {
		try {
			await this.#shared.client.ping();
			return true;
		} catch (error) {
			this.#onError(error);
			return this.#isClosing;
		}
	}

	async #paint(job: Kept, token: string): Promise<JobImage[]> {
		const { WaitingError, UnrecoverableError } = this.#shared.packages.bullmq;
		const id = job.id!;
		const stop = new AbortController();
		this.#running.set(id, stop);
		const reports = new Reports(async (progress, images) => {
			await job.updateProgress({ progress, images });
			await this.#shared.tell(id);
		});
		let leave = () => {};
		try {
			if (await this.#shared.isRemoved(id)) throw new UnrecoverableError('removed');
			leave = await this.#enter(job, stop);
			await this.#shared.tell(id);
			const sent = await this.#shared.client.get(this.#shared.sentKey(job));
			if (sent === null) throw new Error('what was sent with it is gone');
			const asked = { id, of: job.data.images, request: requestOf(sent) };
			return await paintJob(asked, this.#shop, { signal: stop.signal, report: reports.add });
		} catch (error) {
			if (stop.signal.reason instanceof Stopped && stop.signal.reason.end === 'closing') {
				await job.moveToWait(token);
				throw new WaitingError();
			}
			if (stop.signal.aborted) throw new UnrecoverableError(String(stop.signal.reason));
			const problem = JSON.stringify(this.#shop.explain(error));
			if (!mayPass(error)) throw new UnrecoverableError(problem);
			this.#onError(error);
			throw new Error(problem);
		} finally {
			leave();
			this.#running.delete(id);
			this.#takeAsFits();
			await reports.end();
		}
	}

	/** Waits for room. */
	async #enter({ data }: Kept, stop: AbortController): Promise<() => void> {
		const entering = this.#room.enter(data.images, stop.signal);
		this.#takeAsFits();
		const leave = await entering;
		if (this.#isClosing) stop.abort(new Stopped('closing'));
		this.#takeAsFits();
		return leave;
	}

	/** Has BullMQ take one job more than are worked on while there is room, so that those that would only wait stay for other workers. */
	#takeAsFits(): void {
		const bull = this.#bull;
		if (bull === undefined || this.#isClosing) return;
		const most = Math.max(1, this.#running.size + (this.#room.isOpen ? 1 : 0));
		const isMore = most > bull.concurrency;
		bull.concurrency = most;
		// It looks at that only after something has happened.
		if (isMore) void bull.pause(true).then(() => bull.resume());
	}

	/** What was sent with a job is taken away with its end, and the job where that was asked for. */
	async #ended(job: Kept | undefined): Promise<void> {
		if (job?.id === undefined) return;
		if (await this.#shared.isRemoved(job.id)) await this.#shared.drop(job);
		else if ((await job.isCompleted()) || (await job.isFailed())) await this.#strip(job);
		await this.#shared.tell(job.id);
	}

	async #strip(job: Kept): Promise<void> {
		await this.#shared.client.del(this.#shared.sentKey(job));
	}

	/** Takes away old jobs, and what was sent with those whose worker ended before it could. */
	async #sweep(): Promise<void> {
		const { queue, keepMs, drop } = this.#shared;
		const ended = (await queue.getJobs(['completed', 'failed'], 0, 200, true)) as Kept[];
		for (const job of ended) {
			if (job?.id === undefined) continue;
			if (Date.now() - (job.finishedOn ?? Date.now()) > keepMs || (await this.#shared.isRemoved(job.id)))
				await drop(job);
		}
		for (const job of (await queue.getJobs(['completed', 'failed'], 0, 200, false)) as Kept[]) {
			if (job?.id !== undefined) await this.#strip(job);
		}
	}
}
