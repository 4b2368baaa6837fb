// Jobs as BullMQ keeps them.
import type { Job as BullJob } from 'bullmq';
import type { Job, JobImage, JobProgress, JobState } from '../job.ts';
import type { JsonObject, PortraitRequest } from '../request.ts';

/** Of a job; what was sent with it is elsewhere, since whoever looks at a job reads all of this. */
export type Data = {
	owner: string;
	/** Of what was sent. */
	digest: string;
	priority: number;
	images: number;
};

/** While it is painted. */
export type Report = { progress: JobProgress; images: readonly JobImage[] };

export type Kept = BullJob<Data, JobImage[]>;

/** BullMQ takes the lowest first, and among equals the oldest; 0 would come before all. */
export function bullPriority(priority: number): number {
	return 101 - priority;
}

const states: Readonly<Record<string, JobState>> = {
	...{ completed: 'done', failed: 'failed', active: 'running' },
	...{ waiting: 'queued', prioritized: 'queued', delayed: 'queued', paused: 'queued', 'waiting-children': 'queued' },
};

/** @returns undefined for one that is just being taken away */
export function jobOf(kept: Kept, state: string, explain: (error: unknown) => JsonObject): Job | undefined {
	const known = states[state];
	if (known === undefined) return undefined;
	const { data, timestamp, processedOn, finishedOn } = kept;
	const reported = kept.progress as Partial<Report>;
	const images = known === 'done' ? (kept.returnvalue ?? []) : known === 'running' ? (reported.images ?? []) : [];
	const progress = reported.progress ?? { images: 0, of: data.images, step: 0, steps: 0 };
	return {
		...{ id: kept.id!, state: known, priority: data.priority, attempts: kept.attemptsStarted },
		createdAt: time(timestamp),
		...(processedOn && { startedAt: time(processedOn) }),
		...(finishedOn && (known === 'done' || known === 'failed') && { finishedAt: time(finishedOn) }),
		progress: { ...progress, images: images.length },
		images,
		...(known === 'failed' && { problem: problemOf(kept.failedReason, explain) }),
	};
}

/** What the worker has said; or BullMQ, of a job whose workers ended too often. */
function problemOf(reason: string | undefined, explain: (error: unknown) => JsonObject): JsonObject {
	try {
		return JSON.parse(reason ?? '') as JsonObject;
	} catch {
		return explain(new Error(reason));
	}
}

function time(milliseconds: number): string {
	return new Date(milliseconds).toISOString();
}

/** What was sent with a job, as text: photos in base64. */
export function textOf({ fields, files }: PortraitRequest): string {
	const photos = Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
	return JSON.stringify({ fields, files: Object.fromEntries(photos) });
}

export function requestOf(text: string): PortraitRequest {
	const { fields, files } = JSON.parse(text) as { fields: JsonObject; files: Record<string, string> };
	const photos = Object.entries(files).map(([name, data]) => [name, Uint8Array.from(Buffer.from(data, 'base64'))]);
	return { fields, files: Object.fromEntries(photos) };
}
