// How much a server takes: its limits, what they are by default, and which values they may have.
import { check, integer, number, type Rule } from '../../options/check.ts';
import { type ClientLimits, clientRules } from '../clients/client.ts';

/** All of a server, for all clients together, unless a line says otherwise. */
export type ServerLimits = ClientLimits & {
	/** Images that are painted or wait, at most (default 256). */
	imagesInFlight?: number | undefined;
	/** Images of one request (default 16). */
	imagesPerRequest?: number | undefined;
	/** Bytes of bodies, photos and images in memory at once (default: a quarter of what is available when the server starts). */
	memoryBytes?: number | undefined;
	/** Bytes that stay available on the machine, or in the container (default 256 MiB). */
	spareBytes?: number | undefined;
	/** Bytes of one body (default 32 MiB). */
	bodyBytes?: number | undefined;
	/** Pixels of one photo (default 50 million). */
	photoPixels?: number | undefined;
	/** Seconds in which a request has to arrive (default 60). */
	requestSeconds?: number | undefined;
	/** Seconds for which an idle connection stays open (default 72: longer than that of usual load balancers). */
	idleSeconds?: number | undefined;
	/** Seconds that the work of one request may take, its waiting included (default 600). */
	paintingSeconds?: number | undefined;
};

const seconds = number(0.001, 86_400);
const bytes = integer(1, Number.MAX_SAFE_INTEGER);

const limitRules: Readonly<Record<keyof ServerLimits, Rule>> = {
	requestsPerMinute: clientRules.requestsPerMinute,
	imagesPerDay: clientRules.imagesPerDay,
	imagesInFlight: integer(1, 1_000_000),
	imagesPerRequest: integer(1, 10_000),
	memoryBytes: bytes,
	spareBytes: integer(0, Number.MAX_SAFE_INTEGER),
	bodyBytes: bytes,
	photoPixels: integer(1, 1_000_000_000),
	requestSeconds: seconds,
	idleSeconds: seconds,
	paintingSeconds: seconds,
};

/** Even a small machine takes some requests. */
const leastMemoryBytes = 256 * 2 ** 20;

/** With the defaults; by default, nothing limits requests a minute and images a day. */
export type ResolvedLimits = ClientLimits & {
	readonly [Name in Exclude<keyof ServerLimits, keyof ClientLimits>]: number;
};

/**
 * @param availableBytes - of memory, now
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolveLimits(limits: ServerLimits, availableBytes: number): ResolvedLimits {
	check('portraitServer', limits, limitRules, 'limits.');
	const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
	return {
		...{ imagesInFlight: 256, imagesPerRequest: 16, spareBytes: 256 * 2 ** 20 },
		memoryBytes: Math.max(leastMemoryBytes, Math.floor(availableBytes / 4)),
		...{ bodyBytes: 32 * 2 ** 20, photoPixels: 50e6 },
		...{ requestSeconds: 60, idleSeconds: 72, paintingSeconds: 600 },
		...(given as ClientLimits),
	};
}
