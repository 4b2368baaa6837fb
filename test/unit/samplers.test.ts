// The plans of all samplers, against diffusers' schedulers.
import { describe, expect, test } from 'vitest';
import {
	fromPhoto,
	maxAssignments,
	type Plan,
	packedStartLength,
	packedStepLength,
	packPlan,
	registers,
	type Sum,
} from '../../lib/samplers/plan.ts';
import { makePlan, samplerNames } from '../../lib/samplers/samplers.ts';
import { maxAbsError, readGolden } from '../golden.ts';
import { golden, planOf, predictNoise, recorded, schedule } from '../recorded-plans.ts';

/** Runs a plan in double precision. */
function runPlan(plan: Plan, start: ArrayLike<number>, noise: ArrayLike<number>, network = predictNoise) {
	const size = start.length;
	const memory: Record<string, Float64Array> = {};
	for (const register of registers) memory[register] = new Float64Array(size);
	memory.x = Float64Array.from(start, (value) => value * plan.start.noise);
	let draws = 0;
	for (const step of plan.steps) {
		memory.eps = memory.x.map((value) => network(value * step.inputScale, step.timestep));
		if (step.drawsNoise) {
			memory.noise = Float64Array.from({ length: size }, (_, i) => noise[draws * size + i]!);
			draws++;
		}
		const before = { ...memory };
		for (const [target, sum] of Object.entries(step.assign) as [string, Sum][]) {
			memory[target] = Float64Array.from({ length: size }, (_, i) =>
				Object.entries(sum).reduce((total, [register, weight]) => total + weight * before[register]![i]!, 0),
			);
		}
	}
	return { x: memory.x, draws };
}

describe('every recorded run of a diffusers scheduler', () => {
	test.each(recorded)('$name', (one) => {
		const { name } = one;
		const plan = planOf(one);

		// Euler's are fractional, and recorded in float32.
		const timesteps = plan.steps.map(({ timestep }) => Math.fround(timestep));
		expect(timesteps).toEqual(Array.from(golden.tensor(`${name}/timesteps`).data, Number));
		// Recorded in float32, after a product of 1000 factors in it.
		expect(plan.start.noise / one.init_noise_sigma).toBeCloseTo(1, 5);

		const { x, draws } = runPlan(plan, golden.floats('shared/x_T'), golden.floats('shared/noise'));
		expect(draws).toBe(one.noise_draws);
		// Both in double precision; values are of order 10, and sums are in another order.
		expect(maxAbsError(x, golden.floats(`${name}/final_f64`))).toBeLessThanOrEqual(1e-9);
	});
});

describe('a run of DPM-Solver++ around the 15 steps below which its end is of lower order', () => {
	const runs = readGolden('schedulers/short_runs');

	test.each(runs.cases(4))('$name', ({ name, order, steps }) => {
		const plan = makePlan(order === 2 ? 'dpm++2m' : 'dpm++3m', steps, schedule());
		expect(plan.steps.map(({ timestep }) => timestep)).toEqual(
			Array.from(runs.tensor(`${name}/timesteps`).data, Number),
		);
		const { x } = runPlan(plan, golden.floats('shared/x_T'), []);
		// Recorded in float32; that of the same family in 10 steps is that far from float64, times 20.
		const { atol } = golden.case(`dpmpp_${order}m_10`).accuracy!;
		expect(maxAbsError(x, runs.floats(`${name}/final`))).toBeLessThanOrEqual(atol);
	});
});

/** What the core could not run in a plan; empty if nothing. */
function faultsOf(plan: Plan): string[] {
	const faults: string[] = [];
	const written = new Set<string>(['x', 'eps']);
	for (const { latents, noise } of [plan.start, ...plan.steps.map(({ noised }) => noised)]) {
		if (!(latents >= 0 && latents <= 1 && noise > 0 && noise < 1e4)) faults.push(`${latents} and ${noise} of noise`);
	}
	plan.steps.forEach((step, i) => {
		const assignments = Object.entries(step.assign) as [string, Sum][];
		if (!(step.timestep >= 0 && step.timestep <= 999)) faults.push(`step ${i}: timestep ${step.timestep}`);
		if (!(step.inputScale > 0 && step.inputScale <= 1)) faults.push(`step ${i}: inputScale ${step.inputScale}`);
		if (assignments.length > maxAssignments) faults.push(`step ${i}: ${assignments.length} assignments`);
		for (const [register, weight] of assignments.flatMap(([, sum]) => Object.entries(sum))) {
			if (!Number.isFinite(weight)) faults.push(`step ${i}: ${weight} of ${register}`);
			const filled = register === 'noise' ? step.drawsNoise : written.has(register);
			if (!filled) faults.push(`step ${i}: reads ${register}, which nothing has filled`);
		}
		for (const [target] of assignments) written.add(target);
	});
	return faults;
}

