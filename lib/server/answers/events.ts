// Server-sent events (HTML Living Standard, 9.2), to readers who may be slow.
import { Readable } from 'node:stream';

/** Bytes that wait for a reader, from which on it gets no more of what it can do without. */
const mostWaiting = 256 * 1024;
/** Proxies close connections on which nothing comes for a minute or so. */
export const heartbeatSeconds = 15;

/** Events for one reader. Nobody waits for it: what it can do without is left out while it lags behind. */
export class Events {
	/** Of the answer's body. */
	readonly stream: Readable;
	readonly #heartbeat: NodeJS.Timeout;
	#hasEnded = false;

	constructor() {
		this.stream = new Readable({ read: () => {} });
		// Headers go out with the first bytes.
		this.stream.push(':\n\n');
		this.#heartbeat = setInterval(() => this.#push(':\n\n', false), 1000 * heartbeatSeconds);
		this.#heartbeat.unref();
		this.stream.once('close', () => clearInterval(this.#heartbeat));
	}

	/**
	 * @param data - becomes JSON
	 * @param isNeeded - false for what may be left out
	 */
	send(event: string, data: unknown, isNeeded = true): void {
		this.#push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`, isNeeded);
	}

	end(): void {
		clearInterval(this.#heartbeat);
		this.#hasEnded = true;
		if (!this.stream.destroyed) this.stream.push(null);
	}

	#push(text: string, isNeeded: boolean): void {
		// A preview may come after the end.
		if (this.stream.destroyed || this.#hasEnded || (!isNeeded && this.stream.readableLength > mostWaiting)) return;
		this.stream.push(text);
	}
}
