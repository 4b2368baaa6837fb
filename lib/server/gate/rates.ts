// Requests a minute and images a day, counted for every client by itself.
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { ClientLimits } from '../clients/client.ts';
import { ServerError } from '../problem.ts';

/** Who is counted: a client, or the address of one without a name. */
export type Counted = Readonly<{ who: string; limits: ClientLimits }>;

/** Headers of draft-ietf-httpapi-ratelimit-headers, in the form that clients know: seconds until `Reset`. */
export type RateHeaders = Readonly<Record<string, string>>;

export class Rates {
	readonly #usual: ClientLimits;
	readonly #requests = counter(60);
	readonly #images = counter(86_400);

	/** @param usual - for clients that have no limits of their own */
	constructor(usual: ClientLimits) {
		this.#usual = usual;
	}

	/** Counts a request. @returns headers of the answer @throws {ServerError} `RATE_LIMITED` */
	async takeRequest({ who, limits }: Counted): Promise<RateHeaders> {
		const most = limits.requestsPerMinute ?? this.#usual.requestsPerMinute;
		if (most === undefined) return {};
		const counted = await this.#requests.penalty(who, 1);
		const headers = headersOf(most, counted);
		if (counted.consumedPoints <= most) return headers;
		const wait = secondsLeft(counted);
		throw new ServerError('RATE_LIMITED', `Expected at most ${most} requests in a minute but received more.`, {
			remedy: `Try again in ${wait} s.`,
			headers: { ...headers, 'retry-after': String(wait) },
		});
	}

	/**
	 * Counts images, before they are painted.
	 *
	 * @returns takes some back, which were not painted
	 * @throws {ServerError} `QUOTA_EXCEEDED`; `FORBIDDEN` for a client that has none a day; then none are counted
	 */
	async takeImages({ who, limits }: Counted, images: number): Promise<(unpainted: number) => void> {
		const most = limits.imagesPerDay ?? this.#usual.imagesPerDay;
		if (most === 0) {
			throw new ServerError('FORBIDDEN', 'Expected a key that may have images but received one that may only look.', {
				remedy: 'Use another key, or have this one made with --images-per-day.',
			});
		}
		if (most === undefined || images === 0) return () => {};
		const counted = await this.#images.penalty(who, images);
		const endOfDay = Date.now() + counted.msBeforeNext;
		const takeBack = (unpainted: number) => {
			// Of a day that is over, nothing is left to take back.
			if (unpainted > 0 && Date.now() < endOfDay) void this.#images.reward(who, unpainted);
		};
		if (counted.consumedPoints <= most) return takeBack;
		takeBack(images);
		const left = most - (counted.consumedPoints - images);
		const wait = secondsLeft(counted);
		throw new ServerError(
			'QUOTA_EXCEEDED',
			`Expected at most ${most} images in a day, of which ${left} are left, but received a request for ${images}.`,
			{
				remedy: left > 0 ? `Ask for ${left} at most, or try again in ${wait} s.` : `Try again in ${wait} s.`,
				headers: { 'retry-after': String(wait) },
			},
		);
	}
}

/** It counts; what is too much differs between clients, and changes when keys are read again. */
function counter(duration: number): RateLimiterMemory {
	return new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration });
}

function headersOf(most: number, counted: RateLimiterRes): RateHeaders {
	return {
		'ratelimit-limit': String(most),
		'ratelimit-remaining': String(Math.max(0, most - counted.consumedPoints)),
		'ratelimit-reset': String(secondsLeft(counted)),
	};
}

function secondsLeft({ msBeforeNext }: RateLimiterRes): number {
	return Math.max(1, Math.ceil(msBeforeNext / 1000));
}
