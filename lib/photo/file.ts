// Opens the file of a photo and returns its start and end, or the system's reason why it can't be read.
import { lstat, open } from 'node:fs/promises';
import { Arc2FaceError } from '../errors.ts';
import type { Sentence } from '../messages/wording.ts';
import { again, endBytes, startBytes } from './content.ts';

/** A photo's name for messages and for programs: its path, if it has one. */
export type PhotoName = Readonly<{ name: string; photo: string }>;

/** Both ends of a file, its length, and for a pipe, which can be read only once, all of its bytes. */
export type PhotoFile = Readonly<{ start: Uint8Array; end: Uint8Array; length: number; all?: Uint8Array }>;

/**
 * @param name - what messages call the photo
 * @throws {Arc2FaceError} `INVALID_IMAGE`, for a missing file, a folder, one without read permission, and so on
 */
export async function openPhoto(path: string, name: PhotoName): Promise<PhotoFile> {
	try {
		await using file = await open(path);
		const found = await file.stat();
		if (found.isDirectory()) throw unreadable(name, 'it is a folder', { remedy: 'Pass the files in it.' });
		if (found.isFIFO() || found.isSocket()) {
			const all = await file.readFile();
			return { all, start: all.subarray(0, startBytes), end: all.subarray(-endBytes), length: all.length };
		}
		if (!found.isFile()) throw unreadable(name, 'it is a device', { remedy: 'Pass a file.' });
		const read = async (from: number, length: number) => {
			const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
			return buffer.subarray(0, bytesRead);
		};
		return {
			start: await read(0, Math.min(found.size, startBytes)),
			end: await read(Math.max(0, found.size - endBytes), Math.min(found.size, endBytes)),
			length: found.size,
		};
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw cause;
		const { why, ...known } = await obstacleOf(path, cause as NodeJS.ErrnoException);
		throw unreadable(name, why, { ...known, cause });
	}
}

/** The error about a photo that can't be read. */
export function unreadable(
	{ name, photo }: PhotoName,
	why: string,
	{ remedy, systemCode, cause }: { remedy?: Sentence | undefined; systemCode?: string; cause?: unknown } = {},
): Arc2FaceError {
	const details = systemCode === undefined ? { photo } : { photo, systemCode };
	return new Arc2FaceError('INVALID_IMAGE', `Can't read ${name}: ${why}.`, { remedy, details, cause });
}

/** Why the system does not let a file be read, and what helps. */
export async function obstacleOf(path: string, cause: NodeJS.ErrnoException) {
	const systemCode = cause.code ?? cause.message;
	const isLink = await lstat(path).then(
		(found) => found.isSymbolicLink(),
		() => false,
	);
	const [why, remedy] =
		systemCode === 'ENOENT' && isLink
			? ['it is a link to a file that is gone', 'Pass the file itself, or mend the link.']
			: (obstacles[systemCode] ?? [`the system refuses (${systemCode})`, undefined]);
	return { why, remedy, systemCode };
}

const permission = [
	'you may not read it',
	'Give yourself the permission, such as with `chmod u+r FILE`; its folders must let you pass, too.',
] as const;

const obstacles: Readonly<Record<string, readonly [why: string, remedy: Sentence]>> = {
	ENOENT: ['there is no such file', 'Check its path; a relative one starts from the folder that the program runs in.'],
	ENOTDIR: ['a part of its path is a file, not a folder', 'Check its path.'],
	EISDIR: ['it is a folder', 'Pass the files in it.'],
	EACCES: permission,
	EPERM: permission,
	ELOOP: ['it is a link that leads back to itself', 'Pass the file itself, or mend the link.'],
	ENAMETOOLONG: [
		'its name is longer than a file can have',
		({ either }) => `Pass the path of a file${either(', or its bytes', '')}.`,
	],
	ENXIO: ['it is a socket, not a file', ({ either }) => `Pass a file${either(', or the bytes', '')}.`],
	EMFILE: ['too many files are open', 'Read fewer photos at once, or raise the limit (`ulimit -n`).'],
	ENFILE: ['too many files are open on this machine', 'Read fewer photos at once.'],
	EIO: ['the disk fails to read it', again],
	ESTALE: ['its network drive has lost it', 'Connect the drive again.'],
	ERR_FS_FILE_TOO_LARGE: ['it has over 2 GB', 'Pass a photo.'],
};
