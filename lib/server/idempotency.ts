// Answers that a client may ask for again: the same key and the same request replay the answer, and paint nothing.
import { describe } from '../options/check.ts';
import { ServerError } from './problem.ts';

/** An answer as it was sent. */
export type Answer = Readonly<{ status: number; headers: Readonly<Record<string, string>>; body: Uint8Array }>;

/** Either the answer that was given before, or leave to make one. */
export type Begun =
	| { answer: Answer }
	| {
			answer?: never;
			/** Keeps the answer, unless another try might get a better one. */
			finish(answer: Answer): void;
			/** Lets the next request with the key begin anew. Does nothing after `finish`. */
			abandon(): void;
	  };

type Kept = { digest: string; until: number; answer?: Answer; bytes: number };

/** How many are being answered or kept at most, whatever their size. */
const mostKept = 10_000;

/** Refusals that time may change. */
const passing: readonly number[] = [401, 408, 409, 429];

/** In memory: they are gone when the server ends, and where several serve, each has its own. */
export class IdempotentAnswers {
	readonly #most: { bytes: number; seconds: number };
	readonly #now: () => number;
	/** In the order in which they began. */
	readonly #kept = new Map<string, Kept>();
	#bytes = 0;

	/** @param now - a clock of milliseconds */
	constructor(most = { bytes: 128 * 2 ** 20, seconds: 3600 }, now: () => number = () => performance.now()) {
		this.#most = most;
		this.#now = now;
	}

	/**
	 * @param owner - the client and the route: keys of others are other keys
	 * @param key - the header `Idempotency-Key`
	 * @param digest - of the request, see `digestOf`
	 * @throws {ServerError} `CONFLICT` while it is being answered; `UNPROCESSABLE` for the key of another request
	 */
	begin(owner: string, key: string, digest: string): Begun {
		if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
			throw new ServerError(
				'UNPROCESSABLE',
				`Expected 1 to 255 characters without spaces for Idempotency-Key but received ${describe(key)}.`,
			);
		}
		this.#forget();
		const name = `${owner} ${key}`;
		const found = this.#kept.get(name);
		if (found !== undefined && found.digest !== digest) {
			throw new ServerError('UNPROCESSABLE', 'The Idempotency-Key was used for another request.', {
				remedy: 'Make a new key for every new request.',
			});
		}
		if (found?.answer !== undefined) return { answer: found.answer };
		if (found !== undefined) {
			throw new ServerError('CONFLICT', 'The request with this Idempotency-Key is still being answered.', {
				...{ remedy: 'Try again later.', headers: { 'retry-after': '5' } },
			});
		}
		const kept: Kept = { digest, until: Number.POSITIVE_INFINITY, bytes: 0 };
		this.#kept.set(name, kept);
		const abandon = () => {
			if (kept.answer === undefined && this.#kept.get(name) === kept) this.#kept.delete(name);
		};
		return { abandon, finish: (answer) => this.#keep(name, kept, answer, abandon) };
	}

	#keep(name: string, kept: Kept, answer: Answer, abandon: () => void): void {
		if (this.#kept.get(name) !== kept) return;
		const isPassing = answer.status >= 500 || passing.includes(answer.status);
		if (isPassing || answer.body.length > this.#most.bytes) {
			abandon();
			return;
		}
		this.#kept.delete(name); // to the end, as the newest of those that are kept
		this.#kept.set(name, Object.assign(kept, { answer, bytes: answer.body.length }));
		kept.until = this.#now() + this.#most.seconds * 1000;
		this.#bytes += kept.bytes;
		this.#forget();
	}

	/** What is too old, and the oldest of what is too much; never one that is being answered. */
	#forget(): void {
		const now = this.#now();
		for (const [name, kept] of this.#kept) {
			const isTooMuch = this.#bytes > this.#most.bytes || this.#kept.size > mostKept;
			if (kept.answer === undefined || (kept.until > now && !isTooMuch)) continue;
			this.#kept.delete(name);
			this.#bytes -= kept.bytes;
		}
	}
}
