// Clients that leave before their answer is whole.
import type { FastifyReply } from 'fastify';

/** Aborts when nobody waits for the answer any more: the connection was closed before it was written, or it was, without all that could come. */
export function leavingOf(reply: FastifyReply): AbortSignal {
	const leaving = new AbortController();
	afterAnswer(reply, () => leaving.abort(new Error('The client has left.')));
	return leaving.signal;
}

/** Cuts a reader off who takes nothing for so long: what waits to be read takes memory. */
export function cutStalled({ raw }: FastifyReply, seconds: number): void {
	raw.removeAllListeners('timeout').setTimeout(seconds * 1000, () => raw.destroy());
}

/** What there is to do after an answer. */
export class Endings {
	#isOver = false;
	readonly #all: (() => void)[] = [];

	/** At once, if the answer is over. */
	add(end: () => void): void {
		if (this.#isOver) end();
		else this.#all.push(end);
	}

	run(): void {
		this.#isOver = true;
		for (const end of this.#all.splice(0)) end();
	}
}

/**
 * Calls back once the answer has gone out, or can't any more.
 *
 * @param done - `hasLeft`: it was not written whole
 */
export function afterAnswer({ raw, request }: FastifyReply, done: (hasLeft: boolean) => void): void {
	const { socket } = request.raw;
	const end = (hasLeft: boolean) => {
		raw.off('finish', finish).off('close', leave);
		socket.off('close', leave);
		done(hasLeft);
	};
	const finish = () => end(false);
	const leave = () => end(!raw.writableFinished);
	if (raw.destroyed || socket.destroyed) {
		leave();
		return;
	}
	raw.once('finish', finish).once('close', leave);
	// One that waits behind another on the same connection is told of nothing when that closes.
	socket.setMaxListeners(0).once('close', leave);
}
