// Admission: no more images and bytes in flight than the server takes, whoever asks.
import { ServerError } from '../problem.ts';
import type { ResolvedLimits } from './limits.ts';

/** What a request holds until it is answered. */
export type Cost = Readonly<{
	/** That it paints. */
	images: number;
	/** Of photos that are read and images that are painted, together. */
	pixels: number;
	/** Of its body, and of what was decoded of it. */
	bytes: number;
}>;

/** Gives back what was taken; a second call does nothing. @param finished - images that were painted (default: none) */
export type Release = (finished?: number) => void;

/** A pixel at most: as it is read and upright (3 bytes each), or as it is painted (3), encoded and as base64 (4). */
const bytesPerPixel = 8;

/** Finished images from which the speed follows. */
const rememberedFinishes = 32;

/** Seconds after which to come again: before anything has finished, and at least and at most. */
const retrySeconds = { unknown: 5, least: 1, most: 120 };

export class Admission {
	readonly #limits: Pick<ResolvedLimits, 'imagesInFlight' | 'memoryBytes' | 'spareBytes'>;
	readonly #available: () => number;
	readonly #now: () => number;
	readonly #finishes: { at: number; images: number }[] = [];
	#images = 0;
	#bytes = 0;

	/** @param surroundings - bytes of memory that are available, and a clock of milliseconds */
	constructor(
		limits: Pick<ResolvedLimits, 'imagesInFlight' | 'memoryBytes' | 'spareBytes'>,
		surroundings: { available: () => number; now?: () => number },
	) {
		this.#limits = limits;
		this.#available = surroundings.available;
		this.#now = surroundings.now ?? (() => performance.now());
	}

	/** Images that are painted or wait. */
	get images(): number {
		return this.#images;
	}

	/** Of bodies, photos and images in memory. */
	get bytes(): number {
		return this.#bytes;
	}

	/** @throws {ServerError} `BUSY` when there is no room now; `TOO_LARGE` when there never is */
	enter({ images, pixels, bytes: plain }: Cost): Release {
		const { imagesInFlight, memoryBytes, spareBytes } = this.#limits;
		const bytes = plain + pixels * bytesPerPixel;
		if (images > imagesInFlight) throw tooLarge(`at most ${imagesInFlight} images`, `${images} images`);
		if (bytes > memoryBytes) throw tooLarge(`at most ${memoryBytes} bytes of memory`, `a need of ${bytes}`);
		if (this.#images + images > imagesInFlight) throw this.#busy('as many images as it takes wait', images);
		if (this.#bytes + bytes > memoryBytes) throw this.#busy('requests have as much memory as they may', images);
		if (this.#available() - bytes < spareBytes) throw this.#busy('the machine is short of memory', images);
		this.#images += images;
		this.#bytes += bytes;
		let isHeld = true;
		return (finished = 0) => {
			if (!isHeld) return;
			isHeld = false;
			this.#images -= images;
			this.#bytes -= bytes;
			if (finished > 0) this.#remember(finished);
		};
	}

	#remember(images: number): void {
		this.#finishes.push({ at: this.#now(), images });
		if (this.#finishes.length > rememberedFinishes) this.#finishes.shift();
	}

	#busy(why: string, images: number): ServerError {
		const seconds = this.#secondsUntilRoomFor(images);
		return new ServerError('BUSY', `The server is busy: ${why}.`, {
			remedy: `Try again in ${seconds} s.`,
			headers: { 'retry-after': String(seconds) },
		});
	}

	/** By the speed of the last images: how long until as many have finished as have to make room, at least one. */
	#secondsUntilRoomFor(images: number): number {
		const [first] = this.#finishes;
		const last = this.#finishes.at(-1);
		if (first === undefined || last === undefined || last.at === first.at) return retrySeconds.unknown;
		const finished = this.#finishes.reduce((sum, one) => sum + one.images, 0) - first.images;
		const perSecond = finished / ((last.at - first.at) / 1000);
		const needed = Math.max(1, images, this.#images + images - this.#limits.imagesInFlight);
		return Math.min(retrySeconds.most, Math.max(retrySeconds.least, Math.ceil(needed / perSecond)));
	}
}

function tooLarge(expected: string, received: string): ServerError {
	return new ServerError('TOO_LARGE', `Expected ${expected} in one request but received ${received}.`);
}
