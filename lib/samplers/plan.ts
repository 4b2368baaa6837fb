/**
 * A sampler is data (a plan): every sampler of this package is a linear multistep rule, so one step of it is a network
 * evaluation followed by a few weighted sums of per-image buffers, the registers.
 *
 * - `x`: the latents in the sampler's own scaling; the network sees `inputScale · x`
 * - `eps`: the network's noise prediction of this step, after guidance
 * - `noise`: a fresh standard normal draw, only in steps that name it
 * - `h0` … `h3`: whatever the sampler keeps between steps; zero before the first step
 * - `preview`: the latents that the image is expected to have in the end, after steps that are shown: see withPreviews
 */
export const registers = ['x', 'eps', 'noise', 'h0', 'h1', 'h2', 'h3', 'preview'] as const;
export type Register = (typeof registers)[number];

/** A weighted sum of registers. Registers not named do not count, whatever they hold. */
export type Sum = Readonly<Partial<Record<Register, number>>>;

/** One network evaluation and the assignments after it. All sums read the values from before the step. */
export type PlanStep = Readonly<{
	/** Training timestep given to the network, 0–999; may be fractional. */
	timestep: number;
	/** The network's input is `inputScale · x`. */
	inputScale: number;
	/** Whether the generator draws noise after this evaluation, even if the sums give it no weight. */
	drawsNoise: boolean;
	/** At most {@link maxAssignments}; never to `eps` or `noise`. */
	assign: Readonly<Partial<Record<Exclude<Register, 'eps' | 'noise'>, Sum>>>;
	/** A photo's latents at this evaluation's noise level: what diffusers' `add_noise` makes of them. */
	noised: Mixture;
}>;

/** `latents` · the latents of the image's photo + `noise` · its start noise, a standard normal draw. */
export type Mixture = Readonly<{ latents: number; noise: number }>;

/** `x` starts as `start`. */
export type Plan = Readonly<{ start: Mixture; steps: readonly PlanStep[] }>;

/** The start of an image made from noise alone. */
export function fromNoise(scale: number): Mixture {
	return { latents: 0, noise: scale };
}

/** The same plan for an image that begins as its noised photo. */
export function fromPhoto(plan: Plan): Plan {
	return { ...plan, start: plan.steps[0]!.noised };
}

/** Without noise: what the kept part of an image is in the end. */
const clean: Mixture = { latents: 1, noise: 0 };

export const maxAssignments = 4;
/** Numbers before the first step of a packed plan: the start's weights for latents and noise. */
export const packedStartLength = 2;
/**
 * Numbers per step in it: timestep, inputScale, drawsNoise, assignment count, the weights for latents and noise of what is kept of a
 * photo after the step, then (target, 8 weights) × 4.
 */
export const packedStepLength = 6 + maxAssignments * (1 + registers.length);

/** The form that the native core takes (native/binding/marshal.h): the start, then the steps, unused assignments zero. */
export function packPlan(plan: Plan): Float64Array {
	const packed = new Float64Array(packedStartLength + plan.steps.length * packedStepLength);
	packed.set([plan.start.latents, plan.start.noise]);
	plan.steps.forEach((step, index) => {
		const assignments = Object.entries(step.assign) as [Register, Sum][];
		let at = packedStartLength + index * packedStepLength;
		const kept = plan.steps[index + 1]?.noised ?? clean;
		packed.set([step.timestep, step.inputScale, step.drawsNoise ? 1 : 0, assignments.length], at);
		packed.set([kept.latents, kept.noise], at + 4);
		at += 6;
		for (const [target, sum] of assignments) {
			packed[at] = registers.indexOf(target);
			registers.forEach((register, i) => {
				packed[at + 1 + i] = sum[register] ?? 0;
			});
			at += 1 + registers.length;
		}
	});
	return packed;
}
