// The samplers of Euler's family: Euler, Euler ancestral and Heun.
import { fromNoise, type Plan, type PlanStep, type Sum } from './plan.ts';
import { readPrediction } from './prediction.ts';
import { type ScheduleConfig, sigmaAt, timestepsToZero } from './schedule.ts';
import { combine, only } from './sum.ts';

// Euler's family, Karras et al. 2022, https://arxiv.org/abs/2206.00364, as in diffusers: the latents are clean + σ · noise,
// the network sees them scaled to unit variance, and their derivative by σ is the predicted noise.

type NoiseLevel = { timestep: number; sigma: number };

/** As diffusers' EulerDiscreteScheduler. */
export function euler(steps: number, config: ScheduleConfig, first = 0): Plan {
	return plan(config, steps, first, (levels) =>
		levels.map((level, i) => {
			const next = levels[i + 1]?.sigma ?? 0;
			const derivative = derivativeAt(level, config);
			return evaluation(level, { x: combine([1, only('x')], [next - level.sigma, derivative]) });
		}),
	);
}

/** Steps a little below the next noise level and comes back with fresh noise; as diffusers' EulerAncestralDiscreteScheduler. */
export function eulerAncestral(steps: number, config: ScheduleConfig, first = 0): Plan {
	return plan(config, steps, first, (levels) =>
		levels.map((level, i) => {
			const { sigma } = level;
			const next = levels[i + 1]?.sigma ?? 0;
			const up = (next / sigma) * Math.sqrt(sigma ** 2 - next ** 2);
			const down = next ** 2 / sigma; // √(next² − up²)
			const x = combine([1, only('x')], [down - sigma, derivativeAt(level, config)], [up, only('noise')]);
			return { ...evaluation(level, { x }), drawsNoise: true };
		}),
	);
}

/**
 * Euler's step, then once more with the mean of the derivatives at both of its ends; the step to σ = 0 is plain Euler.
 * As diffusers' HeunDiscreteScheduler. `h0` keeps the latents from before the step, `h1` the derivative there.
 */
export function heun(steps: number, config: ScheduleConfig, first = 0): Plan {
	return plan(config, steps, 2 * first, (levels) =>
		levels.flatMap((level, i) => {
			const next = levels[i + 1];
			const length = (next?.sigma ?? 0) - level.sigma;
			const derivative = derivativeAt(level, config);
			const x = combine([1, only('x')], [length, derivative]);
			if (next === undefined) return [evaluation(level, { x })];
			const corrected = combine([1, only('h0')], [length / 2, only('h1')], [length / 2, derivativeAt(next, config)]);
			return [evaluation(level, { x, h0: only('x'), h1: derivative }), evaluation(next, { x: corrected })];
		}),
	);
}

/** @param first - index of the first evaluation to run: none depends on those before it */
function plan(config: ScheduleConfig, steps: number, first: number, write: (levels: NoiseLevel[]) => PlanStep[]): Plan {
	const spacing = config.timestepSpacing ?? 'linspace';
	const levels = timestepsToZero(config, spacing, steps).map((timestep) => ({
		timestep: Math.min(timestep, config.alphaBars.length - 1),
		sigma: sigmaAt(config.alphaBars, timestep),
	}));
	const { sigma } = levels[0]!;
	// The leading spacing starts below the last timestep, where the latents are not noise alone.
	const start = fromNoise(spacing === 'leading' ? Math.hypot(sigma, 1) : sigma);
	return { start, steps: write(levels).slice(first) };
}

function evaluation({ timestep, sigma }: NoiseLevel, assign: PlanStep['assign']): PlanStep {
	const noised = { latents: 1, noise: sigma };
	return { timestep, inputScale: inputScaleAt(sigma), drawsNoise: false, assign, noised };
}

function derivativeAt({ sigma }: NoiseLevel, config: ScheduleConfig): Sum {
	return readPrediction(config.predictionType, sigma, combine([inputScaleAt(sigma), only('x')])).noise;
}

/** Takes clean + σ · noise to unit variance. */
function inputScaleAt(sigma: number): number {
	return 1 / Math.hypot(sigma, 1);
}
