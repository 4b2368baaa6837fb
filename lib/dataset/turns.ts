// Who may work, of those who wait: at most so many at once, and the first in order before the others.

type Waiting = { order: number; begin: () => void; leave: () => void };

/** A limit on work in progress. Turns go by the order that is asked with, then first come, first served. */
export class Turns {
	#free: number;
	readonly #waiting: Waiting[] = [];
	/** Those who wait for the line to be short. */
	readonly #watchers: { most: number; tell: () => void }[] = [];

	/** @param atOnce - at least 1 */
	constructor(atOnce: number) {
		this.#free = atOnce;
	}

	/**
	 * @param order - lower comes first
	 * @returns ends the turn; any number of times
	 * @throws the signal's reason
	 */
	async take(order: number, signal: AbortSignal): Promise<() => void> {
		signal.throwIfAborted();
		if (this.#free > 0) this.#free--;
		else await this.#wait(order, signal);
		let ended = false;
		return () => {
			if (ended) return;
			ended = true;
			this.#next();
		};
	}

	/** Waits until fewer than `most` wait for their turn. @throws the signal's reason */
	async shorterThan(most: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		if (this.#waiting.length < most) return;
		await abortable(signal, (resolve) => {
			const watcher = { most, tell: resolve };
			this.#watchers.push(watcher);
			return () => remove(this.#watchers, watcher);
		});
	}

	async #wait(order: number, signal: AbortSignal): Promise<void> {
		await abortable(signal, (resolve) => {
			const waiting: Waiting = { order, begin: resolve, leave: () => remove(this.#waiting, waiting) };
			const place = this.#waiting.findIndex((other) => other.order > order);
			this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, waiting);
			return waiting.leave;
		});
	}

	#next(): void {
		const next = this.#waiting.shift();
		if (next === undefined) this.#free++;
		else next.begin();
		for (const watcher of this.#watchers.filter(({ most }) => this.#waiting.length < most)) {
			remove(this.#watchers, watcher);
			watcher.tell();
		}
	}
}

/** @param start - arranges that `resolve` is called, and returns what undoes that */
function abortable(signal: AbortSignal, start: (resolve: () => void) => () => void): Promise<void> {
	return new Promise((resolve, reject) => {
		const abort = () => {
			leave();
			reject(signal.reason);
		};
		const leave = start(() => {
			signal.removeEventListener('abort', abort);
			resolve();
		});
		signal.addEventListener('abort', abort, { once: true });
	});
}

function remove<T>(list: T[], item: T): void {
	const place = list.indexOf(item);
	if (place >= 0) list.splice(place, 1);
}
