// How a server runs on the command line: its limits as options, where it listens, how it ends, and what it tells.
import type { FastifyInstance } from 'fastify';
import { Arc2FaceError, problemOf } from '../errors.ts';
import { check, integer, number } from '../options/check.ts';
import { clientRules } from '../server/clients/client.ts';
import type { GateLimits } from '../server/gate/limits.ts';
import type { Limits } from '../server/limits.ts';
import type { Context, OptionValues } from './command.ts';

export const limitOptions = {
	requestsPerMinute: { type: 'number', value: 'N', help: 'requests of a client (default: any number)' },
	imagesPerDay: { type: 'number', value: 'N', help: 'images of a client, counted in memory (default: any number)' },
	imagesPerRequest: { type: 'number', value: 'N', help: 'images of one request (default: 64)' },
	imagesInFlight: {
		type: 'number',
		value: 'N',
		help: 'images that are painted or wait; then it is busy (default: 256)',
	},
	memory: {
		type: 'number',
		value: 'MB',
		help: 'of bodies, photos and images; then it is busy (default: a quarter of what is available)',
	},
	spareMemory: { type: 'number', value: 'MB', help: 'that stay available; else it is busy (default: 268)' },
	body: { type: 'number', value: 'MB', help: 'of a request (default: 33.6)' },
	photo: { type: 'number', value: 'MEGAPIXELS', help: 'of a photo (default: 50)' },
	requestTimeout: { type: 'number', value: 'SECONDS', help: 'in which a request has to arrive (default: 60)' },
	idleTimeout: { type: 'number', value: 'SECONDS', help: 'after which an idle connection is closed (default: 72)' },
	paintingTimeout: { type: 'number', value: 'SECONDS', help: 'that the work of a request may take (default: 600)' },
} as const;

const million = 1e6;
const megabytes = number(0.001, 1e9);
const seconds = number(0.001, 86_400);
const limitRules = {
	...{ requestsPerMinute: clientRules.requestsPerMinute, imagesPerDay: clientRules.imagesPerDay },
	...{ imagesPerRequest: integer(1, 100_000), imagesInFlight: integer(1, 1_000_000) },
	...{ memory: megabytes, spareMemory: number(0, 1e9), body: megabytes, photo: number(0.001, 10_000) },
	...{ requestTimeout: seconds, idleTimeout: seconds, paintingTimeout: seconds },
};

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` */
export function limitsOf(values: Readonly<OptionValues<typeof limitOptions>>): {
	request: Partial<Limits>;
	gate: GateLimits;
} {
	const names = Object.keys(limitRules) as (keyof typeof limitRules)[];
	check('serve', Object.fromEntries(names.map((name) => [name, values[name]])), limitRules);
	const { requestsPerMinute, imagesPerDay, imagesPerRequest, imagesInFlight, memory, spareMemory } = values;
	const { body, photo, requestTimeout, idleTimeout, paintingTimeout } = values;
	const millions = (value: number | undefined) => value && Math.round(value * million);
	const given = { bodyBytes: millions(body), photoPixels: millions(photo), images: imagesPerRequest };
	return {
		request: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
		gate: {
			...{ requestsPerMinute, imagesPerDay, imagesInFlight },
			...{ memoryBytes: millions(memory), spareBytes: millions(spareMemory) },
			...{ requestSeconds: requestTimeout, idleSeconds: idleTimeout, paintingSeconds: paintingTimeout },
		},
	};
}

/**
 * @returns the address, as a browser takes it
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` where it can't listen
 */
export async function listening(app: FastifyInstance, where: { host: string; port: number }): Promise<string> {
	try {
		return await app.listen({ ...where, listenTextResolver: (address) => `Listening on ${address}` });
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		const isTaken = code === 'EADDRINUSE';
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`Could not listen on ${where.host}, port ${where.port}: ${isTaken ? 'another program does' : problemOf(cause)}.`,
			{
				remedy: isTaken || code === 'EACCES' ? 'Choose another with --port.' : undefined,
				details: { option: isTaken || code === 'EACCES' ? 'port' : 'host' },
				cause,
			},
		);
	}
}

/** Aborts when the process is told to end, by the user or by whatever runs it; told twice, it ends at once. */
export function endOf(interruption: AbortSignal): Disposable & { signal: AbortSignal } {
	const termination = new AbortController();
	const terminate = () => termination.abort();
	process.once('SIGTERM', terminate); // the second finds no listener
	return {
		signal: AbortSignal.any([interruption, termination.signal]),
		[Symbol.dispose]: () => process.off('SIGTERM', terminate),
	};
}

/** What a server tells besides its requests: sentences for people, or lines of its log. */
export function tellingOf(log: (text: string) => void, context: Context, json: boolean): Context {
	if (!json) return context;
	return { ...context, note: log, progress() {} };
}

/** That the keys were read again, or why the old ones stay. */
export function tellKeys(app: FastifyInstance, result: { keys: number } | { error: unknown }): void {
	if ('keys' in result) app.log.info({ keys: result.keys }, 'keys read again');
	else app.log.error({ problem: problemOf(result.error) }, 'keys not read, the old ones stay');
}
