// How sure figures are: what is drawn, and whether intervals hold what they promise.
import { describe, expect, test } from 'vitest';
import { bootstrapIntervals, jackknifeInterval, quantile } from '../../lib/evaluation/bootstrap.ts';
import { Quotient } from '../../lib/evaluation/quotient.ts';
import { Random } from '../../lib/evaluation/random.ts';

describe('random numbers', () => {
	/** By 64-bit integers, after https://prng.di.unimi.it/xoshiro128starstar.c */
	function* definition(seed: number): Generator<number> {
		const word = (x: bigint) => x & 0xffffffffn;
		const rotated = (x: bigint, by: bigint) => word((x << by) | (word(x) >> (32n - by)));
		let z = BigInt(seed);
		const s = Array.from({ length: 4 }, () => {
			z = word(z + 0x9e3779b9n);
			let x = word((z ^ (z >> 16n)) * 0x21f0aaadn);
			x = word((x ^ (x >> 15n)) * 0x735a2d97n);
			return x ^ (x >> 15n);
		});
		for (;;) {
			yield Number(word(rotated(word(s[1]! * 5n), 7n) * 9n));
			const shifted = word(s[1]! << 9n);
			s[2]! ^= s[0]!;
			s[3]! ^= s[1]!;
			s[1]! ^= s[2]!;
			s[0]! ^= s[3]!;
			s[2]! ^= shifted;
			s[3] = rotated(s[3]!, 11n);
		}
	}

	test.each([0, 1, 4_294_967_295])('are those of xoshiro128** from seed %d', (seed) => {
		const random = new Random(seed);
		const numbers = definition(seed);
		const expected = Array.from({ length: 1000 }, () => numbers.next().value as number);
		expect(expected.map(() => random.below(2 ** 32))).toEqual(expected);
	});

	test('differ between seeds that are equal in their lower half', () => {
		const drawn = [7, 7 + 2 ** 32].map((seed) => new Random(seed).below(2 ** 32));
		expect(drawn[0]).not.toBe(drawn[1]);
	});

	test('below n are all of 0 to n − 1, about as often', () => {
		const random = new Random(3);
		const counts = new Int32Array(7);
		for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++;
		// Five standard deviations of a binomial count.
		for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(10_000));
	});

	test('make orders that hold every place once', () => {
		const order = new Random(5).order(100);
		expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
		expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
		expect(new Random(5).order(0)).toHaveLength(0);
	});
});

test('quantiles are those of NumPy', () => {
	const sorted = [1, 2, 4, 8, 16];
	expect([0, 0.1, 0.25, 0.5, 0.9, 1].map((share) => quantile(sorted, share))).toEqual([1, 1.4, 2, 4, 12.8, 16]);
	expect(quantile([7], 0.3)).toBe(7);
});

describe('the bootstrap', () => {
	/** Of each person some values around the person's own, which are around 2. */
	function sample(random: Random, people: number) {
		const uniform = () => (random.below(2 ** 32) + 0.5) / 2 ** 32;
		const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
		const mean = new Quotient(people);
		for (let p = 0; p < people; p++) {
			const own = 2 + normal();
			for (let i = 0; i < 5; i++) mean.add(p, own + 0.2 * normal());
		}
		return mean;
	}

	test('over people holds the true mean in 95 % of the cases, although portraits of one person are alike', () => {
		const random = new Random(11);
		const trials = 400;
		let [inside, falselySure] = [0, 0];
		for (let trial = 0; trial < trials; trial++) {
			const mean = sample(random, 40);
			const [low, high] = mean.interval(trial)!;
			inside += Number(low <= 2 && 2 <= high);
			falselySure += Number(high - low < 0.3);
		}
		// A percentile interval of 40 people holds about 93.5 %; three standard deviations of 400 trials are 3.6 %.
		expect(inside / trials).toBeGreaterThan(0.9);
		expect(inside / trials).toBeLessThan(0.985);
		// As wide as 40 people allow (2 · 1.96 · √(1.008 / 40) = 0.62), not as 200 portraits would have it (0.28).
		expect(falselySure).toBe(0);
	});

	test('draws the same people for the same seed, and others for another', () => {
		const mean = sample(new Random(2), 30);
		expect(mean.interval(1)).toEqual(mean.interval(1));
		expect(mean.interval(1)).not.toEqual(mean.interval(2));
	});

	test('draws as many people as there are', () => {
		const sums = new Set<number>();
		bootstrapIntervals(9, (drawn) => [drawn.reduce((sum, times) => sum + times, 0)], { seed: 1, resamples: 50 });
		bootstrapIntervals(
			9,
			(drawn) => {
				sums.add(drawn.reduce((sum, times) => sum + times, 0));
				return [0];
			},
			{ seed: 1, resamples: 50 },
		);
		expect([...sums]).toEqual([9]);
	});

	test('leaves out draws in which there is nothing to count, and gives up where those are most', () => {
		const some = bootstrapIntervals(4, (drawn) => [drawn[0] === 0 ? Number.NaN : drawn[1]!, Number.NaN, 1], {
			seed: 4,
		});
		expect(some[0]).toBeDefined();
		expect(some[0]!.every(Number.isFinite)).toBe(true);
		expect(some[1]).toBeUndefined();
	});

	test('has no interval where nothing differs', () => {
		expect(bootstrapIntervals(4, () => [1], { seed: 4 })).toEqual([undefined]);
	});
});

describe('the jackknife', () => {
	test("of a mean is Student's interval", () => {
		const values = [3, 5, 4, 8, 10];
		const mean = 6;
		const without = values.map((value) => (30 - value) / 4);
		const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4);
		const reach = (2.776 * deviation) / Math.sqrt(5);
		const interval = jackknifeInterval(mean, without)!;
		expect(interval[0]).toBeCloseTo(mean - reach, 10);
		expect(interval[1]).toBeCloseTo(mean + reach, 10);
	});

	test.each([[[]], [[1]], [[1, Number.NaN]]])('of %j has none', (without) => {
		expect(jackknifeInterval(1, without)).toBeUndefined();
	});
});
