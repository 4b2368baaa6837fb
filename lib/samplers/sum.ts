import type { Register, Sum } from './plan.ts';

/**
 * Σ weight · sum: the algebra in which samplers are written down. What a paper calls the denoised latents or a
 * derivative is a `Sum` of registers here, so its formulas are copied as they stand and fall out as coefficients.
 * Registers that end with a weight of 0 are left out, so that what they hold can't matter (0 · NaN is NaN).
 */
export function combine(...terms: readonly (readonly [weight: number, sum: Sum])[]): Sum {
	const total: Partial<Record<Register, number>> = {};
	for (const [weight, sum] of terms) {
		if (weight === 0) continue;
		for (const [register, factor] of Object.entries(sum) as [Register, number][]) {
			total[register] = (total[register] ?? 0) + weight * factor;
		}
	}
	return Object.fromEntries(Object.entries(total).filter(([, weight]) => weight !== 0));
}

/** The register itself. */
export function only(register: Register): Sum {
	return { [register]: 1 };
}
