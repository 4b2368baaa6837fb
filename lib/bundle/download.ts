// Downloads one file, over as many connections as it takes.
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { moveIntoPlace } from '../files/write.ts';
import { attempt } from './connection.ts';
import { digest, discard, sizeOf } from './part.ts';
import {
	type Checksum,
	type Download,
	Interruption,
	networkRemedy,
	otherFile,
	type Patience,
	Unreachable,
} from './request.ts';

export const defaultPatience: Patience = { failures: 6, pauseMs: 1000, longestPauseMs: 30_000, silenceMs: 60_000 };

/**
 * Downloads one file: continues the `.part` that an earlier attempt of any process left; checks size and
 * checksum; then renames it into place. Two callers must not download the same file at once.
 *
 * @returns size and, where one was known, the checksum that was verified
 * @throws {Arc2FaceError} `DOWNLOAD_FAILED`, `FILE_FAILED`; the signal's reason when stopped (the part stays)
 */
export async function download(request: Download): Promise<{ bytes: number; checksum: Checksum | undefined }> {
	const part = `${request.file}.part`;
	await onDisk('create the folder of', request.file, () => makeFolder(dirname(request.file)));
	// Without a checksum to check, the bytes may belong to another version of the file.
	if (request.sha256 === undefined) await discard(part);

	for (let corrupted = false; ; corrupted = true) {
		const stated = await fetchPart(request, part);
		const checksum = request.sha256 === undefined ? stated : ({ algorithm: 'sha256', hex: request.sha256 } as const);
		const bytes = await sizeOf(part);
		const actual = checksum && (await digest(part, checksum.algorithm, request));
		if (checksum === undefined || actual === checksum.hex) {
			await onDisk('write', request.file, () => moveIntoPlace(part, request.file));
			return { bytes, checksum };
		}
		await discard(part);
		if (corrupted) {
			throw otherFile(
				request.url,
				`Expected ${checksum.algorithm} ${checksum.hex} for ${request.url} but received ${actual}, twice; the bytes were deleted.`,
			);
		}
	}
}

/** Completes `part`, over as many connections as it takes; returns the checksum that the server states. */
async function fetchPart(request: Download, part: string): Promise<Checksum | undefined> {
	const { signal, patience, bytes } = request;
	// The version of the file that the part's bytes are from: a server with another one sends it whole.
	let version: string | undefined;
	let failures = 0;
	for (let longest = await sizeOf(part); ; ) {
		signal.throwIfAborted();
		try {
			if (bytes !== undefined && (await sizeOf(part)) === bytes) return undefined;
			return await attempt(request, part, version, (seen) => {
				version = seen;
			});
		} catch (error) {
			signal.throwIfAborted();
			if (!(error instanceof Interruption)) throw error;
			if (error instanceof Unreachable && failures === 0) {
				throw failed(request, `${error.message}.`, error);
			}
			const length = await sizeOf(part);
			// Only a byte beyond all earlier ones is progress: a server that can't resume and always breaks makes none.
			failures = length > longest ? 1 : failures + 1;
			longest = Math.max(longest, length);
			if (failures >= patience.failures) {
				throw failed(
					request,
					`Gave up on ${request.url} after ${failures} failures in a row; the last: ${error.message}.`,
					error,
				);
			}
			const pauseMs = Math.min(error.pauseMs ?? patience.pauseMs * 2 ** (failures - 1), patience.longestPauseMs);
			request.onRetry?.({ reason: error.message, pauseMs });
			await sleep(pauseMs, undefined, { signal }).catch(() => {});
		}
	}
}

function failed({ url }: Download, problem: string, cause: Error): Arc2FaceError {
	const remedy = (cause instanceof Unreachable ? cause.remedy : undefined) ?? networkRemedy();
	return new Arc2FaceError('DOWNLOAD_FAILED', problem, { remedy, details: { url }, cause });
}
