import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { fileFailed, onDisk } from '../files/on-disk.ts';

/** What the bytes must be. `gitBlob` is the SHA-1 that Git and the model hub give a small file. */
export type Checksum = { algorithm: 'sha256' | 'gitBlob'; hex: string };

export interface Download {
	url: string;
	/** Where the whole file goes; until then the bytes lie in `<file>.part`. */
	file: string;
	bytes?: number;
	sha256?: string;
	/** Sent to the first origin only, never to where it redirects. */
	token?: string;
	signal: AbortSignal;
	onProgress: (progress: DownloadProgress) => void;
	/** A connection broke, and another is tried after the pause. */
	onRetry?: (retry: { reason: string; pauseMs: number }) => void;
	patience: Patience;
}

/** `total` is undefined while the server has not told it. */
export type DownloadProgress = { phase: 'downloading' | 'verifying'; done: number; total: number | undefined };

/** How long a bad connection is put up with. */
export interface Patience {
	/** Failures in a row, without a new byte between them, after which the download gives up. */
	failures: number;
	/** Pause after the first failure; doubles with each, up to `longestPauseMs`. */
	pauseMs: number;
	longestPauseMs: number;
	/** Silence after which a connection counts as broken. */
	silenceMs: number;
}

export const defaultPatience: Patience = { failures: 6, pauseMs: 1000, longestPauseMs: 30_000, silenceMs: 60_000 };

/** A failure that another attempt may cure. */
class Interruption extends Error {
	readonly pauseMs: number | undefined;

	constructor(message: string, options?: ErrorOptions & { pauseMs?: number | undefined }) {
		super(message, options);
		this.pauseMs = options?.pauseMs;
	}
}

/** There is no server at this address: only where there was one a moment ago may waiting cure that. */
class Unreachable extends Interruption {}

/**
 * Downloads one file: goes on where an earlier attempt, of this process or another, left a `.part`; checks size and
 * checksum; then renames it into place. Two callers must not download the same file at once.
 *
 * @returns size and, where one was known, the checksum that was verified
 * @throws {Arc2FaceError} `DOWNLOAD_FAILED`, `FILE_FAILED`; the signal's reason when stopped (the part stays)
 */
export async function download(request: Download): Promise<{ bytes: number; checksum: Checksum | undefined }> {
	const part = `${request.file}.part`;
	await onDisk(`create the folder of ${request.file}`, () => makeFolder(dirname(request.file)));
	// Bytes whose sum nobody will check may belong to another version of the file.
	if (request.sha256 === undefined) await discard(part);

	for (let corrupted = false; ; corrupted = true) {
		const stated = await fetchPart(request, part);
		const checksum = request.sha256 === undefined ? stated : ({ algorithm: 'sha256', hex: request.sha256 } as const);
		const bytes = await sizeOf(part);
		const actual = checksum && (await digest(part, checksum.algorithm, request));
		if (checksum === undefined || actual === checksum.hex) {
			await onDisk(`move ${part} into place`, () => rename(part, request.file));
			return { bytes, checksum };
		}
		await discard(part);
		if (corrupted) {
			throw new Arc2FaceError(
				'DOWNLOAD_FAILED',
				`Expected ${checksum.algorithm} ${checksum.hex} for ${request.url} but received ${actual}, twice; the bytes were deleted.`,
			);
		}
	}
}

/** The checksum of a file, in lower-case hexadecimal. */
export async function digest(
	file: string,
	algorithm: Checksum['algorithm'],
	{ signal, onProgress }: Pick<Download, 'signal' | 'onProgress'>,
): Promise<string> {
	const total = await sizeOf(file);
	const hash = createHash(algorithm === 'gitBlob' ? 'sha1' : algorithm);
	if (algorithm === 'gitBlob') hash.update(`blob ${total}\0`);
	let done = 0;
	await onDisk(`read ${file}`, async () => {
		for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
			hash.update(chunk);
			done += chunk.length;
			onProgress({ phase: 'verifying', done, total });
		}
	}).catch((error: unknown) => {
		signal.throwIfAborted();
		throw error;
	});
	return hash.digest('hex');
}

/** Fills `part` to its full length, over as many connections as that takes; returns the checksum that the server states. */
async function fetchPart(request: Download, part: string): Promise<Checksum | undefined> {
	const { signal, patience, bytes } = request;
	// The version of the file that the part's bytes are from: a server that has another one now sends it whole.
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
				throw new Arc2FaceError('DOWNLOAD_FAILED', `${error.message}.`, { cause: error });
			}
			const length = await sizeOf(part);
			// A byte beyond all earlier ones is progress; a server that cannot resume and always breaks makes none.
			failures = length > longest ? 1 : failures + 1;
			longest = Math.max(longest, length);
			if (failures >= patience.failures) {
				throw new Arc2FaceError(
					'DOWNLOAD_FAILED',
					`Gave up on ${request.url} after ${failures} failures in a row; the last: ${error.message}.`,
					{ cause: error },
				);
			}
			const pauseMs = Math.min(error.pauseMs ?? patience.pauseMs * 2 ** (failures - 1), patience.longestPauseMs);
			request.onRetry?.({ reason: error.message, pauseMs });
			await sleep(pauseMs, undefined, { signal }).catch(() => {});
		}
	}
}

