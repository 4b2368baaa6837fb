// The end of a server: no new work, what is in progress finishes within a limit, and the rest is stopped.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerError } from './problem.ts';

/** Work stops within a step after it was told to; what has not by then is left. */
const stoppingMs = 10_000;

export class Shutdown {
	readonly #stop = new AbortController();
	readonly #change = new EventTarget();
	#working = 0;
	readonly #begin = new AbortController();

	/** Whether the server takes no new work. */
	get hasBegun(): boolean {
		return this.#begin.signal.aborted;
	}

	/** Aborts with its beginning: what would go on for ever ends now. */
	get begun(): AbortSignal {
		return this.#begin.signal;
	}

	/** Aborts the work of requests that did not finish in time. */
	get signal(): AbortSignal {
		return this.#stop.signal;
	}

	/** Requests that are worked on. */
	get working(): number {
		return this.#working;
	}

	/** @throws {ServerError} `UNAVAILABLE` once it has begun */
	requireNone(): void {
		if (this.hasBegun) throw shutsDown();
	}

	/**
	 * A request begins to be worked on.
	 *
	 * @returns says that it was answered; a second call does nothing
	 * @throws {ServerError} `UNAVAILABLE`
	 */
	enter(): () => void {
		this.requireNone();
		this.#working += 1;
		let isHeld = true;
		return () => {
			if (!isHeld) return;
			isHeld = false;
			this.#working -= 1;
			if (this.#working === 0) this.#change.dispatchEvent(new Event('idle'));
		};
	}

	/** @returns whether all work was finished, none of it stopped */
	async begin(graceSeconds: number): Promise<boolean> {
		this.#begin.abort(shutsDown());
		if (await this.#isIdleWithin(graceSeconds * 1000)) return true;
		this.#stop.abort(shutsDown());
		await this.#isIdleWithin(stoppingMs);
		return false;
	}

	async #isIdleWithin(ms: number): Promise<boolean> {
		if (this.#working === 0) return true;
		const settled = new AbortController();
		const { signal } = settled;
		const idle = once(this.#change, 'idle', { signal }).then(() => true);
		const late = sleep(ms, false, { signal });
		try {
			return await Promise.race([idle, late]);
		} finally {
			settled.abort();
			await Promise.allSettled([idle, late]);
		}
	}
}

function shutsDown(): ServerError {
	return new ServerError('UNAVAILABLE', 'The server shuts down.', {
		remedy: 'Try again in a while, or elsewhere.',
		headers: { 'retry-after': '5', connection: 'close' },
	});
}
