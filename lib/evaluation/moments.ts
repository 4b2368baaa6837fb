// Mean and covariance of vectors that come one after another, in float64.

export class Moments {
	readonly #mean: Float64Array;
	/** Lower triangle of the sums of products of deviations from the mean, by rows. */
	readonly #products: Float64Array;
	#count = 0;

	/** @param length - of each vector */
	constructor(readonly length: number) {
		this.#mean = new Float64Array(length);
		this.#products = new Float64Array((length * (length + 1)) / 2);
	}

	/** @param vectors - of one length, at least one */
	static of(vectors: readonly ArrayLike<number>[]): Moments {
		const moments = new Moments(vectors[0]!.length);
		for (const vector of vectors) moments.add(vector);
		return moments;
	}

	get count(): number {
		return this.#count;
	}

	/** Welford 1962, https://doi.org/10.1080/00401706.1962.10490022: no cancellation, however large the mean is. */
	add(vector: ArrayLike<number>): void {
		this.#count++;
		const before = Float64Array.from(this.#mean, (mean, k) => vector[k]! - mean);
		for (let k = 0; k < this.length; k++) this.#mean[k]! += before[k]! / this.#count;
		const share = (this.#count - 1) / this.#count;
		let at = 0;
		for (let i = 0; i < this.length; i++) {
			const scaled = share * before[i]!;
			if (scaled === 0) at += i + 1;
			else for (let j = 0; j <= i; j++) this.#products[at++]! += scaled * before[j]!;
		}
	}

	get mean(): Float64Array {
		return this.#mean.slice();
	}

	/** [length, length], divided by count − 1: at least two vectors are needed. */
	covariance(): Float64Array {
		const n = this.length;
		const covariance = new Float64Array(n * n);
		let at = 0;
		for (let i = 0; i < n; i++) {
			for (let j = 0; j <= i; j++)
				covariance[i * n + j] = covariance[j * n + i] = this.#products[at++]! / (this.#count - 1);
		}
		return covariance;
	}
}
