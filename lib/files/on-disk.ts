// What the system refuses, as errors of this package.
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
		throw error instanceof Arc2FaceError ? error : fileFailed(action, error);
	}
}

export function fileFailed(action: string, cause: unknown): Arc2FaceError {
	const { message, code, path } = cause as NodeJS.ErrnoException;
	return new Arc2FaceError('FILE_FAILED', `Could not ${action}: ${message}.`, {
		remedy: code && remedies[code],
		details: { ...(path === undefined ? {} : { file: path }), ...(code === undefined ? {} : { systemCode: code }) },
		cause,
	});
}

const noPermission = 'Choose a place where you may read and write, or have its owner allow it.';
const noSpace = 'Free some space, or choose another disk.';
const notFound = 'Check the path.';

/** What helps against the system's refusals; against others, such as a broken disk, nothing here does. */
const remedies: Readonly<Record<string, string>> = {
	EACCES: noPermission,
	EPERM: noPermission,
	EROFS: 'The disk can only be read: choose another.',
	ENOSPC: noSpace,
	EDQUOT: noSpace,
	ENOENT: notFound,
	ENOTDIR: notFound,
	ELOOP: notFound,
	EISDIR: notFound,
	ENAMETOOLONG: 'Choose a shorter name.',
	EMFILE: 'Raise the limit of open files (`ulimit -n`).',
};
