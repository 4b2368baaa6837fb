// Which of several models does what: the one with the least to do, of those that are not lost.
import { isDeviceLost } from '../errors.ts';

/** Shares out work, and takes it back from who is lost. */
export class Turns<Worker> {
	/** How much each has to do. */
	readonly #load: Map<Worker, number>;
	readonly #lost = new Set<Worker>();

	/** @param workers - at least one; of several with as much to do the first is next */
	constructor(workers: readonly Worker[]) {
		this.#load = new Map(workers.map((worker) => [worker, 0]));
	}

	/**
	 * Has a worker do `work`. If the worker's device is lost before any of the work was done, another does it.
	 *
	 * @param size - of the work
	 * @param work - calls `done` for each part of it that it has handed out
	 */
	async give<T>(size: number, work: (worker: Worker, done: () => void) => Promise<T>): Promise<T> {
		for (;;) {
			const worker = this.#next();
			let left = size;
			this.#add(worker, size);
			const done = () => {
				left -= 1;
				this.#add(worker, -1);
			};
			try {
				return await work(worker, done);
			} catch (error) {
				if (!isDeviceLost(error)) throw error;
				this.#lost.add(worker);
				if (left < size || this.#lost.size === this.#load.size) throw error;
			} finally {
				this.#add(worker, -left);
			}
		}
	}

	/** If all are lost, one of them says so. */
	#next(): Worker {
		const all = [...this.#load.keys()];
		const able = all.filter((worker) => !this.#lost.has(worker));
		const load = (worker: Worker) => this.#load.get(worker)!;
		return (able.length > 0 ? able : all).reduce((least, other) => (load(other) < load(least) ? other : least));
	}

	#add(worker: Worker, size: number): void {
		this.#load.set(worker, this.#load.get(worker)! + size);
	}
}
