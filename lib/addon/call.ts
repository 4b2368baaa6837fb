// Work of the addon, as JavaScript sees it.

/**
 * Work on a native thread. `promise` rejects with an `Error` whose `code` is one of lib/errors.ts, `CANCELLED` after `cancel()`, or in
 * `load` `INVALID_ENGINE`: the engine file of `details.network` is missing, damaged, or for another version or GPU. Its `details` are
 * those of lib/errors.ts, as far as native code knows them.
 * `cancel` may be called at any time, any number of times.
 */
export interface NativeCall<T> {
	promise: Promise<T>;
	cancel(): void;
}
