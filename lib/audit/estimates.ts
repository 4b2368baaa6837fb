// Numbers of a group, with how far each of its people moves them.
import { Quotient } from '../evaluation/quotient.ts';
import type { Estimate } from './simultaneous.ts';

/** Names of units that are no people. */
export class Units {
	#next: number;

	/** @param people - how many there are, whose names are 0 up to that */
	constructor(people: number) {
		this.#next = people;
	}

	more(count: number): Int32Array {
		return Int32Array.from({ length: count }, () => this.#next++);
	}
}

/** Those of some people who count at all: a person without portraits says nothing of portraits. */
export function counted({ counts }: Quotient, people: readonly number[]): number[] {
	return people.filter((person) => counts[person]! > 0);
}

/** A mean over portraits or pairs, or its root. */
export function meanEstimate(quotient: Quotient, people: readonly number[], isRoot: boolean): Estimate {
	const units = Int32Array.from(counted(quotient, people));
	const [sum, count] = totals(quotient, units);
	const mean = sum / count;
	const value = isRoot ? Math.sqrt(mean) : mean;
	// The root's slope, where there is one.
	const slope = isRoot ? (value === 0 ? 0 : 1 / (2 * value)) : 1;
	const influences = Float64Array.from(units, (person) => {
		return (slope * (quotient.sums[person]! - mean * quotient.counts[person]!)) / count;
	});
	return { value, units, influences };
}

/**
 * A share, as if there were two more people, one in whose images all is so and one in whose images nothing is: without them nothing would vary where nobody
 * has failed yet (Agresti & Caffo 2000, https://doi.org/10.1080/00031305.2000.10474560).
 */
export function shareEstimate(quotient: Quotient, people: readonly number[], units: Units): Estimate {
	const own = counted(quotient, people);
	const [, count] = totals(quotient, own);
	const usual = count / own.length;
	const more = new Quotient(own.length + 2);
	for (const [i, person] of own.entries()) more.add(i, quotient.sums[person]!, quotient.counts[person]!);
	more.add(own.length, 0, usual);
	more.add(own.length + 1, usual, usual);
	const estimate = meanEstimate(more, [...more.counts.keys()], false);
	return { ...estimate, units: Int32Array.of(...own, ...units.more(2)) };
}

/**
 * By the jackknife over sets of people (Efron & Tibshirani 1993, chapter 11), for what is no mean.
 *
 * @param without - the numbers without each set
 */
export function jackknifeEstimate(value: number, without: readonly number[], units: Units): Estimate {
	const n = without.length;
	const mean = without.reduce((sum, one) => sum + one, 0) / n;
	return { value, units: units.more(n), influences: Float64Array.from(without, (one) => ((n - 1) / n) * (mean - one)) };
}

function totals({ sums, counts }: Quotient, people: ArrayLike<number>): [sum: number, count: number] {
	let [sum, count] = [0, 0];
	for (let i = 0; i < people.length; i++) {
		sum += sums[people[i]!]!;
		count += counts[people[i]!]!;
	}
	return [sum, count];
}
