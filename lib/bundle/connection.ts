// One connection of a download: appends its bytes to those already there.
import { type FileHandle, open } from 'node:fs/promises';
import type { Response } from 'undici';
import { onDisk } from '../files/on-disk.ts';
import { requireSpace } from '../files/space.ts';
import { discard, sizeOf } from './part.ts';
import {
	type Checksum,
	type Download,
	Interruption,
	otherFile,
	reasonOf,
	refusal,
	refuseOther,
	send,
} from './request.ts';

/** Asks for what `part` still lacks and appends it. */
export async function attempt(
	request: Download,
	part: string,
	version: string | undefined,
	onVersion: (version: string | undefined) => void,
): Promise<Checksum | undefined> {
	const silence = new Silence(request.patience.silenceMs);
	// Without a checksum or a version, nothing would reveal that the halves come from different files.
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
		// fetch throws this for a refused, reset or half-closed connection; its cause tells which.
		if (error instanceof TypeError) throw new Interruption(reasonOf(error), { cause: error });
		throw error;
	} finally {
		silence.end();
	}
}

/** Which bytes the response carries: `start` up to `total`. */
async function extent(request: Download, response: Response, offset: number, part: string) {
	const length = response.headers.get('content-length');
	switch (response.status) {
		case 200:
			// The whole file: a server also sends it if it does not support ranges, or has another version now.
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

/** Writes the body after the first `start` bytes of `part`; returns the length of `part`. */
async function append(
	{ bytes, url, onProgress }: Download,
	response: Response,
	{ part, start, total, silence }: { part: string; start: number; total: number | undefined; silence: Silence },
): Promise<number> {
	const limit = total ?? bytes;
	const handle = await onDisk('write', part, () => open(part, start === 0 ? 'w' : 'r+'));
	let length = start;
	try {
		onProgress({ phase: 'downloading', done: length, total: limit });
		for await (const chunk of response.body ?? []) {
			silence.broken();
			if (limit !== undefined && length + chunk.length > limit) {
				throw otherFile(url, `Expected ${limit} bytes for ${url} but received more.`);
			}
			length = await onDisk('write', part, () => writeAll(handle, chunk, length));
			onProgress({ phase: 'downloading', done: length, total: limit });
		}
		// Renaming a file whose bytes are still in flight could leave an empty one after a power cut.
		await onDisk('write', part, () => handle.sync());
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

/** The entity tag if it may guard a range; a weak one (`W/"…"`) may not. */
function strongTag(response: Response): string | undefined {
	const tag = response.headers.get('etag');
	return tag?.startsWith('"') ? tag : undefined;
}
