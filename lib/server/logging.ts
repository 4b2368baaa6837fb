// The log: one line for every request and for what happens to the server. Never photos, embeddings or keys.
import { Arc2FaceError } from '../errors.ts';

/** What the line of a request tells. */
export type RequestLine = Readonly<{
	client: string | undefined;
	method: string;
	/** The pattern, not the address: that may have anything. */
	route: string;
	status: number;
	ms: number;
	/** That were painted. */
	images?: number | undefined;
	/** Of the error that was answered. */
	code?: string | undefined;
	/** Whether the client left before it had the answer. */
	left?: true | undefined;
}>;

export type LogOptions = {
	/** Where lines go. */
	stream: { write(line: string): void };
	/** Lines of JSON, as pino writes them, not of text for people. */
	json: boolean;
	level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
};

/** Of Fastify, which logs with pino. */
export function loggerOptions({ stream, json, level = 'info' }: LogOptions) {
	return {
		level,
		stream: json ? stream : { write: (line: string) => stream.write(textOf(line)) },
		base: null,
		timestamp: () => `,"time":"${new Date().toISOString()}"`,
		formatters: { level: (label: string) => ({ level: label }) },
		serializers: {
			err: errorOf,
			// Nothing of a request by itself: addresses and headers have keys, and what clients put there.
			req: () => ({}),
			res: () => ({}),
		},
	};
}

/** What an error may tell the log. Messages may repeat what was received: long runs of data are left out. */
function errorOf(error: unknown) {
	const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
	const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
	return {
		type: name,
		...(error instanceof Arc2FaceError && { code: error.code }),
		message: withoutData(message),
		stack: frames.join('\n'),
	};
}

const longestMessage = 300;

/** Leaves out what may be base64, and lists of numbers. */
function withoutData(text: string): string {
	return text
		.slice(0, 100_000)
		.replace(/[\w+/=-]{40,}/g, '…')
		.replace(/-?\d+(\.\d+)?(e-?\d+)?([,\s]+-?\d+(\.\d+)?(e-?\d+)?){3,}/gi, '…')
		.slice(0, longestMessage);
}

/** A line for people: `12:34:56 POST /v1/portraits 200, 2 images, 1520 ms (anna, 4f1c…)`. */
function textOf(line: string): string {
	const { time, level, msg, reqId, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
	const { client, method, route, status, ms, images, code, left, ...others } = rest;
	const words = [String(time).slice(11, 19)];
	if (level !== 'info') words.push(`${level}:`);
	if (method === undefined) {
		words.push(String(msg), ...Object.entries({ ...others, code }).map(([name, value]) => tell(name, value)));
	} else {
		const parts = [[status, code].filter(Boolean).join(' '), images ? `${images} image${images === 1 ? '' : 's'}` : ''];
		words.push(`${method} ${route} ${[...parts, `${ms} ms`, left ? 'left' : ''].filter(Boolean).join(', ')}`);
		words.push(`(${[client, reqId].filter(Boolean).join(', ')})`);
	}
	if (err !== undefined) words.push(JSON.stringify(err));
	return `${words.filter(Boolean).join(' ')}\n`;
}

function tell(name: string, value: unknown): string {
	return value === undefined ? '' : `${name} ${String(value)}`;
}
