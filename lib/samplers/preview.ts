// Steps that are shown while an image is painted.
import type { Plan } from './plan.ts';
import { readPrediction } from './prediction.ts';
import type { PredictionType } from './schedule.ts';
import { combine, only } from './sum.ts';

/**
 * The same plan, which after every `every`-th evaluation also tells what the image is expected to become: the latents without the noise that
 * the network, with guidance, has just predicted in them. For a network that predicts noise these are
 *
 *     √(σ² + 1) · input − σ · eps
 *
 * where σ is the noise level of the evaluation, and the input of unit variance. In the last step this is what the image is decoded from, or very near to it.
 */
export function withPreviews(plan: Plan, every: number, type: PredictionType): Plan {
	const steps = plan.steps.map((step, i) => {
		if ((i + 1) % every !== 0) return step;
		const { latents, noise } = step.noised;
		// Whatever the scaling of the sampler's latents, this quotient is Karras' σ.
		const { denoised } = readPrediction(type, noise / latents, combine([step.inputScale, only('x')]));
		return { ...step, assign: { ...step.assign, preview: denoised } };
	});
	return { ...plan, steps };
}
