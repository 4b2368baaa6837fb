// The DDIM sampler.
import { Arc2FaceError } from '../errors.ts';
import { fromNoise, type Plan } from './plan.ts';
import { noisedTo, readPrediction } from './prediction.ts';
import { alphaBarAt, roundHalfEven, type ScheduleConfig, sigmaOf, timestepsToZero } from './schedule.ts';
import { combine, only } from './sum.ts';

/**
 * DDIM, Song et al. 2021, https://arxiv.org/abs/2010.02502, equation 12, as diffusers' DDIMScheduler.
 * Latents are variance-preserving.
 *
 * @param eta - share of fresh noise in every step: 0 follows the deterministic path, 1 is DDPM
 */
export function ddim(eta: number) {
	return (steps: number, config: ScheduleConfig, first = 0): Plan => {
		if (config.clipSample !== false) {
			throw new Arc2FaceError(
				'INVALID_BUNDLE',
				'Expected `clip_sample` false in scheduler/scheduler_config.json for the sampler ddim, since latents are not bounded.',
				{ remedy: 'Choose another sampler, or set the field.', details: { field: 'clip_sample' } },
			);
		}
		const stride = Math.floor(config.alphaBars.length / steps);
		const timesteps = timestepsToZero(config, config.timestepSpacing ?? 'leading', steps).map(roundHalfEven);
		return {
			start: fromNoise(1),
			steps: timesteps.slice(first).map((timestep) => {
				const from = alphaBarAt(config, timestep, true);
				const to = alphaBarAt(config, timestep - stride, true);
				const { denoised, noise } = readPrediction(config.predictionType, sigmaOf(from), only('x'));
				const fresh = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
				return {
					timestep: Math.min(timestep, config.alphaBars.length - 1),
					inputScale: 1,
					noised: noisedTo(sigmaOf(from)),
					drawsNoise: eta > 0,
					assign: {
						x: combine(
							[Math.sqrt(to), denoised],
							[Math.sqrt(Math.max(1 - to - fresh ** 2, 0)), noise],
							[fresh, only('noise')],
						),
					},
				};
			}),
		};
	};
}
