// Requests to the server, and what its responses say.
import { fetch, Headers, type Response } from 'undici';
import { Arc2FaceError } from '../errors.ts';
import { type Agent, namesProxy } from './proxy.ts';

/** What the bytes must hash to. `gitBlob` is the SHA-1 that Git and the model hub give a small file. */
export type Checksum = { algorithm: 'sha256' | 'gitBlob'; hex: string };

export interface Download {
	url: string;
	/** Where the complete file goes; until then its bytes are in `<file>.part`. */
	file: string;
	bytes?: number;
	sha256?: string;
	/** Sent to the first origin only, never after a redirect. */
	token?: string;
	agent: Agent;
	signal: AbortSignal;
	onProgress: (progress: DownloadProgress) => void;
	/** A connection broke; another is tried after the pause. */
	onRetry?: (retry: { reason: string; pauseMs: number }) => void;
	patience: Patience;
}

/** `total` is undefined until the server has stated it. */
export type DownloadProgress = { phase: 'downloading' | 'verifying'; done: number; total: number | undefined };

/** How much a bad connection is tolerated. */
export interface Patience {
	/** Failures in a row, without a new byte between them, after which the download gives up. */
	failures: number;
	/** Pause after the first failure; doubles with each, up to `longestPauseMs`. */
	pauseMs: number;
	longestPauseMs: number;
	/** Silence after which a connection is considered broken. */
	silenceMs: number;
}

/** A failure that may go away on another attempt. */
export class Interruption extends Error {
	readonly pauseMs: number | undefined;

	constructor(message: string, options?: ErrorOptions & { pauseMs?: number | undefined }) {
		super(message, options);
		this.pauseMs = options?.pauseMs;
	}
}

/** No server at this address: waiting helps only if there was one a moment ago. */
export class Unreachable extends Interruption {
	/** Undefined: the general remedy for network trouble. */
	remedy: string | undefined;
}

/** Sends the request and follows redirects, collecting what the hub says about the file on the way. */
export async function send(request: Download, offset: number, version: string | undefined, signal: AbortSignal) {
	const origin = new URL(request.url).origin;
	let stated: Checksum | undefined;
	let url = new URL(request.url);
	for (let redirects = 0; redirects <= 10; redirects++) {
		const headers = new Headers({ 'accept-encoding': 'identity', 'user-agent': 'arc2face-native' });
		if (offset > 0) headers.set('range', `bytes=${offset}-`);
		if (offset > 0 && version !== undefined) headers.set('if-range', version);
		if (request.token && url.origin === origin) headers.set('authorization', `Bearer ${request.token}`);
		const server = url;
		const response = await fetch(server, { headers, signal, redirect: 'manual', dispatcher: request.agent }).catch(
			(error: Error) => {
				throw connectionError(server, error);
			},
		);
		stated ??= statedChecksum(response);
		const location = response.headers.get('location');
		if (response.status < 300 || response.status >= 400 || location === null) return { response, stated };
		await response.body?.cancel();
		url = new URL(location, url);
	}
	throw new Arc2FaceError('DOWNLOAD_FAILED', `Expected a file at ${request.url} but received more than 10 redirects.`, {
		details: { url: request.url },
	});
}

/**
 * A network failure has a code, and waiting may help. What fetch refuses (a blocked port, say) has none. A proxy that
 * refuses aborts the request, and neither it nor a bad certificate will change.
 */
function connectionError({ host }: URL, error: Error): Error {
	if (!(error instanceof TypeError)) return error;
	const { code } = rootOf(error) as NodeJS.ErrnoException;
	const isMistrusted = /CERT|^UNABLE_TO_/.test(code ?? '');
	if (code !== undefined && !['ENOTFOUND', 'UND_ERR_ABORTED'].includes(code) && !isMistrusted) return error;
	const named = process.env.HF_ENDPOINT?.includes(host) ? ', which HF_ENDPOINT names' : '';
	const unreachable = new Unreachable(`Can't reach the server ${host}${named}: ${reasonOf(error)}`, { cause: error });
	if (isMistrusted) {
		unreachable.remedy =
			'If its certificate is from your network, let NODE_EXTRA_CA_CERTS name the file of who issued it.';
	}
	return unreachable;
}

/** The hub names a file's SHA-256 (large files) or Git blob (small ones) in its headers; other servers' tags are ignored. */
function statedChecksum(response: Response): Checksum | undefined {
	const tag = (name: string) => response.headers.get(name)?.match(/^"?([0-9a-f]+)"?$/)?.[1];
	const linked = tag('x-linked-etag');
	if (linked?.length === 64) return { algorithm: 'sha256', hex: linked };
	const own = response.headers.has('x-repo-commit') ? tag('etag') : undefined;
	return own?.length === 40 ? { algorithm: 'gitBlob', hex: own } : undefined;
}

export function refusal({ url, token }: Download, { status, headers }: Response): Error {
	if (status === 408 || status === 429 || status >= 500) {
		const seconds = Number(headers.get('retry-after') ?? Number.NaN);
		return new Interruption(`the server answered ${status}`, {
			pauseMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
		});
	}
	const details = { url, status };
	const problem = `Expected a file at ${url} but the server answered ${status}.`;
	if (status === 401 || status === 403) {
		const remedy = token
			? 'The token in HF_TOKEN may lack access: accept the terms on the page of the repository.'
			: 'If the repository asks for an account, accept its terms and set HF_TOKEN.';
		return new Arc2FaceError('DOWNLOAD_FAILED', problem, { remedy, details });
	}
	const remedy = status === 404 ? 'Unset HF_ENDPOINT if it names another server than the hub.' : undefined;
	return new Arc2FaceError('DOWNLOAD_FAILED', problem, { remedy, details });
}

/** Stops before gigabytes are downloaded of a file that is not the one we know. */
export function refuseOther(
	{ url, bytes, sha256 }: Download,
	stated: Checksum | undefined,
	total: number | undefined,
): void {
	if (sha256 !== undefined && stated?.algorithm === 'sha256' && stated.hex !== sha256) {
		throw otherFile(url, `Expected sha256 ${sha256} for ${url} but the server offers ${stated.hex}.`);
	}
	if (bytes !== undefined && total !== undefined && total !== bytes) {
		throw otherFile(url, `Expected ${bytes} bytes for ${url} but the server offers ${total}.`);
	}
}

/** The server does not have the official file. */
export function otherFile(url: string, problem: string): Arc2FaceError {
	const remedy = process.env.HF_ENDPOINT
		? 'Unset HF_ENDPOINT, so that the file comes from the hub.'
		: 'A newer version of this package may know the file that is there.';
	return new Arc2FaceError('DOWNLOAD_FAILED', problem, { remedy, details: { url } });
}

/** The remedy when the network is to blame. */
export function networkRemedy(): string {
	const proxy = namesProxy()
		? ', and the proxy that HTTPS_PROXY or HTTP_PROXY names'
		: '; behind a proxy, let HTTPS_PROXY name it';
	return `Check the connection${proxy}. Then run \`arc2face pull\` again; it goes on where it stopped.`;
}

export function reasonOf(error: Error): string {
	const root = rootOf(error);
	return root.message || String((root as NodeJS.ErrnoException).code);
}

/** fetch's own error says little; its cause says more. */
function rootOf(error: Error): Error {
	return error.cause instanceof Error ? rootOf(error.cause) : error;
}
