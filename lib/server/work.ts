// Paints the jobs of a queue.
import type { JobWorker, Workshop } from '../jobs/job.ts';
import type { OpenedJobs } from '../jobs/open.ts';
import type { JsonObject } from '../jobs/request.ts';
import type { Painter } from './painter.ts';
import { imagesAtOnce, performer } from './perform.ts';
import { problemOf } from './problem.ts';

/** What a job's client is told of its failure. */
export function explain(error: unknown): JsonObject {
	return problemOf(error).problem as unknown as JsonObject;
}

/**
 * Begins to paint jobs, of as many clients as fill batches.
 *
 * @param painter - a model or a pool
 * @param onError - told of what goes wrong with the queue itself, and of failures that are tried again
 * @returns close it before the queue
 */
export function work({ queue, results }: OpenedJobs, painter: Painter, onError: Workshop['onError']): JobWorker {
	return queue.work({ perform: performer(painter), results, images: imagesAtOnce(painter), explain, onError });
}