describe('every sampler', () => {
	const cases = samplerNames.flatMap((sampler) =>
		['linspace', 'leading', 'trailing'].map((spacing) => [sampler, spacing] as const),
	);

	test.each(cases)('%s, %s: any number of steps makes a plan that the core can run', (sampler, spacing) => {
		const config = schedule({ timestep_spacing: spacing });
		for (const steps of [1, 2, 3, 4, 7, 14, 15, 16, 50, 333, 500, 999, 1000]) {
			if (sampler === 'lcm' && steps > 50) continue; // its student was trained on 50, see below
			const plan = makePlan(sampler, steps, config, { eta: 0.5 });
			const evaluations = sampler === 'heun' ? 2 * steps - 1 : sampler === 'pndm' && steps > 1 ? steps + 1 : steps;
			expect(plan.steps, `${steps} steps`).toHaveLength(evaluations);
			expect(faultsOf(plan), `${steps} steps`).toEqual([]);
		}
	});

	test.each(cases)(
		'%s, %s: a run may begin at any of its steps, without what those before it left',
		(sampler, spacing) => {
			const config = schedule({ timestep_spacing: spacing });
			for (const steps of [1, 2, 3, 4, 14, 15, 16, 40]) {
				const whole = makePlan(sampler, steps, config, { eta: 0.5 });
				for (let first = 0; first < steps; first++) {
					const plan = fromPhoto(makePlan(sampler, steps, config, { eta: 0.5, first }));
					const label = `${steps} steps from ${first}`;
					const left = whole.steps.slice(sampler === 'heun' ? 2 * first : first);
					expect(
						plan.steps.map(({ timestep, noised }) => [timestep, noised]),
						label,
					).toEqual(left.map(({ timestep, noised }) => [timestep, noised]));
					expect(faultsOf(plan), label).toEqual([]);
				}
			}
		},
	);

	// PNDM averages network outputs of two timesteps, which differs between the two forms; Karras' timesteps are
	// rounded, so that the network's noise level isn't the plan's.
	const linear = samplerNames.filter((name) => name !== 'pndm' && name !== 'dpm++2m-karras');
	test.each(linear)('%s ends where it ends with noise predictions when the network predicts v', (sampler) => {
		// v = alpha · noise − sigmaVp · clean, where input = alpha · clean + sigmaVp · noise.
		const config = schedule();
		const bars = config.alphaBars;
		const predictV = (input: number, timestep: number) => {
			const noise = predictNoise(input, timestep);
			const low = Math.floor(timestep);
			const at = (t: number) => Math.sqrt((1 - bars[t]!) / bars[t]!);
			const high = Math.min(low + 1, 999);
			const sigma = at(low) + (timestep - low) * (at(high) - at(low));
			const alpha = 1 / Math.hypot(sigma, 1);
			return alpha * noise - sigma * (input - sigma * alpha * noise);
		};
		const start = golden.floats('shared/x_T');
		const noise = golden.floats('shared/noise');
		const expected = runPlan(makePlan(sampler, 7, config), start, noise).x;
		const plan = makePlan(sampler, 7, schedule({ prediction_type: 'v_prediction' }));
		expect(maxAbsError(runPlan(plan, start, noise, predictV).x, expected)).toBeLessThanOrEqual(1e-9);
	});
});

describe('makePlan refuses', () => {
	test.each([0, -1, 1.5, 1001, Number.NaN])('%d steps', (steps) => {
		expect(() => makePlan('euler', steps, schedule())).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`received ${steps}`) }),
		);
	});

	test('more steps of lcm than its student was taught', () => {
		expect(() => makePlan('lcm', 51, schedule())).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('1 to 50') }),
		);
		expect(makePlan('lcm', 60, schedule({ original_inference_steps: 100 })).steps).toHaveLength(60);
	});

	test.each([
		['ddim', 'clip_sample', true],
		['ddim', 'clip_sample', null],
		['pndm', 'skip_prk_steps', false],
	] as const)('%s with %s %s', (sampler, field, value) => {
		const config = schedule({ [field]: value });
		expect(() => makePlan(sampler, 5, config)).toThrow(
			expect.objectContaining({ code: 'INVALID_BUNDLE', message: expect.stringContaining(`\`${field}\``) }),
		);
	});
});

