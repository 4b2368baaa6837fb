/** The noise schedule that a U-Net was trained with: its `scheduler_config.json`, as diffusers understands it. */
export type ScheduleConfig = Readonly<{
	/** ᾱ of every training timestep: the share of the clean latents in the variance. */
	alphaBars: Float64Array;
	/** How timesteps are picked; `undefined` (not stated) leaves it to each sampler, as in diffusers. */
	timestepSpacing?: TimestepSpacing;
	/** Added to the timesteps of the `leading` spacing. */
	stepsOffset: number;
	/** Whether the step after the last timestep is clean (ᾱ = 1) or still as noisy as timestep 0; not stated: by sampler. */
	setAlphaToOne?: boolean;
	/** What the network's output is. */
	predictionType: PredictionType;
	/** DDIM can clip the denoised latents, which no linear rule can express; by default it does. */
	clipSample?: boolean;
	/** PNDM can start with Runge-Kutta steps; by default it does. */
	skipPrkSteps?: boolean;
	/** LCM: how many steps the student was distilled for. */
	originalInferenceSteps: number;
	/** LCM: factor of the timestep in its boundary condition. */
	timestepScaling: number;
}>;

export const timestepSpacings = ['linspace', 'leading', 'trailing'] as const;
export type TimestepSpacing = (typeof timestepSpacings)[number];
export const predictionTypes = ['epsilon', 'v_prediction'] as const;
export type PredictionType = (typeof predictionTypes)[number];
export const betaSchedules = ['linear', 'scaled_linear', 'squaredcos_cap_v2'] as const;
export type BetaSchedule = (typeof betaSchedules)[number];

/** The variance that each training timestep adds. */
export function makeBetas(schedule: BetaSchedule, start: number, end: number, timesteps: number): Float64Array {
	const step = (i: number) => i / Math.max(timesteps - 1, 1);
	switch (schedule) {
		case 'linear':
			return Float64Array.from({ length: timesteps }, (_, i) => start + (end - start) * step(i));
		case 'scaled_linear':
			return Float64Array.from(
				{ length: timesteps },
				(_, i) => (Math.sqrt(start) + (Math.sqrt(end) - Math.sqrt(start)) * step(i)) ** 2,
			);
		case 'squaredcos_cap_v2': {
			// Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672, section 3.2; start and end do not matter.
			const bar = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
			return Float64Array.from({ length: timesteps }, (_, i) =>
				Math.min(1 - bar((i + 1) / timesteps) / bar(i / timesteps), 0.999),
			);
		}
	}
}

/** ᾱ: the running product of 1 − β. */
export function cumulateAlphas(betas: Float64Array): Float64Array {
	let product = 1;
	return betas.map((beta) => {
		product *= 1 - beta;
		return product;
	});
}

/** Karras' noise level √((1 − ᾱ) / ᾱ): latents = clean + σ · noise. */
export function sigmaOf(alphaBar: number): number {
	return Math.sqrt((1 - alphaBar) / alphaBar);
}

/**
 * ᾱ at a whole timestep. Below 0 `setAlphaToOne` decides; above the last training timestep, that one is used
 * (1000 steps of the leading spacing with offset 1 need one).
 */
export function alphaBarAt(config: ScheduleConfig, timestep: number, alphaToOneByDefault: boolean): number {
	const { alphaBars, setAlphaToOne = alphaToOneByDefault } = config;
	if (timestep < 0) return setAlphaToOne ? 1 : alphaBars[0]!;
	return alphaBars[Math.min(timestep, alphaBars.length - 1)]!;
}

/** σ at a timestep that may be fractional, linear between its neighbours. */
export function sigmaAt(alphaBars: Float64Array, timestep: number): number {
	const at = Math.min(Math.max(timestep, 0), alphaBars.length - 1);
	const below = Math.floor(at);
	const low = sigmaOf(alphaBars[below]!);
	const high = sigmaOf(alphaBars[Math.min(below + 1, alphaBars.length - 1)]!);
	return low + (high - low) * (at - below);
}

/** The timestep whose σ is this, linear in log σ between its neighbours; the inverse of {@link sigmaAt} up to that. */
export function timestepOf(alphaBars: Float64Array, sigma: number): number {
	const last = alphaBars.length - 1;
	let low = 0;
	while (low < last - 1 && sigmaOf(alphaBars[low + 1]!) <= sigma) low++;
	const from = Math.log(sigmaOf(alphaBars[low]!));
	const to = Math.log(sigmaOf(alphaBars[Math.min(low + 1, last)]!));
	const fraction = to === from ? 0 : (Math.log(sigma) - from) / (to - from);
	return low + Math.min(Math.max(fraction, 0), 1);
}

/** Rounds to the nearest integer, halves to the even one, as NumPy does. */
export function roundHalfEven(value: number): number {
	const rounded = Math.round(value);
	return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * The timesteps of the samplers that end at timestep 0 or next to it (DDIM, PNDM, Euler, Heun), descending.
 * `linspace` ones are fractional here; callers round them as needed.
 */
export function timestepsToZero(config: ScheduleConfig, spacing: TimestepSpacing, steps: number): number[] {
	const total = config.alphaBars.length;
	switch (spacing) {
		case 'linspace': // a single step is at timestep 0, as in diffusers
			return descending(steps, (i) => i * ((total - 1) / Math.max(steps - 1, 1)));
		case 'leading':
			return descending(steps, (i) => i * Math.floor(total / steps) + config.stepsOffset);
		case 'trailing':
			return trailing(total, steps);
	}
}

/** Timesteps, descending, for samplers that take one more step from the last to σ = 0 (DPM-Solver, UniPC). */
export function timestepsAboveZero(config: ScheduleConfig, spacing: TimestepSpacing, steps: number): number[] {
	const total = config.alphaBars.length;
	switch (spacing) {
		case 'linspace':
			return descending(steps, (i) => roundHalfEven((i + 1) * ((total - 1) / steps)));
		case 'leading':
			return descending(steps, (i) =>
				Math.min((i + 1) * Math.floor(total / (steps + 1)) + config.stepsOffset, total - 1),
			);
		case 'trailing':
			return trailing(total, steps);
	}
}

function descending(steps: number, timestep: (fromTheEnd: number) => number): number[] {
	return Array.from({ length: steps }, (_, i) => timestep(steps - 1 - i));
}

function trailing(total: number, steps: number): number[] {
	return Array.from({ length: steps }, (_, i) => roundHalfEven(total - i * (total / steps)) - 1);
}
