// Runs pieces of the figures' computation beside the event loop, as many at once as there are cores.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { answerOf } from '../threads/answer.ts';
import type { Answer, Task } from './figures.ts';

/** A Fréchet distance of many images computes in a third of a gigabyte. */
const mostThreads = 8;

/** What a thread answers. */
export type ThreadMessage = Readonly<{ answer: Answer }>;

/**
 * Each piece in a thread of its own. From the compiled package: Node.js 20 runs no TypeScript.
 *
 * @param onDone - called with how many pieces are done
 * @throws what a piece throws; the signal's reason when stopped
 */
export async function inThreads(
	tasks: readonly Task[],
	{ signal, onDone }: { signal: AbortSignal; onDone?: (done: number) => void },
): Promise<Answer[]> {
	const answers: Answer[] = [];
	const left = [...tasks.entries()];
	const failure = new AbortController(); // what one throws stops the others
	const either = AbortSignal.any([signal, failure.signal]);
	let done = 0;
	const work = async () => {
		for (let next = left.shift(); next !== undefined; next = left.shift()) {
			const [index, task] = next;
			answers[index] = await inThread(task, either);
			onDone?.(++done);
		}
	};
	const threads = Math.min(mostThreads, availableParallelism(), tasks.length);
	try {
		await Promise.all(Array.from({ length: threads }, work));
	} catch (error) {
		failure.abort(error);
		throw error;
	}
	return answers;
}

function inThread(task: Task, signal: AbortSignal): Promise<Answer> {
	const start = () => new Worker(new URL('./thread.js', import.meta.url), { workerData: task });
	return answerOf(start, { signal, read: ({ answer }: ThreadMessage) => answer });
}
