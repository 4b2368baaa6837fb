// The UniPC sampler.
import { fromNoise, type Plan, type PlanStep, type Sum } from './plan.ts';
import { noisedTo, readPrediction, sharesOf } from './prediction.ts';
import { type ScheduleConfig, sigmaAt, timestepsAboveZero } from './schedule.ts';
import { combine, only } from './sum.ts';

/**
 * UniPC, Zhao et al. 2023, https://arxiv.org/abs/2302.04867, order 2, B₂(h) = eʰ − 1, data prediction, as diffusers'
 * UniPCMultistepScheduler: each evaluation first corrects the latents that it was made at, then predicts the next ones.
 *
 * Latents are variance-preserving. `h0` and `h1` keep the denoised latents of the last two evaluations in turns, `h2` the
 * latents that the last step started from, after their correction.
 */
export function unipc(steps: number, config: ScheduleConfig, first = 0): Plan {
	const timesteps = timestepsAboveZero(config, config.timestepSpacing ?? 'linspace', steps);
	const sigmas = [...timesteps.map((timestep) => sigmaAt(config.alphaBars, timestep)), 0];
	/** −log σ, the half log-SNR. */
	const lambda = (i: number) => -Math.log(sigmas[i]!);
	const kept = (i: number): Sum => only(i % 2 === 0 ? 'h0' : 'h1');
	/** Whether step i changes the noise level: a repeated level (1000 steps in 999 timesteps) gives no slope. */
	const moves = (i: number) => sigmas[i + 1]! < sigmas[i]!;

	/** The order of the step from i to i + 1: the first has no history, the last goes to σ = 0. */
	const orderOf = (i: number) => (i === first || i === steps - 1 || !moves(i - 1) || !moves(i) ? 1 : 2);

	/** From i to i + 1 with the denoised latents held: the part that predictor and corrector share. */
	const hold = (i: number, latents: Sum, denoised: Sum): Sum => {
		const from = sharesOf(sigmas[i]!);
		const to = sharesOf(sigmas[i + 1]!);
		return combine([to.sigmaVp / from.sigmaVp, latents], [to.alpha * (1 - sigmas[i + 1]! / sigmas[i]!), denoised]);
	};
	/** How much of a difference between denoised latents enters: α · (1 − e⁻ʰ). */
	const gain = (i: number) => sharesOf(sigmas[i + 1]!).alpha * (1 - sigmas[i + 1]! / sigmas[i]!);
	/** Slope of the denoised latents before i, per length of the step from i. */
	const slopeBefore = (i: number, denoised: Sum): { r: number; slope: Sum } => {
		const r = (lambda(i - 1) - lambda(i)) / (lambda(i + 1) - lambda(i));
		return { r, slope: combine([1 / r, kept(i - 1)], [-1 / r, denoised]) };
	};

	const predict = (i: number, latents: Sum, denoised: Sum): Sum => {
		const held = hold(i, latents, denoised);
		return orderOf(i) === 1 ? held : combine([1, held], [gain(i) / 2, slopeBefore(i, denoised).slope]);
	};

	/** The end of the step from i, again, now that the denoised latents there are known. */
	const correct = (i: number, denoised: Sum): Sum => {
		const held = hold(i, only('h2'), kept(i));
		const change = combine([1, denoised], [-1, kept(i)]);
		if (orderOf(i) === 1) return combine([1, held], [gain(i) / 2, change]);
		const { r, slope } = slopeBefore(i, kept(i));
		// The two weights solve  w₁ + w₂ = b₁,  r · w₁ + w₂ = b₂  with b from the exponential integrator's φ functions.
		const h = lambda(i) - lambda(i + 1);
		const phi1 = Math.expm1(h);
		const phi2 = phi1 / h - 1;
		const b1 = phi2 / phi1;
		const b2 = ((phi2 / h - 1 / 2) * 2) / phi1;
		const w1 = (b1 - b2) / (1 - r);
		return combine([1, held], [gain(i) * w1, slope], [gain(i) * (b1 - w1), change]);
	};

	return {
		start: fromNoise(1),
		steps: timesteps.map(planStep).slice(first),
	};

	function planStep(timestep: number, i: number): PlanStep {
		const { denoised } = readPrediction(config.predictionType, sigmas[i]!, only('x'));
		const corrected = i > first && moves(i - 1) ? correct(i - 1, denoised) : only('x');
		const keep = i % 2 === 0 ? { h0: denoised } : { h1: denoised };
		return {
			timestep,
			inputScale: 1,
			drawsNoise: false,
			noised: noisedTo(sigmas[i]!),
			assign: { x: predict(i, corrected, denoised), ...keep, h2: corrected },
		};
	}
}