describe('a scheduler config', () => {
	test.each([
		['beta_start', 'low'],
		['beta_start', undefined],
		['beta_end', 1.5],
		['beta_schedule', 'sigmoid'],
		['beta_schedule', undefined],
		['num_train_timesteps', 0],
		['num_train_timesteps', 1e9],
		['trained_betas', [0.1, 2]],
		['trained_betas', [0.1]],
		['trained_betas', 'none'],
		['prediction_type', 'flow_prediction'],
		['timestep_spacing', 'random'],
		['steps_offset', -1],
		['set_alpha_to_one', 'yes'],
		['thresholding', true],
		['rescale_betas_zero_snr', true],
		['final_sigmas_type', 'sigma_min'],
		['original_inference_steps', 0],
	])('is refused by the name of its field: %s = %j', (field, value) => {
		expect(() => schedule({ [field]: value })).toThrow(
			expect.objectContaining({
				code: 'INVALID_BUNDLE',
				message: expect.stringMatching(new RegExp(`for \`${field}\` in scheduler_config.json but received`)),
			}),
		);
	});

	test('may state betas one by one', () => {
		const { alphaBars } = schedule({ trained_betas: [0.1, 0.2, 0.5] });
		expect(maxAbsError(alphaBars, [0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.5])).toBeLessThan(1e-15);
	});

	test('has the noise levels that were recorded', () => {
		// Float64 on both sides, 1000 factors.
		expect(maxAbsError(schedule().alphaBars, golden.floats('shared/alphas_cumprod_f64'))).toBeLessThan(1e-13);
	});

	test('may be linear or cosine', () => {
		const linear = schedule({ beta_schedule: 'linear' }).alphaBars;
		expect(linear[0]).toBeCloseTo(1 - 0.00085, 12);
		expect(linear[999]! / linear[998]!).toBeCloseTo(1 - 0.012, 12);
		const cosine = schedule({ beta_schedule: 'squaredcos_cap_v2' }).alphaBars;
		// ᾱ halfway is cos²(π/4 · (1 + 0.008/1.008·…)); the definition itself, up to the first factor.
		const bar = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
		expect(cosine[499]).toBeCloseTo(bar(0.5) / bar(0), 12);
	});
});

test('a packed plan holds what the plan says', () => {
	const plan: Plan = {
		start: { latents: 0.75, noise: 2 },
		steps: [
			{
				...{ timestep: 12.5, inputScale: 0.25, drawsNoise: true, noised: { latents: 0.5, noise: 0.75 } },
				assign: { x: { x: 1, noise: -3 }, preview: { eps: 7 } },
			},
			{
				...{ timestep: 0, inputScale: 1, drawsNoise: false, noised: { latents: 0.875, noise: 0.125 } },
				assign: { x: { preview: 0.5 } },
			},
		],
	};
	const packed = packPlan(plan);
	expect(packed).toHaveLength(packedStartLength + 2 * packedStepLength);
	expect(Array.from(packed.subarray(0, packedStartLength))).toEqual([0.75, 2]);
	const steps = packed.subarray(packedStartLength);

	const unpacked = plan.steps.map((_, index) => {
		const [timestep, inputScale, drawsNoise, count, , , ...rest] = steps.subarray(index * packedStepLength);
		const assign = Array.from({ length: count! }, (_, i) => {
			const [target, ...weights] = rest.slice(i * (1 + registers.length), (i + 1) * (1 + registers.length));
			const sum = registers.flatMap((register, at) => (weights[at] === 0 ? [] : [[register, weights[at]]]));
			return [registers[target!], Object.fromEntries(sum)];
		});
		return { timestep, inputScale, drawsNoise: drawsNoise === 1, assign: Object.fromEntries(assign) };
	});
	expect(unpacked).toEqual(plan.steps.map(({ noised, ...step }) => step));
	// What is kept of a photo is at the next evaluation's level, and at last without noise.
	expect([...steps.subarray(4, 6)]).toEqual([0.875, 0.125]);
	expect([...steps.subarray(packedStepLength + 4, packedStepLength + 6)]).toEqual([1, 0]);
	expect(steps.subarray(packedStepLength + 6 + 1 + registers.length).every((number) => number === 0)).toBe(true);
});
