// One run at a time in a folder.
import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { Arc2FaceError } from '../errors.ts';
import { fileFailed, onDisk } from '../files/on-disk.ts';

/** Names in the folder: who has it, and the lock itself, a folder. */
export const lockNames = ['.dataset', '.dataset.lock'] as const;

/** `signal` aborts when the lock is lost: its folder was deleted, or this process stalled so long that another took it. */
export type FolderLock = Readonly<{ signal: AbortSignal; release(): Promise<void> }>;

/**
 * A process that was killed leaves its lock, which by itself counts for another ten seconds; here it does not, if the process was one of this machine.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` when another run has the folder, or it can't be written to
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
	const [holderFile, lockFolder] = lockNames.map((name) => join(folder, name)) as [string, string];
	if (await isLeft(holderFile)) await utimes(lockFolder, 0, 0).catch(() => {}); // nobody's any more: old enough to be taken
	const lost = new AbortController();
	const release = await lock(holderFile, {
		...{ realpath: false, lockfilePath: lockFolder },
		onCompromised: (cause) => lost.abort(lostLock(folder, cause)),
	}).catch((cause: NodeJS.ErrnoException) => {
		throw cause.code === 'ELOCKED' ? busy(folder) : fileFailed('write to', folder, cause);
	});
	try {
		await onDisk('write', holderFile, () => writeFile(holderFile, JSON.stringify(holder())));
	} catch (error) {
		// As on a full disk: nobody has it, then.
		await release();
		throw error;
	}
	return {
		signal: lost.signal,
		release: async () => {
			if (lost.signal.aborted) return;
			await rm(holderFile, { force: true });
			await release();
		},
	};
}

type Holder = { host: string; process: number };
const holder = (): Holder => ({ host: hostname(), process: process.pid });

/** Whether a process of this machine had the folder, and is gone. */
async function isLeft(file: string): Promise<boolean> {
	const known = await readFile(file, 'utf8')
		.then((text): Partial<Holder> => JSON.parse(text))
		.catch(() => undefined);
	if (known?.host !== hostname() || !Number.isInteger(known.process)) return false;
	if (known.process === process.pid) return false;
	try {
		process.kill(known.process!, 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'ESRCH';
	}
}

function busy(folder: string): Arc2FaceError {
	return new Arc2FaceError('FILE_FAILED', `Another run works on the data set in ${folder}.`, {
		remedy: ({ option }) =>
			`Wait for it, or choose another folder with ${option('out')}; one that was killed on another machine lets go in ten seconds.`,
		details: { file: folder },
	});
}

function lostLock(folder: string, cause: unknown): Arc2FaceError {
	return new Arc2FaceError(
		'FILE_FAILED',
		`Lost the lock of the data set in ${folder}: it was deleted, or this process stood still.`,
		{
			remedy: 'Run the same command again.',
			details: { file: folder },
			cause,
		},
	);
}
