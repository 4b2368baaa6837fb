// How many images are painted at a time.

type Waiting = { images: number; enter: () => void };

/** Lets work in as long as it fits, in the order in which it came. */
export class Room {
	readonly #size: number;
	readonly #share: number;
	#taken = 0;
	readonly #waiting: Waiting[] = [];

	/**
	 * @param size - in images
	 * @param share - what one piece of work takes at most, however large it is (default: all, so that what is larger goes in alone)
	 */
	constructor(size: number, share = size) {
		this.#size = size;
		this.#share = share;
	}

	/** Whether there is some left, and nobody who waits for it. */
	get isOpen(): boolean {
		return this.#waiting.length === 0 && this.#taken < this.#size;
	}

	/** @returns what makes room again: for so many images, or for all that are left */
	async enter(images: number, signal: AbortSignal): Promise<(finished?: number) => void> {
		signal.throwIfAborted();
		await new Promise<void>((resolve, reject) => {
			const leave = () => {
				this.#waiting.splice(this.#waiting.indexOf(one), 1);
				reject(signal.reason);
				this.#admit();
			};
			const one = {
				images,
				enter: () => {
					signal.removeEventListener('abort', leave);
					resolve();
				},
			};
			signal.addEventListener('abort', leave, { once: true });
			this.#waiting.push(one);
			this.#admit();
		});
		let left = images;
		return (finished = left) => {
			this.#taken -= this.#takenBy(left);
			left -= finished;
			this.#taken += this.#takenBy(left);
			this.#admit();
		};
	}

	#admit(): void {
		for (;;) {
			const [next] = this.#waiting;
			if (next === undefined || this.#taken + this.#takenBy(next.images) > this.#size) return;
			this.#waiting.shift();
			this.#taken += this.#takenBy(next.images);
			next.enter();
		}
	}

	#takenBy(images: number): number {
		return Math.min(images, this.#share);
	}
}
