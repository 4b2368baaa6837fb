// Follows a job, wherever it is kept.
import type { EventEmitter } from 'node:events';
import { hasEnded, type Job } from './job.ts';

/**
 * Gives the job now, and whenever it has changed, until it has ended or is gone, or nobody waits for it any more.
 *
 * @param get - what it is now
 * @param how.changes - emits `id` when it may have changed
 * @param how.lookMs - it is also looked at so often, for changes that nobody told
 */
export async function* watchJob(
	get: () => Promise<Job | undefined>,
	{ changes, id, lookMs, signal }: { changes: EventEmitter; id: string; lookMs: number; signal: AbortSignal },
): AsyncGenerator<Job> {
	let mayHaveChanged = true;
	let wake = () => {};
	const note = () => {
		mayHaveChanged = true;
		wake();
	};
	changes.on(id, note);
	signal.addEventListener('abort', note);
	const look = setInterval(note, lookMs);
	let told = '';
	try {
		while (!signal.aborted) {
			if (!mayHaveChanged) {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
				continue;
			}
			// Before it looks, so that no change is missed; several that come meanwhile are one.
			mayHaveChanged = false;
			const job = await get();
			if (job === undefined || signal.aborted) return;
			const text = JSON.stringify(job);
			if (text !== told) yield job;
			told = text;
			if (hasEnded(job)) return;
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	} finally {
		clearInterval(look);
		signal.removeEventListener('abort', note);
		changes.off(id, note);
	}
}
