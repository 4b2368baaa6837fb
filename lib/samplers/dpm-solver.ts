// The DPM-Solver++ samplers.
import { fromNoise, type Plan, type PlanStep, type Sum } from './plan.ts';
import { noisedTo, readPrediction, sharesOf } from './prediction.ts';
import { roundHalfEven, type ScheduleConfig, sigmaAt, sigmaOf, timestepOf, timestepsAboveZero } from './schedule.ts';
import { combine, only } from './sum.ts';

export type DpmSolverOptions = Readonly<{
	/** How many denoised predictions a step looks at. */
	order: 1 | 2 | 3;
	/** Noise levels after Karras et al. 2022, https://arxiv.org/abs/2206.00364, equation 5, instead of evenly spaced timesteps. */
	karras?: boolean;
	/** Adds fresh noise in every step (SDE-DPM-Solver++) instead of following the deterministic path. */
	stochastic?: boolean;
}>;

/**
 * DPM-Solver++ multistep, Lu et al. 2022, https://arxiv.org/abs/2211.01095: midpoint form, data prediction,
 * as diffusers' DPMSolverMultistepScheduler. The last step goes to σ = 0 and is first order whatever the number of steps.
 *
 * Latents are variance-preserving. `h0` and `h1` keep the denoised latents of the last two evaluations, in turns.
 */
export function dpmSolver({ order, karras = false, stochastic = false }: DpmSolverOptions) {
	return (steps: number, config: ScheduleConfig, first = 0): Plan => {
		const levels = karras ? karrasLevels(steps, config) : evenLevels(steps, config);
		/** −log σ, the half log-SNR, in which the solver's steps are measured. */
		const lambda = (i: number) => -Math.log(levels[i]!.sigma);
		const kept = (i: number): Sum => only(i % 2 === 0 ? 'h0' : 'h1');

		const planStep = (i: number): PlanStep => {
			const { timestep, sigma } = levels[i]!;
			const next = levels[i + 1]?.sigma ?? 0;
			const from = sharesOf(sigma);
			const to = sharesOf(next);
			const { denoised } = readPrediction(config.predictionType, sigma, only('x'));

			// exp(−h) of the step of length h; an infinite h, to σ = 0, is an ordinary number here.
			const decay = next / sigma;
			const reach = stochastic ? 1 - decay ** 2 : 1 - decay;
			let update = combine(
				[(to.sigmaVp / from.sigmaVp) * (stochastic ? decay : 1), only('x')],
				[to.alpha * reach, denoised],
				[stochastic ? to.sigmaVp * Math.sqrt(1 - decay ** 2) : 0, only('noise')],
			);

			const usable = Math.min(order, usableOrder(i));
			if (usable >= 2) {
				const h = lambda(i + 1) - lambda(i);
				const r0 = (lambda(i) - lambda(i - 1)) / h;
				const slope = combine([1 / r0, denoised], [-1 / r0, kept(i - 1)]);
				if (usable === 2) {
					update = combine([1, update], [(to.alpha * reach) / 2, slope]);
				} else {
					const r1 = (lambda(i - 1) - lambda(i - 2)) / h;
					const slopeBefore = combine([1 / r1, kept(i - 1)], [-1 / r1, kept(i - 2)]);
					const bend = combine([1 / (r0 + r1), slope], [-1 / (r0 + r1), slopeBefore]);
					const shift = Math.expm1(-h) / h + 1;
					update = combine(
						[1, update],
						[to.alpha * shift, combine([1, slope], [r0, bend])],
						[-to.alpha * ((Math.expm1(-h) + h) / h ** 2 - 0.5), bend],
					);
				}
			}
			const keep = i % 2 === 0 ? { h0: denoised } : { h1: denoised };
			return {
				timestep,
				inputScale: 1,
				drawsNoise: stochastic,
				noised: noisedTo(sigma),
				assign: order === 1 ? { x: update } : { x: update, ...keep },
			};
		};

		/** The order that the history and the end of the schedule allow in step i. */
		const usableOrder = (i: number): number => {
			if (i === steps - 1) return 1;
			// A repeated noise level (1000 steps in 999 timesteps) gives no slope, nor do steps that are not run.
			const moves = (j: number) => j > first && levels[j]!.sigma < levels[j - 1]!.sigma;
			if (!moves(i + 1) || !moves(i)) return 1;
			if (!moves(i - 1) || (i === steps - 2 && steps < shortRun)) return 2;
			return 3;
		};

		return { start: fromNoise(1), steps: levels.map((_, i) => planStep(i)).slice(first) };
	};
}

/** Below this many steps, lower orders stabilise the end of the run (`lower_order_final`). */
const shortRun = 15;

type NoiseLevel = { timestep: number; sigma: number };

function evenLevels(steps: number, config: ScheduleConfig): NoiseLevel[] {
	return timestepsAboveZero(config, config.timestepSpacing ?? 'linspace', steps).map((timestep) => ({
		timestep,
		sigma: sigmaAt(config.alphaBars, timestep),
	}));
}

function karrasLevels(steps: number, { alphaBars }: ScheduleConfig): NoiseLevel[] {
	const rho = 7;
	const high = sigmaOf(alphaBars.at(-1)!) ** (1 / rho);
	const low = sigmaOf(alphaBars[0]!) ** (1 / rho);
	return Array.from({ length: steps }, (_, i) => {
		const sigma = (high + (i / Math.max(steps - 1, 1)) * (low - high)) ** rho;
		// The network gets a whole timestep, perhaps the same one twice; the noise level is not rounded.
		return { timestep: roundHalfEven(timestepOf(alphaBars, sigma)), sigma };
	});
}
