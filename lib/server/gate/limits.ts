// How much a server takes at once and in time, from everybody together; what one request may ask for is in ../limits.ts.
import { check, integer, number, type Rule } from '../../options/check.ts';
import { type ClientLimits, clientRules } from '../clients/client.ts';

/** How much a server takes; of the first two, each client without limits of its own. */
export type GateLimits = ClientLimits & {
	/** Images that are painted or wait, at most (default 256). */
	imagesInFlight?: number | undefined;
	/** Bytes of bodies, photos and images in memory at once (default: a quarter of what is available when the server starts). */
	memoryBytes?: number | undefined;
	/** Bytes that stay available on the machine, or in the container (default 256 MiB). */
	spareBytes?: number | undefined;
	/** Seconds in which a request has to arrive (default 60). */
	requestSeconds?: number | undefined;
	/** Seconds for which an idle connection stays open (default 72: longer than that of usual load balancers). */
	idleSeconds?: number | undefined;
	/** Seconds that the work of one request may take, its waiting included (default 600). */
	paintingSeconds?: number | undefined;
};

const seconds = number(0.001, 86_400);
const bytes = integer(1, Number.MAX_SAFE_INTEGER);

const limitRules: Readonly<Record<keyof GateLimits, Rule>> = {
	requestsPerMinute: clientRules.requestsPerMinute,
	imagesPerDay: clientRules.imagesPerDay,
	imagesInFlight: integer(1, 1_000_000),
	memoryBytes: bytes,
	spareBytes: integer(0, Number.MAX_SAFE_INTEGER),
	requestSeconds: seconds,
	idleSeconds: seconds,
	paintingSeconds: seconds,
};

/** Even a small machine takes some requests. */
const leastMemoryBytes = 256 * 2 ** 20;

/** With the defaults; by default, nothing limits requests a minute and images a day. */
export type ResolvedLimits = ClientLimits & {
	readonly [Name in Exclude<keyof GateLimits, keyof ClientLimits>]: number;
};

/**
 * @param availableBytes - of memory, now
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolveLimits(limits: GateLimits, availableBytes: number): ResolvedLimits {
	check('portraitServer', limits, limitRules, 'gate.');
	const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
	return {
		...{ imagesInFlight: 256, spareBytes: 256 * 2 ** 20 },
		memoryBytes: Math.max(leastMemoryBytes, Math.floor(availableBytes / 4)),
		...{ requestSeconds: 60, idleSeconds: 72, paintingSeconds: 600 },
		...(given as ClientLimits),
	};
}
