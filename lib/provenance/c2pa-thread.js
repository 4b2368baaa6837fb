// @ts-check
// A thread in which c2pa-rs, compiled to WebAssembly, signs and reads files: see `c2pa.ts`. In JavaScript, so that it runs uncompiled, too.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { initSync, WasmBuilder, WasmReader } from '@contentauth/c2pa-wasm';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** As much of a Blob as the library uses of one. It reads it with a `FileReaderSync`, which only browsers have. */
class Bytes {
	/** @param {Uint8Array} content */
	constructor(content) {
		this.content = content;
		this.size = content.length;
	}

	/** @param {number} start @param {number} end */
	slice(start, end) {
		return new Bytes(this.content.subarray(start, end));
	}
}
class FileReaderSync {
	/** @param {Bytes} blob */
	readAsArrayBuffer({ content }) {
		return content.slice().buffer;
	}
}
// What a file says must not make this machine call others, whatever the library's settings.
Object.assign(globalThis, { FileReaderSync, fetch: undefined });
// It tells of a panic there, where nobody asked for it.
console.error = () => {};

const wasm = createRequire(import.meta.url).resolve('@contentauth/c2pa-wasm/c2pa.wasm');
initSync({ module: readFileSync(wasm) });

/** By the number of the job: takes the signature that the library waits for. */
const awaited = /** @type {Map<number, { resolve(signature: any): void, reject(error: Error): void }>} */ (new Map());

/** @param {import('./c2pa.ts').SignRequest & { id: number }} request */
async function sign({ id, format, bytes, manifest, settings, algorithm, signatureBytes }) {
	const builder = WasmBuilder.fromJson(manifest, settings);
	try {
		const signer = {
			...{ alg: algorithm, reserveSize: signatureBytes },
			/** @param {Uint8Array} claim */
			sign: (claim) =>
				new Promise((resolve, reject) => {
					awaited.set(id, { resolve, reject });
					port.postMessage({ id, claim: claim.slice() });
				}),
		};
		return await builder.sign(/** @type {any} */ (signer), [], format, /** @type {any} */ (new Bytes(bytes)));
	} finally {
		builder.free();
	}
}

/** @param {import('./c2pa.ts').ReadRequest} request */
async function read({ format, bytes, settings }) {
	const reader = await WasmReader.fromBytes(format, bytes, settings);
	try {
		return reader.json();
	} finally {
		reader.free();
	}
}

port.on('message', async ({ id, sign: toSign, read: toRead, signature, refusal }) => {
	if (signature !== undefined) return awaited.get(id)?.resolve(signature);
	if (refusal !== undefined) return awaited.get(id)?.reject(new Error(refusal));
	try {
		const answer = toSign === undefined ? await read(toRead) : await sign({ id, ...toSign });
		port.postMessage({ id, answer });
	} catch (error) {
		// After a panic nothing in its memory can be relied on: this thread ends, and jobs get another.
		if (error instanceof Error && ['RuntimeError', 'RangeError'].includes(error.name)) throw error;
		port.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
	} finally {
		awaited.delete(id);
	}
});
