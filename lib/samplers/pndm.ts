// The PNDM sampler.
import { Arc2FaceError } from '../errors.ts';
import { fromNoise, type Plan, type PlanStep, type Sum } from './plan.ts';
import { noisedTo, readPrediction } from './prediction.ts';
import { alphaBarAt, roundHalfEven, type ScheduleConfig, sigmaOf, timestepsToZero } from './schedule.ts';
import { combine, only } from './sum.ts';

/**
 * Pseudo linear multistep, Liu et al. 2022, https://arxiv.org/abs/2202.09778, equation 12 for the steps and 11 for the
 * update, as diffusers' PNDMScheduler without Runge-Kutta steps: the second timestep is evaluated twice, so that
 * there is one evaluation more than steps.
 *
 * Latents are variance-preserving. `h0` to `h2` keep the last three network outputs in turns, `h3` the initial latents.
 */
export function pndm(steps: number, config: ScheduleConfig, first = 0): Plan {
	if (config.skipPrkSteps !== true) {
		throw new Arc2FaceError(
			'INVALID_BUNDLE',
			'Expected `skip_prk_steps` true in scheduler/scheduler_config.json for the sampler pndm.',
			{ remedy: 'Choose another sampler, or set the field.', details: { field: 'skip_prk_steps' } },
		);
	}
	const stride = Math.floor(config.alphaBars.length / steps);
	const timesteps = timestepsToZero(config, config.timestepSpacing ?? 'leading', steps).map(roundHalfEven);

	const update = (latents: Sum, output: Sum, from: number, to: number): Sum => {
		const alphaBar = alphaBarAt(config, from, false);
		const alphaBarNext = alphaBarAt(config, to, false);
		const { noise } = readPrediction(config.predictionType, sigmaOf(alphaBar), latents, output);
		const divisor = alphaBar * Math.sqrt(1 - alphaBarNext) + Math.sqrt(alphaBar * (1 - alphaBar) * alphaBarNext);
		return combine([Math.sqrt(alphaBarNext / alphaBar), latents], [(alphaBar - alphaBarNext) / divisor, noise]);
	};

	const [earliest = 0, ...later] = timesteps;
	// What follows counts evaluations, whichever is the first.
	const evaluated = [earliest, ...later.slice(0, 1), ...later].slice(first);
	const planned = evaluated.map((timestep, i): PlanStep => {
		if (i === 1) {
			// Starts again from the initial latents, with the mean of both evaluations.
			const mean = combine([0.5, only('eps')], [0.5, only(kept(0))]);
			return told(timestep, { x: update(only('h3'), mean, timestep + stride, timestep) });
		}
		const before = Math.max(i - 1, 0); // outputs that are kept
		const output = combine(
			...adamsBashforth[Math.min(before, 3)]!.map((weight, back): readonly [number, Sum] => [
				weight,
				back === 0 ? only('eps') : only(kept(before - back)),
			]),
		);
		const x = update(only('x'), output, timestep, timestep - stride);
		return told(timestep, { x, [kept(before)]: only('eps'), ...(i === 0 && { h3: only('x') }) });
	});
	return { start: fromNoise(1), steps: planned };

	function told(timestep: number, assign: PlanStep['assign']): PlanStep {
		const noised = noisedTo(sigmaOf(alphaBarAt(config, timestep, false)));
		const at = Math.min(timestep, config.alphaBars.length - 1);
		return { timestep: at, inputScale: 1, drawsNoise: false, assign, noised };
	}
}

/** Weights of the present and the earlier outputs while the history fills, and from then on. */
const adamsBashforth = [
	[1],
	[3 / 2, -1 / 2],
	[23 / 12, -16 / 12, 5 / 12],
	[55 / 24, -59 / 24, 37 / 24, -9 / 24],
] as const;

function kept(i: number) {
	return (['h0', 'h1', 'h2'] as const)[i % 3]!;
}
