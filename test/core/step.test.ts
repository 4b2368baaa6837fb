// The sampler's step, against diffusers.
import { describe, expect, test } from 'vitest';
import { fromNoise, type Plan, packPlan } from '../../lib/samplers/plan.ts';
import { exactly, maxAbsError } from '../golden.ts';
import { inside } from '../inside.ts';
import { golden, planOf, predictNoise, recorded } from '../recorded-plans.ts';

const start = golden.floats('shared/x_T') as Float32Array;
const noise = golden.floats('shared/noise') as Float32Array;
const draws = exactly(
	golden.tensor('shared/noise').shape[0]!,
	Array.from({ length: noise.length / start.length }, (_, i) => noise.slice(i * start.length, (i + 1) * start.length)),
	'draws of noise',
);

describe('the step, run over a plan in float32', () => {
	test.each(recorded)('goes the way that diffusers goes: $name', (one) => {
		const { name, accuracy, accuracy_trajectory } = one;
		const plan = planOf(one);
		const trajectory = inside.runPlan(packPlan(plan), start, draws, (sample, timestep) =>
			sample.map((value) => predictNoise(value, timestep)),
		);
		// atol: 20 times the distance between diffusers' own float32 and float64 runs.
		const values = trajectory.flatMap((latents) => Array.from(latents));
		expect(maxAbsError(values, golden.floats(`${name}/trajectory`))).toBeLessThanOrEqual(accuracy_trajectory.atol);
		expect(maxAbsError(trajectory.at(-1)!, golden.floats(`${name}/final_f64`))).toBeLessThanOrEqual(accuracy!.atol);
	});

	const one = (assign: Plan['steps'][number]['assign'], rest = {}): Plan => ({
		start: fromNoise(1),
		steps: [{ timestep: 999, inputScale: 1, drawsNoise: false, noised: fromNoise(1), assign, ...rest }],
	});
	const run = (plan: Plan, x: number, eps: number, noise: number[] = []) =>
		inside.runPlan(
			packPlan(plan),
			Float32Array.of(x),
			noise.map((value) => Float32Array.of(value)),
			() => Float32Array.of(eps),
		);

	test('tells the network the timestep and the scaled latents', () => {
		const seen: unknown[] = [];
		const plan = one({}, { timestep: 374.625, inputScale: 0.25 });
		inside.runPlan(packPlan(plan), Float32Array.of(8), [], (sample, timestep) => {
			seen.push([Array.from(sample), timestep]);
			return Float32Array.of(0);
		});
		expect(seen).toEqual([[[2], 374.625]]);
	});

	test('reads the values from before the step in every sum', () => {
		const swap = one({ x: { h0: 1, eps: 1 }, h0: { x: 1 } });
		const twice = { ...swap, steps: [...swap.steps, ...swap.steps] };
		// x = 3, h0 = 0 -> x = 10, h0 = 3 -> x = 13, h0 = 10
		expect(run(twice, 3, 10).map((x) => x[0])).toEqual([10, 13]);
	});

	test('draws noise only for the steps that ask for it', () => {
		const plan = one({ x: { noise: 1 } }, { drawsNoise: true });
		const twice = { ...plan, steps: [plan.steps[0]!, { ...plan.steps[0]!, drawsNoise: false }, plan.steps[0]!] };
		expect(run(twice, 0, 0, [5, 6]).map((x) => x[0])).toEqual([5, 5, 6]);
	});

	test('leaves out what has no weight, even NaN', () => {
		expect(run(one({ x: { x: 2 } }), 4, Number.NaN)[0]![0]).toBe(8);
		expect(run(one({ x: { x: 2, eps: 1 } }), 4, Number.NaN)[0]![0]).toBeNaN();
	});

	test('starts from as much noise as the plan says', () => {
		expect(run({ ...one({ x: { x: 1, eps: 1 } }), start: fromNoise(14.5) }, 2, 0.25)[0]![0]).toBe(29.25);
	});
});
