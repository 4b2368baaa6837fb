// Failures of connections on which no request came about: Node.js tells the server of them, and no route.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Arc2FaceError } from '../errors.ts';
import { problemOf, type ServerCode, ServerError } from './problem.ts';

/** By Node.js's codes: https://nodejs.org/api/http.html#event-clienterror */
const known: Readonly<Record<string, readonly [code: ServerCode, problem: string]>> = {
	ERR_HTTP_REQUEST_TIMEOUT: ['TIMEOUT', 'The request took too long to arrive.'],
	HPE_HEADER_OVERFLOW: ['HEADERS_TOO_LARGE', 'The headers of the request are too large.'],
};

/** Answers with a problem, and ends the connection; one on which there were answers before, perhaps half of one, just ends. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
	if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
		socket.destroy();
		return;
	}
	const [code, text] = known[error.code ?? ''] ?? [];
	const failure =
		code === undefined
			? new Arc2FaceError('INVALID_ARGUMENT', 'The request is not HTTP.', { cause: error })
			: new ServerError(code, text!);
	const { problem } = problemOf(failure);
	const body = JSON.stringify(problem);
	socket.end(
		`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: application/problem+json\r\n` +
			`Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
		() => socket.destroy(),
	);
}