/** One connection: asks for what `part` lacks and appends it. */
async function attempt(
	request: Download,
	part: string,
	version: string | undefined,
	onVersion: (version: string | undefined) => void,
): Promise<Checksum | undefined> {
	const silence = new Silence(request.patience.silenceMs);
	// Without a checksum or a version, nothing would tell that the two halves are from different files.
	const offset = request.sha256 !== undefined || version !== undefined ? await sizeOf(part) : 0;
	try {
		const { response, stated } = await send(
			request,
			offset,
			version,
			AbortSignal.any([request.signal, silence.signal]),
		);
		const { start, total } = await extent(request, response, offset, part);
		refuseOther(request, stated, total);
		onVersion(strongTag(response));
		if (total !== undefined) await requireSpace(request.file, total - start);
		const length = await append(request, response, { part, start, total, silence });
		const expected = total ?? request.bytes ?? length;
		if (length < expected) throw new Interruption(`the connection closed ${expected - length} bytes early`);
		return stated;
	} catch (error) {
		if (silence.signal.aborted && !request.signal.aborted) {
			throw new Interruption(`nothing was received for ${request.patience.silenceMs} ms`);
		}
		// What fetch throws for a refused, reset or half-closed connection; its cause tells which.
		if (error instanceof TypeError) throw new Interruption(reasonOf(error), { cause: error });
		throw error;
	} finally {
		silence.end();
	}
}

/** Sends the request and follows redirects, collecting what the hub says of the file on the way. */
async function send(request: Download, offset: number, version: string | undefined, signal: AbortSignal) {
	const origin = new URL(request.url).origin;
	let stated: Checksum | undefined;
	let url = new URL(request.url);
	for (let redirects = 0; redirects <= 10; redirects++) {
		const headers = new Headers({ 'accept-encoding': 'identity', 'user-agent': 'arc2face-native' });
		if (offset > 0) headers.set('range', `bytes=${offset}-`);
		if (offset > 0 && version !== undefined) headers.set('if-range', version);
		if (request.token && url.origin === origin) headers.set('authorization', `Bearer ${request.token}`);
		const server = url;
		const response = await fetch(server, { headers, signal, redirect: 'manual' }).catch((error: Error) => {
			throw connectionError(server, error);
		});
		stated ??= statedChecksum(response);
		const location = response.headers.get('location');
		if (response.status < 300 || response.status >= 400 || location === null) return { response, stated };
		await response.body?.cancel();
		url = new URL(location, url);
	}
	throw new Arc2FaceError('DOWNLOAD_FAILED', `Expected a file at ${request.url} but received more than 10 redirects.`);
}

/** What the network did has a code, and may be cured by waiting; what fetch refuses has none: a blocked port, say. */
function connectionError({ host }: URL, error: Error): Error {
	if (!(error instanceof TypeError)) return error;
	const { code } = (error.cause ?? error) as NodeJS.ErrnoException;
	if (code !== undefined && code !== 'ENOTFOUND') return error;
	const named = process.env.HF_ENDPOINT?.includes(host) ? ', which HF_ENDPOINT names' : '';
	const hint = code === undefined ? '' : ' (by default, Node.js does not use HTTPS_PROXY)';
	return new Unreachable(`Can't reach the server ${host}${named}: ${reasonOf(error)}${hint}`, { cause: error });
}

/** The hub names a file's SHA-256 (large files) or Git blob (small ones) in its headers; other servers' tags mean nothing here. */
function statedChecksum(response: Response): Checksum | undefined {
	const tag = (name: string) => response.headers.get(name)?.match(/^"?([0-9a-f]+)"?$/)?.[1];
	const linked = tag('x-linked-etag');
	if (linked?.length === 64) return { algorithm: 'sha256', hex: linked };
	const own = response.headers.has('x-repo-commit') ? tag('etag') : undefined;
	return own?.length === 40 ? { algorithm: 'gitBlob', hex: own } : undefined;
}

/** Which bytes the response carries: `start` up to `total`. */
async function extent(request: Download, response: Response, offset: number, part: string) {
	const length = response.headers.get('content-length');
	switch (response.status) {
		case 200:
			// The whole file: also what a server sends that knows no ranges, or has another version now.
			return { start: 0, total: length === null ? undefined : Number(length) };
		case 206: {
			const range = response.headers.get('content-range')?.match(/^bytes (\d+)-(\d+)\/(\d+)$/);
			const [start, end, total] = (range ?? []).slice(1).map(Number);
			if (start === offset && total !== undefined && end === total - 1) return { start, total };
			await response.body?.cancel();
			await discard(part);
			throw new Interruption(
				`expected bytes from ${offset} but received "${response.headers.get('content-range')}"; starting over`,
			);
		}
		case 416:
			await response.body?.cancel();
			await discard(part);
			throw new Interruption(`the server has fewer than ${offset} bytes; starting over`);
		default:
			await response.body?.cancel();
			throw refusal(request, response);
	}
}

