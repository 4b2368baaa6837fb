// Random numbers that a seed decides, the same on every machine.

/** xoshiro128**, Blackman & Vigna 2018, https://prng.di.unimi.it, its state from the seed by the steps of SplitMix32. */
export class Random {
	readonly #state: Uint32Array;

	/** @param seed - a non-negative integer; of a larger one than 2³² − 1 both halves count */
	constructor(seed: number) {
		let z = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
		this.#state = Uint32Array.from({ length: 4 }, () => {
			z = (z + 0x9e3779b9) >>> 0;
			let mixed = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
			mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
			return mixed ^ (mixed >>> 15);
		});
	}

	/** An integer from 0 up to, and without, `n`, which is at most 2³². */
	below(n: number): number {
		return Math.floor((this.#next() / 2 ** 32) * n);
	}

	/** The integers below `n` in a random order (Fisher–Yates). */
	order(n: number): Uint32Array {
		const order = Uint32Array.from({ length: n }, (_, i) => i);
		for (let i = n - 1; i > 0; i--) {
			const j = this.below(i + 1);
			[order[i], order[j]] = [order[j]!, order[i]!];
		}
		return order;
	}

	#next(): number {
		const s = this.#state;
		const result = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9) >>> 0;
		const shifted = s[1]! << 9;
		s[2]! ^= s[0]!;
		s[3]! ^= s[1]!;
		s[1]! ^= s[2]!;
		s[0]! ^= s[3]!;
		s[2]! ^= shifted;
		s[3] = rotated(s[3]!, 11);
		return result;
	}
}

function rotated(x: number, by: number): number {
	return (x << by) | (x >>> (32 - by));
}
