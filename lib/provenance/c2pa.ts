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

/** `limit`: milliseconds that it may take. */
type How = Pick<Job, 'sign'> & { limit?: number };

/** c2pa-rs refuses a file, or failed: its own words, for a cause. */
export class C2paFailure extends Error {
	override readonly name = 'C2paFailure';
}

/** The thread of a job ended, or the job took too long: nothing is known of its file. */
export class C2paLoss extends Error {
	override readonly name = 'C2paLoss';
}

/** The thread ended, maybe because of another job in it. */
class ThreadEnd extends C2paLoss {}

/** Begun when it is needed, and again when it has died. It keeps no program from ending. */
class Thread {
	#worker: Worker | undefined;
	readonly #jobs = new Map<number, Job>();
	#next = 0;
	#lastAgain: Promise<unknown> = Promise.resolve();

	async run(job: { read: ReadRequest } | { sign: SignRequest }, how: How): Promise<unknown> {
		try {
			return await this.#once(job, how);
		} catch (error) {
			if (!(error instanceof ThreadEnd)) throw error;
			// One after another, so that the job that ended the thread does not end it for the others again.
			const again = this.#lastAgain.then(() => this.#once(job, how));
			this.#lastAgain = again.catch(() => {});
			return await again;
		}
	}

	#once(job: { read: ReadRequest } | { sign: SignRequest }, { sign, limit }: How): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const worker = this.#running();
			const id = this.#next++;
			worker.postMessage({ id, ...job });
			const timer =
				limit === undefined
					? undefined
					: setTimeout(() => this.#stop(worker, id, `c2pa-rs took longer than ${limit / 1000} seconds`), limit);
			const end = (settle: () => void) => {
				clearTimeout(timer);
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
		});
	}

	#running(): Worker {
		if (this.#worker !== undefined) return this.#worker;
		const worker = new Worker(new URL('./c2pa-thread.js', import.meta.url), { execArgv: [] });
		this.#worker = worker;
		worker.on('message', (message: Message) => void this.#hear(worker, message));
		worker.on('error', (cause) => this.#lose(worker, cause));
		worker.on('exit', () => this.#lose(worker));
		return worker;
	}

	#lose(worker: Worker, cause?: unknown): void {
		if (this.#worker !== worker) return;
		this.#worker = undefined;
		const loss = new ThreadEnd('the thread of c2pa-rs ended', { cause });
		for (const job of [...this.#jobs.values()]) job.reject(loss);
	}

	/** Ends a thread because of one of its jobs. */
	#stop(worker: Worker, id: number, why: string): void {
		this.#jobs.get(id)?.reject(new C2paLoss(why));
		this.#lose(worker);
		void worker.terminate();
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

/** Milliseconds. The largest file that is read takes about two seconds. */
const readingLimit = 60_000;

/**
 * @param sign - gives the COSE structure for a claim; asked again if the thread ends because of another file
 * @returns the file with its manifest
 * @throws {C2paFailure} {@link C2paLoss}; what `sign` throws
 */
export async function signFile(
	request: SignRequest,
	sign: (claim: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
	return (await signing.run({ sign: request }, { sign })) as Uint8Array;
}

/** When the last file that was given is read. */
let lastRead: Promise<unknown> = Promise.resolve();

/**
 * One file after another, so that each has its own time, and none is in a thread that another ends.
 *
 * @returns what c2pa-rs tells of the manifests of a file, as JSON
 * @throws {C2paFailure} {@link C2paLoss}, also when it takes longer than a minute
 */
export async function readManifests(request: ReadRequest): Promise<string> {
	const read = lastRead.then(() => reading.run({ read: request }, { limit: readingLimit }));
	lastRead = read.catch(() => {});
	return (await read) as string;
}
