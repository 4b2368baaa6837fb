// Paints the jobs of a file, as many at a time as fill batches.
import type { JobImage, JobWorker, Workshop } from '../job.ts';
import { mayPass, mostEndings, mostFailures, paintJob } from '../paint.ts';
import { Reports } from '../reports.ts';
import type { Claimed, Claims } from './claims.ts';

/** How often it looks for jobs of silent processes, and says that it lives. */
const turnMs = 2_000;
/** How often it takes away old jobs. */
const sweepMs = 3_600_000;

type Running = { images: number; stop: AbortController; ended: Promise<void> };

/** Why work on a job was stopped. */
class Stopped extends Error {}

/** Works on an embedded queue. */
export class EmbeddedWorker implements JobWorker {
	readonly #queue: Claims;
	readonly #shop: Workshop;
	readonly #running = new Map<string, Running>();
	readonly #timer: NodeJS.Timeout;
	readonly #sweeper: NodeJS.Timeout;
	readonly #look = () => void this.#take();
	readonly #drop = (id: string) => this.#running.get(id)?.stop.abort(new Stopped());
	/** Undefined: it takes none at the moment. */
	#taking: Promise<void> | undefined;
	#isAskedAgain = false;
	#isClosing = false;

	constructor(queue: Claims, shop: Workshop) {
		this.#queue = queue;
		this.#shop = shop;
		this.#timer = setInterval(() => void this.#turn(), turnMs);
		queue.changes.on('added', this.#look).on('removed', this.#drop);
		this.#look();
		const sweep = () => void queue.sweep().catch((error: unknown) => shop.onError?.(error));
		this.#sweeper = setInterval(sweep, sweepMs);
		sweep();
	}

	async close(graceMs: number): Promise<void> {
		this.#isClosing = true;
		this.#queue.changes.off('added', this.#look);
		await this.#taking; // what it takes meanwhile is waited for, too
		const all = Promise.all([...this.#running.values()].map(({ ended }) => ended));
		const timer = setTimeout(() => {
			for (const { stop } of this.#running.values()) stop.abort(new Stopped());
		}, graceMs);
		await all;
		clearTimeout(timer);
		clearInterval(this.#timer);
		clearInterval(this.#sweeper);
		this.#queue.changes.off('removed', this.#drop);
	}

	/** Begins what waits, as long as there is room. */
	async #take(): Promise<void> {
		this.#isAskedAgain = true;
		if (this.#taking === undefined) {
			this.#taking = this.#takeWhileAsked().then(() => {
				this.#taking = undefined;
				if (this.#isAskedAgain && !this.#isClosing) this.#look();
			});
		}
		await this.#taking;
	}

	async #takeWhileAsked(): Promise<void> {
		try {
			while (this.#isAskedAgain && !this.#isClosing) {
				this.#isAskedAgain = false;
				const taken = [...this.#running.values()].reduce((sum, { images }) => sum + images, 0);
				const room = this.#shop.images - taken;
				if (room > 0) for (const job of await this.#queue.claim(room)) this.#begin(job);
			}
		} catch (error) {
			this.#isAskedAgain = false; // the next turn tries again
			this.#shop.onError?.(error);
		}
	}

	async #turn(): Promise<void> {
		try {
			const ids = [...this.#running.keys()];
			if (ids.length > 0) {
				const own = await this.#queue.renew(ids);
				for (const id of ids) if (!own.has(id)) this.#drop(id);
			}
			await this.#take();
		} catch (error) {
			this.#shop.onError?.(error);
		}
	}

	#begin(job: Claimed): void {
		const stop = new AbortController();
		const ended = this.#paint(job, stop.signal)
			.catch((error: unknown) => this.#shop.onError?.(error)) // its lease runs out, and it is begun again
			.finally(() => {
				this.#running.delete(job.id);
				this.#look();
			});
		this.#running.set(job.id, { images: job.of, stop, ended });
	}

	async #paint(job: Claimed, signal: AbortSignal): Promise<void> {
		if (job.attempts - job.failures > mostEndings) {
			const error = new Error(`its process ended ${mostEndings} times while it was painted`);
			return await this.#queue.end(job.id, { state: 'failed', problem: this.#shop.explain(error) });
		}
		const reports = new Reports((...report) => this.#queue.report(job.id, ...report));
		let images: JobImage[];
		try {
			images = await paintJob(job, this.#shop, { signal, report: reports.add });
		} catch (error) {
			await reports.end();
			if (signal.aborted) return await this.#queue.end(job.id, { state: 'queued', afterMs: 0, hasFailed: false });
			if (mayPass(error) && job.failures + 1 < mostFailures) {
				this.#shop.onError?.(error);
				const afterMs = 1000 * 2 ** job.failures;
				return await this.#queue.end(job.id, { state: 'queued', afterMs, hasFailed: true });
			}
			return await this.#queue.end(job.id, { state: 'failed', problem: this.#shop.explain(error) });
		}
		await reports.end();
		await this.#queue.end(job.id, { state: 'done', images });
	}
}
