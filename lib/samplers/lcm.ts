// The sampler of latent consistency models.
import { Arc2FaceError } from '../errors.ts';
import { fromNoise, type Plan } from './plan.ts';
import { noisedTo, readPrediction } from './prediction.ts';
import { type ScheduleConfig, sigmaOf } from './schedule.ts';
import { combine, only } from './sum.ts';

/**
 * Latent consistency, Luo et al. 2023, https://arxiv.org/abs/2310.04378, algorithm 3, as diffusers' LCMScheduler:
 * denoise at once, add noise of the next level, denoise again. Latents are variance-preserving.
 */
export function lcm(steps: number, config: ScheduleConfig, first = 0): Plan {
	const { alphaBars, originalInferenceSteps: taught } = config;
	if (steps > taught) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`Expected an integer from 1 to ${taught} for \`steps\` with the sampler lcm but received ${steps}.`,
			{ details: { option: 'steps' } },
		);
	}
	// The timesteps that the student was trained on, from which `steps` are taken evenly.
	const stride = Math.floor(alphaBars.length / taught);
	const all = Array.from({ length: steps }, (_, i) => (taught - Math.floor(i * (taught / steps))) * stride - 1);
	const timesteps = all.slice(first);
	return {
		start: fromNoise(1),
		steps: timesteps.map((timestep, i) => {
			const sigma = sigmaOf(alphaBars[timestep]!);
			const told = { timestep, inputScale: 1, noised: noisedTo(sigma) };
			const { denoised } = readPrediction(config.predictionType, sigma, only('x'));
			// The boundary condition that the student was trained with: at timestep 0 it returns its input.
			const scaled = timestep * config.timestepScaling;
			const sharpened = combine(
				[scaled / Math.hypot(scaled, sigmaData), denoised],
				[sigmaData ** 2 / (scaled ** 2 + sigmaData ** 2), only('x')],
			);
			const next = timesteps[i + 1];
			if (next === undefined) return { ...told, drawsNoise: false, assign: { x: sharpened } };
			const alphaBar = alphaBars[next]!;
			const x = combine([Math.sqrt(alphaBar), sharpened], [Math.sqrt(1 - alphaBar), only('noise')]);
			return { ...told, drawsNoise: true, assign: { x } };
		}),
	};
}

/** Standard deviation of the clean data that consistency models assume, Song et al. 2023, https://arxiv.org/abs/2303.01469, appendix C. */
const sigmaData = 0.5;
