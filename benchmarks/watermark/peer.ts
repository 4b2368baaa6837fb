// The Python package invisible-watermark (DwtDct), in a process of its own, which is asked image by image.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Pixels } from './attacks.ts';

export class Peer {
	readonly #process;
	readonly #replies;

	/** @param python - one that has invisible-watermark, OpenCV, PyWavelets and NumPy */
	constructor(python: string) {
		const script = fileURLToPath(new URL('../../../benchmarks/watermark/peer.py', import.meta.url));
		this.#process = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.#replies = this.#process.stdout.iterator({ destroyOnReturn: false });
	}

	#rest = Buffer.alloc(0);
	async #read(length: number): Promise<Buffer> {
		while (this.#rest.length < length) {
			const { value, done } = await this.#replies.next();
			if (done) throw new Error('The peer ended before it answered.');
			this.#rest = Buffer.concat([this.#rest, value as Buffer]);
		}
		const read = this.#rest.subarray(0, length);
		this.#rest = this.#rest.subarray(length);
		return read;
	}

	async #ask(what: 'e' | 'd', { data, width, height }: Pixels, payload: Uint8Array, answer: number) {
		const head = Buffer.alloc(9);
		head.write(what);
		head.writeUInt32LE(width, 1);
		head.writeUInt32LE(height, 5);
		this.#process.stdin.write(Buffer.concat([head, payload, data]));
		const milliseconds = (await this.#read(8)).readDoubleLE();
		return { milliseconds, answer: new Uint8Array(await this.#read(answer)) };
	}

	async embed(image: Pixels, payload: Uint8Array): Promise<{ milliseconds: number; answer: Uint8Array }> {
		return await this.#ask('e', image, payload, image.data.length);
	}

	/** Six bytes, whether there is a mark or not. */
	async read(image: Pixels): Promise<{ milliseconds: number; answer: Uint8Array }> {
		return await this.#ask('d', image, new Uint8Array(6), 6);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.stdin.end();
		await once(this.#process, 'exit');
	}
}
