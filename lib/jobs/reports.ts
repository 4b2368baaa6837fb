// How far a job is, told now and then.
import type { JobImage, JobProgress } from './job.ts';

const reportMs = 500;

/** Writes the latest of many reports, now and then; one that fails is one less. */
export class Reports {
	readonly #write: (progress: JobProgress, images: readonly JobImage[]) => Promise<void>;
	#latest: [JobProgress, readonly JobImage[]] | undefined;
	#writing: Promise<void> = Promise.resolve();
	#timer: NodeJS.Timeout | undefined;

	constructor(write: (progress: JobProgress, images: readonly JobImage[]) => Promise<void>) {
		this.#write = write;
	}

	readonly add = (...report: [JobProgress, readonly JobImage[]]): void => {
		this.#latest = report;
		this.#timer ??= setTimeout(() => this.#flush(), reportMs);
	};

	/** Writes the last one; after it none is written any more. */
	async end(): Promise<void> {
		clearTimeout(this.#timer);
		if (this.#timer !== undefined) this.#flush();
		await this.#writing;
	}

	#flush(): void {
		this.#timer = undefined;
		const report = this.#latest!;
		this.#writing = this.#writing.then(() => this.#write(...report)).catch(() => {});
	}
}
