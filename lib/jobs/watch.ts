// Follows a job, wherever it is kept.
import { type EventEmitter, on } from 'node:events';
import { hasEnded, type Job } from './job.ts';

/**
 * Gives the job now, and whenever it has changed, until it has ended or is gone.
 *
 * @param get - what it is now
 * @param how.changes - emits `id` when it may have changed
 * @param how.lookMs - it is also looked at so often, for changes that nobody told
 */
export async function* watchJob(
	get: () => Promise<Job | undefined>,
	{ changes, id, lookMs, signal }: { changes: EventEmitter; id: string; lookMs: number; signal: AbortSignal },
): AsyncGenerator<Job> {
	// Listens before it looks, so that no change is missed; several that came meanwhile are one.
	const events = on(changes, id, { signal });
	const look = setInterval(() => changes.emit(id), lookMs);
	let told = '';
	try {
		for (;;) {
			const job = await get();
			if (job === undefined) return;
			const text = JSON.stringify(job);
			if (text !== told) yield job;
			told = text;
			if (hasEnded(job)) return;
			await events.next();
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	} finally {
		clearInterval(look);
		await events.return?.();
	}
}
