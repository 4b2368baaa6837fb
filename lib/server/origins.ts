// Web pages of others: which may call this server from a browser, and that no name is made to lead to it.
import { isIPv4 } from 'node:net';
import { describe, invalid } from '../options/check.ts';
import { ServerError } from './problem.ts';

/** What of a request tells where it comes from. */
export type Sender = Readonly<{
	method: string;
	/** The header `Host`. */
	host: string | undefined;
	/** The header `Origin`, which browsers send with all that a page of another origin asks for, and with every form. */
	origin: string | undefined;
	/** The header `Sec-Fetch-Site`. */
	site: string | undefined;
}>;

/** They change nothing: their answers are what has to be kept from other pages, and browsers do that. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

const exposed = [
	...['Arc2Face-Seed', 'Arc2Face-Similarity', 'Arc2Face-Warnings', 'Arc2Face-Index', 'Location', 'Retry-After'],
	...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'X-Request-Id', 'Idempotency-Replayed'],
].join(', ');
const preflightHeaders = {
	'access-control-allow-methods': 'GET, POST, DELETE',
	'access-control-allow-headers':
		'Authorization, X-API-Key, Content-Type, Accept, Idempotency-Key, Last-Event-ID, X-Request-Id',
	'access-control-max-age': '600',
};

export class Origins {
	readonly #allowed: ReadonlySet<string>;
	readonly #knowsHosts: boolean;

	/**
	 * @param allowed - origins of pages, such as https://example.com, or * for all
	 * @param needKey - whether clients need keys
	 * @param isLocal - on loopback. There, without keys, nothing but the address keeps others out, and a page could reach the server
	 *   through a name of its own that leads to 127.0.0.1 (DNS rebinding), so that only known names are answered
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
	 */
	constructor(allowed: readonly string[], { needKey, isLocal }: Readonly<{ needKey: boolean; isLocal: boolean }>) {
		for (const origin of allowed) {
			const isFine = origin === '*' ? needKey : URL.canParse(origin) && new URL(origin).origin === origin;
			if (isFine) continue;
			const remedy = origin === '*' ? 'Where no keys are asked for, any page could paint: name the pages.' : undefined;
			throw invalid('the origin of a page, such as https://example.com,', 'allowOrigin', describe(origin), remedy);
		}
		this.#allowed = new Set(allowed);
		this.#knowsHosts = isLocal && !needKey;
	}

	/** @throws {ServerError} `FORBIDDEN` */
	check({ method, host, origin, site }: Sender): void {
		if (this.#knowsHosts && !this.#isKnownHost(host)) {
			throw new ServerError('FORBIDDEN', `Expected a name of this machine for Host but received ${describe(host)}.`, {
				remedy: 'Call it as localhost or 127.0.0.1; for another name, use API keys.',
			});
		}
		if (safeMethods.includes(method)) return;
		const isForeign =
			origin === undefined ? site === 'cross-site' : !this.#isOwn(origin, host) && !this.#allows(origin);
		if (!isForeign) return;
		throw new ServerError(
			'FORBIDDEN',
			`Expected a request of an allowed page but received one of ${origin ?? 'another'}.`,
			{
				remedy: 'Allow its origin, with --allow-origin, if the page may use this server.',
			},
		);
	}

	/** Of every answer: without them, a browser keeps an answer from the pages of other origins. */
	headersFor(origin: string | undefined): Record<string, string> {
		if (origin === undefined || !this.#allows(origin)) {
			return { 'cross-origin-resource-policy': 'same-origin', ...(this.#allowed.size > 0 && { vary: 'Origin' }) };
		}
		return {
			'access-control-allow-origin': origin,
			'access-control-expose-headers': exposed,
			'cross-origin-resource-policy': 'cross-origin',
			vary: 'Origin',
		};
	}

	/** Of the answer to what a browser asks before it lets a page of that origin call. */
	preflightHeadersFor(origin: string | undefined): Record<string, string> {
		if (origin === undefined || !this.#allows(origin)) return this.headersFor(origin);
		return { ...this.headersFor(origin), ...preflightHeaders };
	}

	#allows(origin: string): boolean {
		return this.#allowed.has(origin) || this.#allowed.has('*');
	}

	/** Whatever the scheme: a proxy in front may speak TLS. */
	#isOwn(origin: string, host: string | undefined): boolean {
		return URL.canParse(origin) && new URL(origin).host === host;
	}

	#isKnownHost(host: string | undefined): boolean {
		if (host === undefined || !URL.canParse(`http://${host}`)) return false;
		const { hostname } = new URL(`http://${host}`);
		if (isLoopback(hostname)) return true;
		return [...this.#allowed].some((origin) => new URL(origin).hostname === hostname);
	}
}

/** Whether an address, or a name that always means one, is this machine alone. */
export function isLoopback(host: string): boolean {
	if (isIPv4(host)) return host.startsWith('127.');
	return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || host === '[::1]';
}
