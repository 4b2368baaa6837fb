// Guidance in some of the noise levels only.
import type { Plan } from './plan.ts';
import { type ScheduleConfig, sigmaAt } from './schedule.ts';

/** Noise levels (Karras' σ), the lower one first. */
export type GuidanceInterval = readonly [from: number, to: number];

/**
 * Which evaluations of a plan are guided: those at a noise level σ with from < σ ≤ to, as in Kynkäänniemi et al. 2024,
 * https://arxiv.org/abs/2404.07724, section 3. The others have the conditional prediction alone, as with a guidance scale of 1.
 *
 * σ is that of the timestep that the network is told, √((1 − ᾱ) / ᾱ): of the same unit in every sampler, whatever its latents' scaling.
 */
export function guidedSteps(plan: Plan, [from, to]: GuidanceInterval, { alphaBars }: ScheduleConfig): boolean[] {
	return plan.steps.map(({ timestep }) => {
		const sigma = sigmaAt(alphaBars, timestep);
		return from < sigma && sigma <= to;
	});
}
