// C2PA manifests, signed and read by c2pa-rs in threads of their own: no call waits on JavaScript's.
import { Worker } from 'node:worker_threads';

/** What is signed, and how. */
export type SignRequest = Readonly<{
	/** `image/png` and so on. */
	format: string;
	bytes: Uint8Array;
	/** JSON, as c2pa-rs defines a manifest. */
	manifest: string;
	/** JSON, as c2pa-rs has them. */
	settings: string;
	/** In the words of C2PA. */
	algorithm: string;
	/** Of the whole COSE structure, to the byte. */
	signatureBytes: number;
}>;

export type ReadRequest = Pick<SignRequest, 'format' | 'bytes' | 'settings'>;

/** What a thread says: a claim that is to be signed, or how a job ended. */
type Message = Readonly<{ id: number } & ({ claim: Uint8Array } | { answer: unknown } | { failure: string })>;

type Job = {
	resolve(answer: unknown): void;
	reject(error: unknown): void;
	sign?: (claim: Uint8Array) => Promise<Uint8Array>;
};

/** c2pa-rs refuses a file, or failed: its own words, for a cause. */
export class C2paFailure extends Error {
	override readonly name = 'C2paFailure';
}

/** Begun when it is needed, and again when it has died. It keeps no program from ending. */
class Thread {
	#worker: Worker | undefined;
	readonly #jobs = new Map<number, Job>();
	#next = 0;

	run(job: { read: ReadRequest } | { sign: SignRequest }, sign?: Job['sign']): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const worker = this.#running();
			const id = this.#next++;
			const end = (settle: () => void) => {
				this.#jobs.delete(id);
				if (this.#jobs.size === 0) worker.unref();
				settle();
			};
			this.#jobs.set(id, {
				resolve: (answer) => end(() => resolve(answer)),
				reject: (error) => end(() => reject(error)),
				...(sign && { sign }),
			});
			worker.ref();
			worker.postMessage({ id, ...job });
		});
	}

	#running(): Worker {
		if (this.#worker !== undefined) return this.#worker;
		const worker = new Worker(new URL('./c2pa-thread.js', import.meta.url), { execArgv: [] });
		this.#worker = worker;
		const fail = (error: Error) => {
			if (this.#worker !== worker) return;
			this.#worker = undefined;
			for (const job of [...this.#jobs.values()]) job.reject(new C2paFailure(error.message, { cause: error }));
		};
		worker.on('message', (message: Message) => void this.#hear(worker, message));
		worker.on('error', fail);
		worker.on('exit', () => fail(new Error('The thread of c2pa-rs ended.')));
		return worker;
	}

	async #hear(worker: Worker, message: Message): Promise<void> {
		const { id } = message;
		const job = this.#jobs.get(id);
		if ('answer' in message) return job?.resolve(message.answer);
		if ('failure' in message) return job?.reject(new C2paFailure(message.failure));
		try {
			worker.postMessage({ id, signature: await job?.sign?.(message.claim) });
		} catch (error) {
			// What the signer says counts, not what c2pa-rs makes of it.
			job?.reject(error);
			worker.postMessage({ id, refusal: 'The signer failed.' });
		}
	}
}

// Two, so that no file that is read, from wherever, ends the signing of others.
const signing = new Thread();
const reading = new Thread();

/**
 * @param sign - gives the COSE structure for a claim
 * @returns the file with its manifest
 * @throws {C2paFailure}; what `sign` throws
 */
export async function signFile(
	request: SignRequest,
	sign: (claim: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
	return (await signing.run({ sign: request }, sign)) as Uint8Array;
}

/**
 * @returns what c2pa-rs tells of the manifests of a file, as JSON
 * @throws {C2paFailure}
 */
export async function readManifests(request: ReadRequest): Promise<string> {
	return (await reading.run({ read: request })) as string;
}
