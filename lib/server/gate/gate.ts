// The gate that requests go through: how often a client comes, how many images it has a day, and whether there is room.
import { anonymous, type Client } from '../clients/client.ts';
import { Admission, type Cost, type Release } from './admission.ts';
import { type GateLimits, type ResolvedLimits, resolveLimits } from './limits.ts';
import { availableBytes } from './memory.ts';
import { type Counted, type RateHeaders, Rates } from './rates.ts';

/** Who asks, and from where: those without a name are counted by address. */
export type Visitor = Readonly<{ client: Client; address: string }>;

/** A place that a request has. */
export type Place = Readonly<{
	/** Gives it back, when the request has been answered. @param painted - how many of its images were */
	leave(painted: number): void;
}>;

/** A body of JSON is in memory as bytes, as text, and as the photos that were decoded of it. */
const copiesOfBody = 3;

export class Gate {
	readonly limits: ResolvedLimits;
	readonly #admission: Admission;
	readonly #rates: Rates;

	/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for limits that are none */
	constructor(limits: GateLimits = {}, available: () => number = availableBytes) {
		this.limits = resolveLimits(limits, available());
		this.#admission = new Admission(this.limits, { available });
		this.#rates = new Rates(this.limits);
	}

	/** Images that are painted or wait. */
	get images(): number {
		return this.#admission.images;
	}

	/** Of bodies, photos and images in memory. */
	get bytes(): number {
		return this.#admission.bytes;
	}

	/** Counts a request, before anything of its body is read. @returns headers of the answer @throws {ServerError} `RATE_LIMITED` */
	async count(visitor: Visitor): Promise<RateHeaders> {
		return await this.#rates.takeRequest(countedOf(visitor));
	}

	/**
	 * Makes room for a body, before it is read.
	 *
	 * @param length - in bytes: as it announces, or the most that it may have
	 * @throws {ServerError} `TOO_LARGE`; `BUSY`
	 */
	receive(length: number): Release {
		return this.#admission.enter({ images: 0, pixels: 0, bytes: copiesOfBody * length });
	}

	/** Counts images that are painted later. @returns takes them back @throws {ServerError} `QUOTA_EXCEEDED` */
	async charge(visitor: Visitor, images: number): Promise<() => void> {
		const takeBack = await this.#rates.takeImages(countedOf(visitor), images);
		return () => takeBack(images);
	}

	/** @throws {ServerError} `TOO_LARGE`; `BUSY`; `QUOTA_EXCEEDED`; then nothing was taken */
	async enter(visitor: Visitor, cost: Cost): Promise<Place> {
		const release = this.#admission.enter(cost);
		try {
			const takeBack = await this.#rates.takeImages(countedOf(visitor), cost.images);
			let isHeld = true;
			return {
				leave: (painted) => {
					if (!isHeld) return;
					isHeld = false;
					release(painted);
					takeBack(cost.images - painted);
				},
			};
		} catch (error) {
			release();
			throw error;
		}
	}
}

function countedOf({ client, address }: Visitor): Counted {
	return { who: client === anonymous ? address : client.name, limits: client.limits };
}
