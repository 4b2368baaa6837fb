// Redis, by packages that only those install who use it.
import type { Redis } from 'ioredis';
import { Arc2FaceError } from '../../errors.ts';

/** The packages. */
export type Packages = { bullmq: typeof import('bullmq'); Redis: typeof Redis };

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` where they are missing */
export async function loadPackages(): Promise<Packages> {
	try {
		const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
		return { bullmq, Redis };
	} catch (cause) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			'Jobs in Redis need the packages bullmq and ioredis, which are not installed.',
			{
				...{ remedy: 'Run `npm install bullmq@6 ioredis@6`.', details: { option: 'redis' }, cause },
			},
		);
	}
}

/** Connections to one Redis. */
export type Connections = Readonly<{
	/** Whose commands wait while Redis is away, however long: for work. */
	client: Redis;
	/** Whose commands fail then: for requests, whose clients wait. */
	asking: Redis;
	/** For what it tells of its own accord. */
	subscriber: Redis;
}>;

/** So long an answer to a request may take. */
const answerMs = 10_000;

/**
 * @param url - `redis://` or `rediss://`
 * @param onError - told of what goes wrong later
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another address, and where nobody answers at it
 */
export async function connect(
	url: string,
	packages: Packages,
	onError: (error: unknown) => void,
): Promise<Connections> {
	const client = await firstOf(url, packages);
	const subscriber = client.duplicate();
	const asking = client.duplicate({ commandTimeout: answerMs, enableOfflineQueue: false, maxRetriesPerRequest: 1 });
	for (const one of [client, subscriber, asking]) one.on('error', onError);
	await asking.connect().catch(onError); // it goes on trying
	return { client, asking, subscriber };
}

async function firstOf(url: string, { Redis }: Packages): Promise<Redis> {
	if (!/^rediss?:\/\//.test(url)) throw unusable('Expected an address redis://… or rediss://… of Redis.');
	const client = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true });
	let failure: Error | undefined;
	client.on('error', (error: Error) => {
		failure = error;
	});
	try {
		await client.connect();
	} catch (cause) {
		client.disconnect();
		// An address may have a password in it.
		throw unusable(`Redis does not answer: ${(failure ?? (cause as Error)).message}.`, cause);
	}
	return client;
}

function unusable(problem: string, cause?: unknown): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { details: { option: 'redis' }, cause });
}
