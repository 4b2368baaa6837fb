// Weighted sums of registers, in which samplers are written.
import { type Register, registers, type Sum } from './plan.ts';

/**
 * Σ weight · sum: the algebra in which samplers are written. What a paper calls the denoised latents or a
 * derivative is a `Sum` of registers here, so its formulas are copied unchanged and yield coefficients.
 * Terms of weight 0 are left out, so that what their registers hold can't matter (0 · NaN is NaN).
 */
export function combine(...terms: readonly (readonly [weight: number, sum: Sum])[]): Sum {
	const total: Partial<Record<Register, number>> = {};
	for (const [weight, sum] of terms) {
		if (weight === 0) continue;
		for (const register of registers) {
			const factor = sum[register];
			if (factor !== undefined) total[register] = (total[register] ?? 0) + weight * factor;
		}
	}
	return total;
}

/** The register itself. */
export function only(register: Register): Sum {
	return { [register]: 1 };
}
