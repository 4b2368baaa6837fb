// Turns errors of the file system into this package's.
import { Arc2FaceError } from '../errors.ts';

/**
 * Does something with files.
 *
 * @param action - completes "Could not `read a.txt`"
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

/** Remedies for the system's refusals; others, such as a broken disk, have none. */
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
