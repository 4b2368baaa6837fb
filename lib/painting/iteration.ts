// An iterator over what a call hands out while it works.

/** Gives each item as soon as it is there, and stops when `signal` aborts. What it throws ends the iteration. */
export type Work<T> = (give: (item: T) => void, signal: AbortSignal) => Promise<void>;

type Next<T> = IteratorResult<T, void>;
type Waiter<T> = { resolve: (next: Next<T>) => void; reject: (error: unknown) => void };

/**
 * Iterates over what `work` gives, in that order; `work` begins, at once, with the first `next()`, and what it gives waits for the
 * consumer, however much that is. Who leaves the loop stops the work. A failure of the work, or an abort of `signal`, comes after the
 * items that were given before, and only to a consumer who asks on.
 *
 * A generator function would do all that, except that its `return()` waits for a `next()` that is pending: for the next item.
 */
export function iterate<T>(work: Work<T>, signal: AbortSignal | undefined): AsyncGenerator<T, void, void> {
	return new Iteration(work, signal);
}

class Iteration<T> implements AsyncGenerator<T, void, void> {
	readonly #work: Work<T>;
	readonly #signal: AbortSignal | undefined;
	readonly #stop = new AbortController();
	/** Given, and not asked for yet; empty while somebody waits. */
	readonly #items: T[] = [];
	readonly #waiters: Waiter<T>[] = [];
	/** Never rejects; undefined before the work has begun. */
	#working: Promise<void> | undefined;
	#hasEnded = false;
	/** Of the work, until somebody is told. */
	#failure: { error: unknown } | undefined;

	constructor(work: Work<T>, signal: AbortSignal | undefined) {
		this.#work = work;
		this.#signal = signal;
	}

	async next(): Promise<Next<T>> {
		if (!this.#hasEnded) this.#working ??= this.#begin();
		if (this.#items.length > 0) return { done: false, value: this.#items.shift()! };
		if (!this.#hasEnded) return await new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
		const failure = this.#failure;
		this.#failure = undefined;
		if (failure !== undefined) throw failure.error;
		return { done: true, value: undefined };
	}

	async return(): Promise<Next<T>> {
		this.#end(undefined);
		this.#items.length = 0;
		this.#failure = undefined;
		this.#stop.abort();
		await this.#working;
		return { done: true, value: undefined };
	}

	async throw(error: unknown): Promise<Next<T>> {
		await this.return();
		throw error;
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	/** For `await using`. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.return();
	}

	async #begin(): Promise<void> {
		const abort = () => this.#stop.abort(this.#signal?.reason);
		let failure: { error: unknown } | undefined;
		try {
			this.#signal?.throwIfAborted();
			this.#signal?.addEventListener('abort', abort, { once: true });
			await this.#work((item) => this.#give(item), this.#stop.signal);
		} catch (error) {
			failure = { error };
		}
		this.#signal?.removeEventListener('abort', abort);
		this.#end(failure);
	}

	#give(item: T): void {
		if (this.#hasEnded) return;
		const waiter = this.#waiters.shift();
		if (waiter === undefined) this.#items.push(item);
		else waiter.resolve({ done: false, value: item });
	}

	#end(failure: { error: unknown } | undefined): void {
		if (this.#hasEnded) return;
		this.#hasEnded = true;
		const [first, ...others] = this.#waiters.splice(0);
		if (failure === undefined) first?.resolve({ done: true, value: undefined });
		else if (first === undefined) this.#failure = failure;
		else first.reject(failure.error);
		for (const waiter of others) waiter.resolve({ done: true, value: undefined });
	}
}
