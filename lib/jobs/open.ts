// Where jobs are kept: in a file, or in Redis.
import { EmbeddedQueue } from './embedded/queue.ts';
import type { JobQueue } from './job.ts';
import type { JsonObject } from './request.ts';
import { FolderResults, type ResultStore } from './results.ts';

/** Where jobs and their images are. */
export type JobPlace = Readonly<
	({ file: string } | { redis: string }) & {
		/** A folder for images (default: beside the file), or what keeps them elsewhere. */
		results?: string | ResultStore | undefined;
		/** Days that ended jobs are kept (default 7). */
		keepDays?: number | undefined;
		/** What a client is told of a failure that no worker could tell. */
		explain: (error: unknown) => JsonObject;
		/** Told of what goes wrong with a connection. */
		onError?: ((error: unknown) => void) | undefined;
	}
>;

/** Jobs, and where their images are. */
export type OpenedJobs = Readonly<{ queue: JobQueue; results: ResultStore }>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED`; `LEDGER_DAMAGED` for a damaged file */
export async function openJobs(place: JobPlace): Promise<OpenedJobs> {
	const { keepDays = 7, explain, onError } = place;
	const given = place.results ?? ('file' in place ? `${place.file}-images` : 'job-images');
	const results = typeof given === 'string' ? new FolderResults(given) : given;
	if ('file' in place) return { queue: await EmbeddedQueue.open(place.file, { results, keepDays }), results };
	// Imported where it is used: its packages are optional.
	const { RedisQueue } = await import('./redis/queue.ts');
	return { queue: await RedisQueue.open({ url: place.redis, results, explain, keepDays, onError }), results };
}
