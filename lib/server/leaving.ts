// Clients that leave before their answer is whole.
import type { FastifyReply } from 'fastify';

/** Aborts when the connection is closed before the answer was written. */
export function leavingOf(reply: FastifyReply): AbortSignal {
	const leaving = new AbortController();
	const { raw } = reply;
	const end = () => {
		if (!raw.writableFinished) leaving.abort(new Error('The client has left.'));
	};
	if (raw.destroyed) end();
	else raw.once('close', end);
	return leaving.signal;
}
