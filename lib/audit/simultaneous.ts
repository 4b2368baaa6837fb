// Intervals that hold all at once: who looks at many groups finds a large gap somewhere, even where there is none.
import { quantile } from '../evaluation/bootstrap.ts';
import { Random } from '../evaluation/random.ts';

/** A number of some units, which are people, or sets of them: how far each moves it off what it would be of everybody. */
export type Estimate = Readonly<{
	value: number;
	/** Their names among the units of all estimates: who is in several moves them together. At least two. */
	units: Int32Array;
	/** To first order, of each unit; their sum is 0. */
	influences: Float64Array;
}>;

/** A sum of estimates by weights; no unit is in two of them. */
export type Contrast = readonly Readonly<{ estimate: Estimate; weight: number }>[];

export type Simultaneous = Readonly<{
	/** How many standard errors the intervals reach to either side; undefined without contrasts that vary. */
	critical: number | undefined;
	/** Undefined where nothing differs. */
	intervals: readonly (readonly [number, number] | undefined)[];
}>;

const draws = 2000;
const confidence = 0.95;

/**
 * The wild cluster bootstrap of studentised contrasts, with signs (Cameron, Gelbach & Miller 2008, https://doi.org/10.1162/rest.90.3.414), and of these in each
 * draw the largest (the “max-t” of Romano & Wolf 2005, https://doi.org/10.1111/j.1468-0262.2005.00615.x): what the largest of all stays below in 95 % of the draws
 * is how many standard errors every interval reaches. A unit keeps its sign in every contrast, so that those that go together do not
 * count as many; each draw has standard errors of its own, which is Student's correction for few units.
 *
 * @param seed - decides the draws
 * @returns intervals which in 95 % of all cases hold every contrast at once
 */
export function simultaneousIntervals(contrasts: readonly Contrast[], seed: number): Simultaneous {
	const estimates = [...new Set(contrasts.flatMap((contrast) => contrast.map(({ estimate }) => estimate)))];
	const terms = contrasts.map((contrast) =>
		contrast.map(({ estimate, weight }) => ({ at: estimates.indexOf(estimate), weight })),
	);
	const squares = estimates.map(({ influences }) => influences.reduce((sum, one) => sum + one * one, 0));
	const error = (contrast: (typeof terms)[number], sums: ArrayLike<number>) =>
		Math.sqrt(
			contrast.reduce((sum, { at, weight }) => {
				const n = estimates[at]!.units.length;
				return sum + weight * weight * (n / (n - 1)) * Math.max(0, squares[at]! - sums[at]! ** 2 / n);
			}, 0),
		);
	const none = new Float64Array(estimates.length);
	const errors = terms.map((contrast) => error(contrast, none));
	const varying = terms.filter((_, k) => errors[k]! > 0);
	if (varying.length === 0) return { critical: undefined, intervals: contrasts.map(() => undefined) };

	const random = new Random(seed);
	const units = 1 + estimates.reduce((most, one) => one.units.reduce((a, b) => Math.max(a, b), most), 0);
	const signs = new Int8Array(units);
	const largest = Float64Array.from({ length: draws }, () => {
		for (let unit = 0; unit < units; unit++) signs[unit] = 2 * random.below(2) - 1;
		const sums = estimates.map(({ units: own, influences }) => {
			let sum = 0;
			for (let i = 0; i < own.length; i++) sum += signs[own[i]!]! * influences[i]!;
			return sum;
		});
		return varying.reduce((most, contrast) => {
			const moved = Math.abs(contrast.reduce((sum, { at, weight }) => sum + weight * sums[at]!, 0));
			// 0 of an error of 0 would be no number.
			return moved === 0 ? most : Math.max(most, moved / error(contrast, sums));
		}, 0);
	}).sort();
	const critical = quantile(largest, confidence);
	return {
		critical,
		intervals: contrasts.map((contrast, k) => {
			const value = contrast.reduce((sum, { estimate, weight }) => sum + weight * estimate.value, 0);
			const reach = critical * errors[k]!;
			return reach > 0 ? [value - reach, value + reach] : undefined;
		}),
	};
}
