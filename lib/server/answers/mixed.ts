// multipart/mixed (RFC 2046, section 5.1.3): a part for each image, as it finishes.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

/** An answer of several parts. */
export class Parts {
	/** Of the answer's body. */
	readonly stream = new Readable({ read: () => {} });
	readonly #boundary = randomUUID();

	/** Of the whole. */
	get mediaType(): string {
		return `multipart/mixed; boundary="${this.#boundary}"`;
	}

	/** @param headers - of the part */
	add(headers: Readonly<Record<string, string>>, bytes: Uint8Array): void {
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
		this.stream.push(`--${this.#boundary}\r\n${lines.join('')}content-length: ${bytes.length}\r\n\r\n`);
		this.stream.push(bytes);
		this.stream.push('\r\n');
	}

	end(): void {
		this.stream.push(`--${this.#boundary}--\r\n`);
		this.stream.push(null);
	}
}
