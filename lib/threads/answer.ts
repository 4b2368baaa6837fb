// Work in a thread of its own, beside the event loop and libuv's threads.
import type { Worker } from 'node:worker_threads';

/**
 * Waits for what a thread has to say, and then ends it.
 *
 * @param start - not called when it is stopped before
 * @param options.read - the answer, of the message that has it
 * @throws what the thread or `read` throws; the signal's reason when stopped
 */
export function answerOf<Message, Answer>(
	start: () => Worker,
	{ signal, read }: { signal: AbortSignal | undefined; read: (message: Message) => Answer | undefined },
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(signal.reason);
		const worker = start();
		const end = (settle: () => void) => {
			signal?.removeEventListener('abort', abort);
			settle();
			void worker.terminate();
		};
		const abort = () => end(() => reject(signal?.reason));
		signal?.addEventListener('abort', abort, { once: true });
		worker.on('error', (error) => end(() => reject(error)));
		worker.on('exit', () => end(() => reject(new Error('A thread ended without an answer.'))));
		worker.on('message', (message: Message) => {
			try {
				const answer = read(message);
				if (answer !== undefined) end(() => resolve(answer));
			} catch (error) {
				end(() => reject(error));
			}
		});
	});
}
