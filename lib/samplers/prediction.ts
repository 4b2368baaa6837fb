// What the network predicts (noise, clean latents or velocity), converted to clean latents and noise.
import type { Mixture, Sum } from './plan.ts';
import type { PredictionType } from './schedule.ts';
import { combine, only } from './sum.ts';

/** The two shares of noisy latents in variance-preserving form: latents = alpha · clean + sigmaVp · noise. */
export function sharesOf(sigma: number): { alpha: number; sigmaVp: number } {
	const alpha = 1 / Math.hypot(sigma, 1);
	return { alpha, sigmaVp: sigma * alpha };
}

/** Clean latents noised to a level, in variance-preserving form. */
export function noisedTo(sigma: number): Mixture {
	const { alpha, sigmaVp } = sharesOf(sigma);
	return { latents: alpha, noise: sigmaVp };
}

/**
 * Clean latents and noise from the network's output.
 *
 * @param sigma - their noise level (Karras')
 * @param input - the latents as the network sees them: variance-preserving
 * @param output - its answer
 * @returns the predicted clean latents and the predicted unit noise
 */
export function readPrediction(
	type: PredictionType,
	sigma: number,
	input: Sum,
	output: Sum = only('eps'),
): { denoised: Sum; noise: Sum } {
	const { alpha, sigmaVp } = sharesOf(sigma);
	switch (type) {
		case 'epsilon':
			return { denoised: combine([1 / alpha, input], [-sigmaVp / alpha, output]), noise: output };
		case 'v_prediction': // Salimans & Ho 2022, https://arxiv.org/abs/2202.00512, appendix D
			return {
				denoised: combine([alpha, input], [-sigmaVp, output]),
				noise: combine([sigmaVp, input], [alpha, output]),
			};
	}
}
