// What a worker needs of a file of jobs.
import type { EventEmitter } from 'node:events';
import type { JobImage, JobProgress } from '../job.ts';
import type { JsonObject, PortraitRequest } from '../request.ts';

/** A job that is about to be painted. */
export type Claimed = Readonly<{
	id: string;
	of: number;
	attempts: number;
	failures: number;
	request: PortraitRequest;
}>;

/** How a job ended. */
export type Ending =
	| { state: 'done'; images: readonly JobImage[] }
	| { state: 'failed'; problem: JsonObject }
	/** For another try, not before so many milliseconds, after a failure or none. */
	| { state: 'queued'; afterMs: number; hasFailed: boolean };

/** Lends jobs. */
export interface Claims {
	/** Events: a job's id when it changed, `added` when there is something to do, `removed` with an id. */
	readonly changes: EventEmitter;
	/** Takes jobs that wait, and those of processes that are silent, as long as they fit. */
	claim(images: number): Promise<Claimed[]>;
	/** Says that this process lives. @returns those of the jobs that are still its own */
	renew(ids: readonly string[]): Promise<Set<string>>;
	report(id: string, progress: JobProgress, images: readonly JobImage[]): Promise<void>;
	/** In one transaction, so that a job has ended once, and what was sent with it is gone. */
	end(id: string, ending: Ending): Promise<void>;
	/** Takes away jobs that ended too long ago. */
	sweep(): Promise<void>;
}
