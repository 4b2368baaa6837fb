// Brings a model folder up to date with the official files.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { Arc2FaceError } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { requireSpace } from '../files/space.ts';
import { defaultPatience, download } from './download.ts';
import type { OfficialFile } from './official.ts';
import { digest } from './part.ts';
import { openAgent } from './proxy.ts';
import type { DownloadProgress, Patience } from './request.ts';

export interface PullOptions {
	/** The bundle folder; created if missing. */
	folder: string;
	files: readonly OfficialFile[];
	/** Server of the repositories (default: `HF_ENDPOINT`, else the public hub). */
	endpoint?: string;
	/** Access token of the server (default: `HF_TOKEN`). */
	token?: string;
	signal?: AbortSignal;
	onProgress?: (progress: PullProgress) => void;
	/** A connection broke; the download continues after the pause. */
	onRetry?: (retry: { path: string; reason: string; pauseMs: number }) => void;
	/** Called once if another process is pulling into the same folder. */
	onWait?: () => void;
	patience?: Patience;
}

export type PullProgress = DownloadProgress & { path: string };

/** `present`: it was there already, with the right checksum. */
export type PulledFile = { path: string; bytes: number; state: 'present' | 'downloaded' };

const publicEndpoint = 'https://huggingface.co';

/**
 * Brings a folder up to date with the official files: keeps correct files and downloads the others. What was downloaded
 * before a failure or an abort is kept, and the next pull continues there. Pulls into the same folder take turns.
 *
 * @throws {Arc2FaceError} `DOWNLOAD_FAILED`, `FILE_FAILED`; the signal's reason when stopped
 */
export async function pull(options: PullOptions): Promise<PulledFile[]> {
	const { folder, files, onProgress, onRetry, patience = defaultPatience } = options;
	const endpoint = serverOf(options.endpoint ?? (process.env.HF_ENDPOINT || publicEndpoint));
	const token = options.token ?? process.env.HF_TOKEN;

	const agent = openAgent();
	const work = async (signal: AbortSignal) => {
		const missing: OfficialFile[] = [];
		const pulled: PulledFile[] = [];
		for (const file of files) {
			const progress = (state: DownloadProgress) => onProgress?.({ ...state, path: file.path });
			const bytes = await rightSize(join(folder, file.path), file, signal, progress);
			if (bytes === undefined) missing.push(file);
			else pulled.push({ path: file.path, bytes, state: 'present' });
		}

		await requireSpace(folder, await bytesToCome(folder, missing));
		for (const file of missing) {
			const url = sourceUrl(file, endpoint);
			const { bytes } = await download({
				...file,
				url,
				file: join(folder, file.path),
				// The token is only for the endpoint.
				...(token && new URL(url).origin === new URL(endpoint).origin ? { token } : {}),
				...{ agent, signal },
				onProgress: (state) => onProgress?.({ ...state, path: file.path }),
				onRetry: (retry) => onRetry?.({ ...retry, path: file.path }),
				patience,
			});
			pulled.push({ path: file.path, bytes, state: 'downloaded' });
		}
		return pulled;
	};
	try {
		return await alone(options, work);
	} finally {
		await agent.destroy();
	}
}

function serverOf(endpoint: string): string {
	if (URL.canParse(endpoint) && /^https?:/.test(endpoint)) return endpoint.replace(/\/+$/, '');
	throw new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected an http or https URL for HF_ENDPOINT but received "${endpoint}".`,
		{
			remedy: 'Let HF_ENDPOINT name a server such as a mirror of the hub, or unset it.',
			details: { variable: 'HF_ENDPOINT' },
		},
	);
}

function sourceUrl({ source }: OfficialFile, endpoint: string): string {
	return typeof source === 'string' ? source : `${endpoint}/${source.repository}/resolve/main/${source.path}`;
}

/**
 * The size of a file that needs no download, or undefined. Files get their name only when complete and checked, so
 * this looks for later damage: by checksum where the table has one, else by parsing the JSON.
 */
async function rightSize(
	path: string,
	{ bytes, sha256 }: OfficialFile,
	signal: AbortSignal,
	onProgress: (progress: DownloadProgress) => void,
): Promise<number | undefined> {
	const size = await onDisk('read', path, () =>
		stat(path).then(
			(found) => found.size,
			(error: NodeJS.ErrnoException) => {
				if (error.code === 'ENOENT') return undefined;
				throw error;
			},
		),
	);
	if (size === undefined || (bytes !== undefined && bytes !== size)) return undefined;
	if (sha256 !== undefined) return (await digest(path, 'sha256', { signal, onProgress })) === sha256 ? size : undefined;
	if (path.endsWith('.json')) return isJson(await readFile(path, 'utf8')) ? size : undefined;
	return size;
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

/** Bytes still to be written, as far as sizes are known; each download checks its own once the server has told it. */
async function bytesToCome(folder: string, files: readonly OfficialFile[]): Promise<number> {
	let sum = 0;
	for (const { path, bytes } of files) {
		const begun = await stat(join(folder, `${path}.part`)).then(
			(part) => part.size,
			() => 0,
		);
		sum += Math.max(0, (bytes ?? 0) - begun);
	}
	return sum;
}

/** Runs `work` while no other process pulls into the folder; its signal also aborts when the lock is lost. */
async function alone<T>(
	{ folder, signal, onWait }: PullOptions,
	work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const lost = new AbortController();
	const stop = signal ? AbortSignal.any([signal, lost.signal]) : lost.signal;
	await onDisk('create', folder, () => makeFolder(folder));
	for (let waiting = false; ; waiting = true) {
		stop.throwIfAborted();
		try {
			const release = await lock(folder, {
				lockfilePath: join(folder, '.pull.lock'),
				onCompromised: abortWith(lost, folder),
			});
			try {
				return await work(stop);
			} finally {
				if (!lost.signal.aborted) await release();
			}
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
			if (!waiting) onWait?.();
			await sleep(500, undefined, { signal: stop }).catch(() => {});
		}
	}
}

function abortWith(lost: AbortController, folder: string): (error: Error) => void {
	return (cause) =>
		lost.abort(
			new Arc2FaceError('FILE_FAILED', `Lost the lock on ${folder}: ${cause.message}.`, {
				remedy: 'Run the same command again; it goes on where it stopped.',
				details: { file: folder },
				cause,
			}),
		);
}
