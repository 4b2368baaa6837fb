// How sure a figure is: intervals from resampling people, since photos of one person are no independent witnesses.
import { Random } from './random.ts';

/** 95 %, lower end first. */
export type Interval = readonly [number, number];

export const usualResamples = 1000;
const tail = 0.025;

/**
 * The percentile bootstrap (Efron & Tibshirani 1993, chapter 13) over people: as many people as there are, drawn with replacement, again and again.
 *
 * @param people - how many there are
 * @param statistics - numbers, given how often each person was drawn; NaN where there is nothing to count
 * @param seed - the same seed draws the same people
 * @returns an interval for each statistic; undefined where it was NaN in more than half of the draws, or the same in nearly all: that nothing
 *   went wrong with these people says little of others
 */
export function bootstrapIntervals(
	people: number,
	statistics: (drawn: Int32Array) => readonly number[],
	{ seed, resamples = usualResamples }: { seed: number; resamples?: number },
): (Interval | undefined)[] {
	const random = new Random(seed);
	const drawn = new Int32Array(people);
	const values = Array.from({ length: resamples }, () => {
		drawn.fill(0);
		for (let i = 0; i < people; i++) drawn[random.below(people)]!++;
		return statistics(drawn);
	});
	return values[0]!.map((_, k) => {
		const known = Float64Array.from(values, (all) => all[k]!).filter((value) => !Number.isNaN(value));
		if (known.length * 2 < resamples) return undefined;
		known.sort();
		const interval = [quantile(known, tail), quantile(known, 1 - tail)] as const;
		return interval[0] < interval[1] ? interval : undefined;
	});
}

/**
 * The jackknife (Efron & Tibshirani 1993, chapter 11) over groups: for what people drawn twice would distort, such as a distance that
 * falls with the number of different images.
 *
 * @param whole - the figure of all groups
 * @param without - the figures without each group, of at least two
 */
export function jackknifeInterval(whole: number, without: readonly number[]): Interval | undefined {
	const n = without.length;
	const mean = without.reduce((sum, value) => sum + value, 0) / n;
	const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
	const reach = (studentQuantiles[n - 2] ?? Number.NaN) * Math.sqrt(((n - 1) / n) * squares);
	return Number.isNaN(reach) ? undefined : [whole - reach, whole + reach];
}

/** Most groups of a jackknife. */
export const jackknifeGroups = 10;

/** Student's t at 97.5 %, for 1 to 9 degrees of freedom. */
const studentQuantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/**
 * @param sorted - rising, at least one
 * @param share - 0 to 1; between two values on a straight line, as NumPy has it
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
	const at = share * (sorted.length - 1);
	const below = sorted[Math.floor(at)]!;
	return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}
