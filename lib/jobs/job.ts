// A job: portraits that are asked for now and painted when there is room. What it is, and what keeps it.
import type { FinishedImage, JsonObject, Perform, PortraitRequest } from './request.ts';
import type { ResultStore } from './results.ts';

/** Where a job is: waiting for its turn, being painted, or at its end. */
export const jobStates = ['queued', 'running', 'done', 'failed'] as const;
/** Where a job is. */
export type JobState = (typeof jobStates)[number];

/** An image of a job; its file is in the store of results. */
export type JobImage = Omit<FinishedImage, 'bytes'> &
	Readonly<{
		/** Of the file in the store of results. */
		name: string;
		/** Length of the file. */
		bytes: number;
		/** Of the file, in hexadecimal digits. */
		sha256: string;
	}>;

/** How far a job is. */
export type JobProgress = Readonly<{
	/** That are finished. */
	images: number;
	/** That it is for. */
	of: number;
	/** Network evaluations that all of its images have had. */
	step: number;
	/** Network evaluations of each image. */
	steps: number;
}>;

/** A job, as its client sees it. */
export type Job = Readonly<{
	id: string;
	state: JobState;
	/** 0–100; of those that wait, the highest comes first. */
	priority: number;
	/** ISO 8601, as the others. */
	createdAt: string;
	startedAt?: string;
	finishedAt?: string;
	/** How often it was begun. */
	attempts: number;
	progress: JobProgress;
	/** Finished ones, in their order; all of them when it is done. */
	images: readonly JobImage[];
	/** Why it failed. */
	problem?: JsonObject;
}>;

/** What a client adds. */
export type NewJob = Readonly<{
	/** Whose it is: nobody else sees it. */
	owner: string;
	request: PortraitRequest;
	priority: number;
	/** That it is for. */
	images: number;
	/** The same key of the same owner is the same job, however often it is added. */
	key?: string | undefined;
}>;

/** Which jobs to list. */
export type JobFilter = Readonly<{
	state?: JobState | undefined;
	/** At most so many. */
	limit: number;
	/** Those that were added before this one. */
	after?: string | undefined;
}>;

/** What came of adding a job. */
export type Added = Readonly<{
	job: Job;
	/** False if the same key had added it before. */
	isNew: boolean;
}>;

/**
 * Keeps jobs until they are painted, and what is known of them after; survives whatever process ends. Where the store is another process, all
 * reject with `StoreAway` while it can't be reached.
 */
export interface JobQueue {
	/**
	 * @returns when it is kept
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a key that was used for another request; `FILE_FAILED`
	 */
	add(job: NewJob): Promise<Added>;
	/**
	 * The job that this key has added.
	 *
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a key that was used for another request
	 */
	find(owner: string, request: PortraitRequest, key: string): Promise<Job | undefined>;
	get(owner: string, id: string): Promise<Job | undefined>;
	/** @returns the newest first */
	list(owner: string, filter: JobFilter): Promise<Job[]>;
	/** Takes it away, with its results; work on it ends within a step. @returns whether there was one */
	remove(owner: string, id: string): Promise<boolean>;
	/** Gives the job now, and whenever it changes, until it has ended or was removed. */
	watch(owner: string, id: string, signal: AbortSignal): AsyncIterable<Job>;
	counts(): Promise<Record<JobState, number>>;
	/** Begins to paint what waits. */
	work(how: Workshop): JobWorker;
	/** Its workers are to be closed before. */
	close(): Promise<void>;
}

/** The store of jobs can't be reached at the moment; nothing is lost. */
export class StoreAway extends Error {}

/** What paints jobs. */
export type Workshop = Readonly<{
	perform: Perform;
	results: ResultStore;
	/** Images that are painted at a time, of as many jobs as it takes: at least a whole batch. */
	images: number;
	/** What a client is told of a failure. */
	explain: (error: unknown) => JsonObject;
	/** Told of what goes wrong with the queue itself. */
	onError?: ((error: unknown) => void) | undefined;
}>;

/** Paints jobs until it is closed. */
export interface JobWorker {
	/**
	 * Begins no more.
	 *
	 * @param graceMs - so long those that are being painted may go on; then they are handed back, for whoever comes next
	 */
	close(graceMs: number): Promise<void>;
}

export function hasEnded({ state }: Pick<Job, 'state'>): boolean {
	return state === 'done' || state === 'failed';
}
