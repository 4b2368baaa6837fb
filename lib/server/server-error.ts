// What the server itself refuses or cannot do, besides the errors of the package.

/** Every code of the server's own, with its HTTP status and what it means. */
export const serverErrorCodes = {
	UNAUTHORIZED: { status: 401, means: 'The request has no key, or none that is known.' },
	FORBIDDEN: { status: 403, means: 'The request comes from a web page, or goes to a name, that is not allowed.' },
	NOT_FOUND: { status: 404, means: 'There is nothing at this address.' },
	METHOD_NOT_ALLOWED: { status: 405, means: 'The address knows other methods only.' },
	NOT_ACCEPTABLE: { status: 406, means: 'The answer does not come in any of the accepted types.' },
	REQUEST_TIMEOUT: { status: 408, means: 'The request did not arrive in time.' },
	CONFLICT: { status: 409, means: 'A request with the same idempotency key is still being answered.' },
	TOO_LARGE: { status: 413, means: 'The request, or what it asks for, is larger than this server takes.' },
	UNSUPPORTED_MEDIA_TYPE: { status: 415, means: 'The body is of a type that is not read.' },
	UNPROCESSABLE: { status: 422, means: 'The idempotency key was used for another request.' },
	RATE_LIMITED: { status: 429, means: 'The client has made too many requests in a short time.' },
	QUOTA_EXCEEDED: { status: 429, means: 'The client has had the images of this day.' },
	BUSY: { status: 429, means: 'The server has as much work, or memory in use, as it takes.' },
	INTERNAL: { status: 500, means: 'Something failed that should not: a bug.' },
	UNAVAILABLE: { status: 503, means: 'The server loads its model, shuts down, or has no model.' },
	TIMEOUT: { status: 503, means: 'The work took longer than this server lets it.' },
} as const;

/** A kind of failure of the server itself. */
export type ServerErrorCode = keyof typeof serverErrorCodes;

/** A refusal by the server itself, answered as a problem. */
export class ServerError extends Error {
	override readonly name = 'ServerError';
	readonly code: ServerErrorCode;
	/** What was wrong: a sentence. */
	readonly problem: string;
	/** What to do about it; undefined where nothing general helps. */
	readonly remedy: string | undefined;
	/** Of the answer. */
	readonly headers: Readonly<Record<string, string>>;

	constructor(
		code: ServerErrorCode,
		problem: string,
		{ remedy, headers = {} }: { remedy?: string; headers?: Readonly<Record<string, string>> } = {},
	) {
		super(remedy === undefined ? problem : `${problem} ${remedy}`);
		this.code = code;
		this.problem = problem;
		this.remedy = remedy;
		this.headers = headers;
	}

	get status(): number {
		return serverErrorCodes[this.code].status;
	}
}
