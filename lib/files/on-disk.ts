// Turns errors of the file system into this package's.
import { dirname, resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { Arc2FaceError } from '../errors.ts';
import type { Sentence } from '../messages/wording.ts';

/**
 * Does something with a file.
 *
 * @param action - completes "Could not `read` a.txt"
 * @param file - the one that was asked for: what the system names may be a temporary one, or its folder
 * @throws {Arc2FaceError} `FILE_FAILED` with the system's reason
 */
export async function onDisk<T>(action: string, file: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw error instanceof Arc2FaceError ? error : fileFailed(action, file, error);
	}
}

export function fileFailed(action: string, file: string, cause: unknown): Arc2FaceError {
	const { code } = cause as NodeJS.ErrnoException;
	return new Arc2FaceError(
		'FILE_FAILED',
		`Could not ${action} ${file}: ${reasonOf(action, cause as NodeJS.ErrnoException)}.`,
		{
			remedy: action === 'write' && code === 'ENOENT' ? noFolder(file) : code && remedies[code],
			details: { file: resolve(file), ...(code === undefined ? {} : { systemCode: code }) },
			cause,
		},
	);
}

/** For what people often meet, plain words; else the system's sentence alone: Node.js appends the call and the paths that it was given. */
function reasonOf(action: string, { code, errno, message }: NodeJS.ErrnoException): string {
	if (code === 'ENOENT') return `there is no such ${action === 'read' ? 'file' : 'folder'}`;
	if (code === 'ENOTDIR') return 'a part of its path is a file, not a folder';
	if (code === 'EISDIR') return 'it is a folder';
	const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
	return known === undefined ? message : known.join(': ');
}

const noPermission = 'Choose a place where you may read and write, or have its owner allow it.';
const noSpace = 'Free some space, or choose another disk.';
const notFound = 'Check the path.';

/** The commands make the folders that they write to. */
const noFolder =
	(file: string): Sentence =>
	({ either }) =>
		either(
			`Make its folder first: \`mkdir(${JSON.stringify(dirname(resolve(file)))}, { recursive: true })\` of node:fs/promises.`,
			notFound,
		);

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
