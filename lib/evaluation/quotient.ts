// Figures that are a sum over a number, both added up over people: means, shares, deviations.
import { bootstrapIntervals, type Interval } from './bootstrap.ts';

/** Of each person, what is added up, and how many it counts. */
export class Quotient {
	readonly sums: Float64Array;
	readonly counts: Float64Array;

	constructor(people: number) {
		this.sums = new Float64Array(people);
		this.counts = new Float64Array(people);
	}

	add(person: number, value: number, count = 1): void {
		this.sums[person]! += value;
		this.counts[person]! += count;
	}

	/** @param drawn - how often each person counts (default: once); NaN if that is nothing */
	value(drawn?: ArrayLike<number>): number {
		let [sum, count] = [0, 0];
		for (let p = 0; p < this.sums.length; p++) {
			const times = drawn?.[p] ?? 1;
			sum += times * this.sums[p]!;
			count += times * this.counts[p]!;
		}
		return count === 0 ? Number.NaN : sum / count;
	}

	get count(): number {
		return this.counts.reduce((all, one) => all + one, 0);
	}

	/** @param of - what is made of the quotient */
	interval(seed: number, of: (value: number) => number = (value) => value): Interval | undefined {
		const people = this.sums.length;
		return bootstrapIntervals(people, (drawn) => [of(this.value(drawn))], { seed })[0];
	}
}
