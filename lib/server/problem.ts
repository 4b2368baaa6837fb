// Errors as clients read them: problem details for HTTP APIs (RFC 9457), made of code, problem and remedy.
import { STATUS_CODES } from 'node:http';
import { Arc2FaceError, type ErrorCode, errorCodes } from '../errors.ts';
import type { Wording } from '../messages/wording.ts';

/** Failures of the server itself, and what they mean. */
export const serverCodes = {
	UNAUTHORIZED: { status: 401, title: 'There is no API key, or one that is not known.' },
	FORBIDDEN: { status: 403, title: 'This is not allowed to this client, or from where the request comes from.' },
	NOT_FOUND: { status: 404, title: 'There is nothing at this address.' },
	METHOD_NOT_ALLOWED: { status: 405, title: 'This address does not have this method.' },
	NOT_ACCEPTABLE: { status: 406, title: 'The answer can not have the form that was asked for.' },
	TIMEOUT: { status: 408, title: 'The request took too long to arrive.' },
	CONFLICT: { status: 409, title: 'A request with the same idempotency key is still being worked on.' },
	TOO_LARGE: { status: 413, title: 'The request is larger than is allowed.' },
	UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The request has a form that is not known.' },
	UNPROCESSABLE: { status: 422, title: 'The idempotency key was used for another request.' },
	HEADERS_TOO_LARGE: { status: 431, title: 'The headers of the request are larger than is allowed.' },
	RATE_LIMITED: { status: 429, title: 'There were too many requests with this key.' },
	QUOTA_EXCEEDED: { status: 429, title: 'The images that this key allows are used up.' },
	BUSY: { status: 429, title: 'There is as much work waiting as the server takes on.' },
	INTERNAL: { status: 500, title: 'The server has a fault.' },
	NOT_IMPLEMENTED: { status: 501, title: 'This server does not have what was asked for.' },
	TIMED_OUT: { status: 503, title: 'The work took longer than the server lets it.' },
	UNAVAILABLE: { status: 503, title: 'The server can not do this at the moment.' },
} as const;

/** A kind of failure of the server itself. */
export type ServerCode = keyof typeof serverCodes;

const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
	...{ INVALID_ARGUMENT: 400, INVALID_IMAGE: 422, NO_FACE: 422 },
	...{ CONSENT_REQUIRED: 403, DENIED: 403 },
	...{ OUT_OF_MEMORY: 503, DEVICE_LOST: 503, DISPOSED: 503 },
};

/** Seconds after which a failure may have passed. */
const retryAfter: Readonly<Partial<Record<ErrorCode, number>>> = { OUT_OF_MEMORY: 5, DEVICE_LOST: 30, DISPOSED: 30 };

/** Details that tell of the server's disks, and not of the request. */
const withheld = ['file', 'bundle', 'variable', 'systemCode', 'record', 'row'];

/** A failure of the server itself. */
export class ServerError extends Error {
	readonly code: ServerCode;
	readonly remedy: string | undefined;
	/** Of the answer. */
	readonly headers: Readonly<Record<string, string>>;

	constructor(
		code: ServerCode,
		problem: string,
		{
			remedy,
			headers = {},
			cause,
		}: { remedy?: string | undefined; headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
	) {
		super(problem, cause === undefined ? undefined : { cause });
		this.name = 'ServerError';
		this.code = code;
		this.remedy = remedy;
		this.headers = headers;
	}

	get status(): number {
		return serverCodes[this.code].status;
	}
}

/** The answer to a request that failed. */
export type Problem = {
	type: string;
	title: string;
	status: number;
	detail: string;
	code: ErrorCode | ServerCode;
	remedy?: string;
	details?: Record<string, unknown>;
	requestId?: string;
};

/** Options are fields of the request. */
const clientWording: Wording = {
	option: (name, value) => (value === undefined ? `\`${name}\`` : `\`"${name}": "${value}"\``),
	either: (program) => program,
};

const page = 'https://github.com/arc2face-native/arc2face-native/blob/main/docs/errors.md';

/** Whose doing a failure is, and how the client is told. What is not known is not told: it may hold anything. */
export function problemOf(error: unknown): { problem: Problem; headers: Readonly<Record<string, string>> } {
	if (error instanceof ServerError) {
		const { code, status, message, remedy, headers } = error;
		return { problem: problem(code, { title: serverCodes[code].title, status, detail: message, remedy }), headers };
	}
	if (error instanceof Arc2FaceError) return problemOfLibrary(error.inWordsOf(clientWording));
	return problemOf(new ServerError('INTERNAL', 'The request ended in a fault of the server.'));
}

function problemOfLibrary({ code, problem: detail, remedy, details }: Arc2FaceError) {
	const status = statuses[code] ?? 500;
	const told = Object.fromEntries(Object.entries(details).filter(([name]) => !withheld.includes(name)));
	// Sentences about the server's own files are for its log.
	const isOfServer = status === 500;
	const seconds = retryAfter[code];
	return {
		problem: problem(code, {
			...{ title: errorCodes[code], status },
			detail: isOfServer ? (STATUS_CODES[500] ?? '') : detail,
			...(isOfServer ? {} : { remedy, details: told }),
		}),
		headers: seconds === undefined ? {} : { 'retry-after': String(seconds) },
	};
}

function problem(
	code: ErrorCode | ServerCode,
	{ remedy, details = {}, ...told }: Omit<Problem, 'type' | 'code' | 'remedy'> & { remedy?: string | undefined },
): Problem {
	return {
		...{ type: `${page}#${code.toLowerCase()}`, ...told, code },
		...(remedy === undefined ? {} : { remedy }),
		...(Object.keys(details).length === 0 ? {} : { details }),
	};
}