function refusal({ url, token }: Download, { status, headers }: Response): Error {
	if (status === 408 || status === 429 || status >= 500) {
		const seconds = Number(headers.get('retry-after') ?? Number.NaN);
		return new Interruption(`the server answered ${status}`, {
			pauseMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
		});
	}
	if (status === 401 || status === 403) {
		return new Arc2FaceError(
			'DOWNLOAD_FAILED',
			`The server refused ${url} with ${status}. ${
				token
					? 'The token in HF_TOKEN may lack access: accept the terms on the page of the repository.'
					: 'If the repository asks for an account, accept its terms and set HF_TOKEN.'
			}`,
		);
	}
	const hint = status === 404 ? ' The file was moved or the endpoint in HF_ENDPOINT does not carry it.' : '';
	return new Arc2FaceError('DOWNLOAD_FAILED', `Expected a file at ${url} but received status ${status}.${hint}`);
}

/** Stops before gigabytes are spent on a file that is not the one we know. */
function refuseOther({ url, bytes, sha256 }: Download, stated: Checksum | undefined, total: number | undefined): void {
	if (sha256 !== undefined && stated?.algorithm === 'sha256' && stated.hex !== sha256) {
		throw new Arc2FaceError(
			'DOWNLOAD_FAILED',
			`Expected sha256 ${sha256} for ${url} but the server offers ${stated.hex}.`,
		);
	}
	if (bytes !== undefined && total !== undefined && total !== bytes) {
		throw new Arc2FaceError('DOWNLOAD_FAILED', `Expected ${bytes} bytes for ${url} but the server offers ${total}.`);
	}
}

/** Writes the body behind the first `start` bytes of `part`; returns the length of `part`. */
async function append(
	{ bytes, url, onProgress }: Download,
	response: Response,
	{ part, start, total, silence }: { part: string; start: number; total: number | undefined; silence: Silence },
): Promise<number> {
	const limit = total ?? bytes;
	const handle = await onDisk(`write ${part}`, () => open(part, start === 0 ? 'w' : 'r+'));
	let length = start;
	try {
		onProgress({ phase: 'downloading', done: length, total: limit });
		for await (const chunk of response.body ?? []) {
			silence.broken();
			if (limit !== undefined && length + chunk.length > limit) {
				throw new Arc2FaceError('DOWNLOAD_FAILED', `Expected ${limit} bytes for ${url} but received more.`);
			}
			length = await onDisk(`write ${part}`, () => writeAll(handle, chunk, length));
			onProgress({ phase: 'downloading', done: length, total: limit });
		}
		// Renaming a file whose bytes are still in flight could leave an empty one after a power cut.
		await onDisk(`write ${part}`, () => handle.sync());
		return length;
	} finally {
		await handle.close();
	}
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<number> {
	for (let written = 0; written < chunk.length; ) {
		written += (await handle.write(chunk, written, chunk.length - written, position + written)).bytesWritten;
	}
	return position + chunk.length;
}

/** @throws {Arc2FaceError} `FILE_FAILED` when the disk of `path` cannot take `bytes` more */
export async function requireSpace(path: string, bytes: number): Promise<void> {
	const free = await freeSpace(path);
	if (free !== undefined && free < bytes) {
		throw new Arc2FaceError('FILE_FAILED', `Expected ${bytes} bytes of free space for ${path} but found ${free}.`);
	}
}

/** Bytes that this user may still write on the disk of `path`, which need not exist yet; undefined where the system won't tell. */
export async function freeSpace(path: string): Promise<number | undefined> {
	try {
		const { bavail, bsize } = await statfs(path);
		return bavail * bsize;
	} catch (error) {
		const missing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
		return missing ? freeSpace(dirname(path)) : undefined;
	}
}

/** Aborts when `broken` has not been called for a while. */
class Silence {
	readonly #controller = new AbortController();
	readonly #timer: NodeJS.Timeout;

	constructor(limitMs: number) {
		this.#timer = setTimeout(() => this.#controller.abort(), limitMs);
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	broken(): void {
		this.#timer.refresh();
	}

	end(): void {
		clearTimeout(this.#timer);
	}
}

/** The entity tag, where it is one that may guard a range; a weak one (`W/"…"`) may not. */
function strongTag(response: Response): string | undefined {
	const tag = response.headers.get('etag');
	return tag?.startsWith('"') ? tag : undefined;
}

function reasonOf(error: Error): string {
	const { cause } = error;
	return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : error.message;
}

async function sizeOf(file: string): Promise<number> {
	try {
		return (await stat(file)).size;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
		throw fileFailed(`read ${file}`, error);
	}
}

async function discard(part: string): Promise<void> {
	await onDisk(`delete ${part}`, () => rm(part, { force: true }));
}
