// Waits for work that can be cancelled, native or other.
import type { NativeCall } from './native.ts';
import { fromNative } from './native-error.ts';

/** Makes a user's callback safe to call from native code, which has nowhere to throw to. */
export type Guard = <P>(callback: (progress: P) => void) => (progress: P) => void;

/**
 * Awaits native work. An abort stops it and rejects with the signal's reason; an exception in a callback stops it too, and is
 * the reason it rejects with.
 *
 * @param start - begins the work; passes callbacks wrapped in `guard`
 * @param handlers.discard - gets a result that came nevertheless
 * @param handlers.explain - tells what the caller knows of an error of the work; not of the caller's own exceptions
 */
export async function awaitNative<T>(
	start: (guard: Guard) => NativeCall<T>,
	signal: AbortSignal | undefined,
	handlers: { discard?: (late: T) => void; explain?: (error: unknown) => unknown } = {},
): Promise<T> {
	const { discard = () => {}, explain = (error) => error } = handlers;
	signal?.throwIfAborted();
	let thrown: { error: unknown } | undefined;
	const call = begin((callback) => (progress) => {
		if (thrown !== undefined) return;
		try {
			callback(progress);
		} catch (error) {
			thrown = { error };
			call.cancel();
		}
	});
	const cancel = () => call.cancel();
	signal?.addEventListener('abort', cancel, { once: true });
	const outcome = await call.promise.then(
		(value) => ({ value }),
		(error: unknown) => ({ error }),
	);
	signal?.removeEventListener('abort', cancel);

	if ('value' in outcome && (thrown !== undefined || signal?.aborted)) discard(outcome.value);
	if (thrown !== undefined) throw (thrown as { error: unknown }).error;
	signal?.throwIfAborted();
	if ('error' in outcome) throw explain(fromNative(outcome.error));
	return outcome.value;

	function begin(guard: Guard): NativeCall<T> {
		try {
			return start(guard);
		} catch (error) {
			throw explain(fromNative(error));
		}
	}
}

/**
 * Rejects with the signal's reason as soon as it aborts. The work continues; its result then goes to
 * `discard`.
 */
export async function abandonable<T>(
	work: Promise<T>,
	signal: AbortSignal | undefined,
	discard: (late: T) => void = () => {},
): Promise<T> {
	if (signal === undefined) return await work;
	let abort = () => {};
	const aborted = new Promise<never>((_, reject) => {
		abort = () => {
			reject(signal.reason);
			work.then(discard, () => {}); // nobody waits for its failure any more
		};
	});
	if (signal.aborted) abort();
	signal.addEventListener('abort', abort, { once: true });
	try {
		return await Promise.race([aborted, work]);
	} finally {
		signal.removeEventListener('abort', abort);
	}
}
