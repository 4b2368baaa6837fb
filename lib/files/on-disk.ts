import { Arc2FaceError } from '../errors.ts';

/**
 * Does something with files.
 *
 * @param action - what it is, as in "Could not `read a.txt`"
 * @throws {Arc2FaceError} `FILE_FAILED` with the system's reason
 */
export async function onDisk<T>(action: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw fileFailed(action, error);
	}
}

export function fileFailed(action: string, cause: unknown): Arc2FaceError {
	return new Arc2FaceError('FILE_FAILED', `Could not ${action}: ${(cause as Error).message}.`, { cause });
}
