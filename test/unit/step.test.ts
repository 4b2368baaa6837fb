import { describe, expect, test } from 'vitest';
import { fromNoise, type Plan, packPlan } from '../../lib/samplers/plan.ts';
import { makePlan, type SamplerName } from '../../lib/samplers/samplers.ts';
import { readScheduleConfig } from '../../lib/samplers/schedule-config.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { inside } from '../inside.ts';

const golden = readGolden('schedulers/schedulers'); // how it was recorded: test/golden/README.md
const schedule = readScheduleConfig(await ConfigFile.read(`${goldenFolder}tiny-sd/scheduler/scheduler_config.json`));

/** The recorded families that a sampler's name alone describes; samplers.test.ts has all of them, in double precision. */
const families: [string, SamplerName, { eta: number }?][] = [
	['dpmpp_2m', 'dpm++2m'],
	['dpmpp_2m_karras', 'dpm++2m-karras'],
	['dpmpp_3m', 'dpm++3m'],
	['dpmpp_2m_sde', 'dpm++2m-sde'],
	['ddim_eta0', 'ddim', { eta: 0 }],
	['ddim_eta1', 'ddim', { eta: 1 }],
	['pndm', 'pndm'],
	['euler', 'euler'],
	['euler_ancestral', 'euler-a'],
	['heun', 'heun'],
	['unipc', 'unipc'],
	['lcm', 'lcm'],
];
const runs = families.flatMap(([family, sampler, options]) =>
	golden.cases
		.filter(({ name }) => name.replace(/_\d+$/, '') === family)
		.map(
			(recorded) =>
				[recorded.name, recorded, makePlan(sampler, recorded.num_inference_steps, schedule, options)] as const,
		),
);

/** The stand-in for the U-Net that the recording used, in float32. */
const predictNoise = (sample: Float32Array, timestep: number) =>
	sample.map((x) => Math.tanh(Math.fround(0.5 * x + Math.fround(0.1 * Math.sin(timestep / 100)))));

const noise = golden.tensor('shared/noise');
const draws = Array.from({ length: noise.shape[0]! }, (_, i) => {
	const size = noise.data.length / noise.shape[0]!;
	return noise.data.slice(i * size, (i + 1) * size) as Float32Array;
});

describe('the step, run over a plan in float32', () => {
	test.each(runs)('ends where diffusers ends: %s', (name, { accuracy }, plan) => {
		const trajectory = inside.runPlan(packPlan(plan), golden.floats('shared/x_T') as Float32Array, draws, predictNoise);
		// 20 times the distance of diffusers' own float32 run from its float64 run.
		expect(maxAbsError(trajectory.at(-1)!, golden.floats(`${name}/final_f64`))).toBeLessThanOrEqual(accuracy!.atol);
	});

	const one = (assign: Plan['steps'][number]['assign'], rest = {}): Plan => ({
		start: fromNoise(1),
		steps: [{ timestep: 999, inputScale: 1, drawsNoise: false, assign, ...rest }],
	});
	const run = (plan: Plan, x: number, eps: number, noise: number[] = []) =>
		inside.runPlan(
			packPlan(plan),
			Float32Array.of(x),
			noise.map((value) => Float32Array.of(value)),
			() => Float32Array.of(eps),
		);

	test('starts from as much noise as the plan says', () => {
		expect(run({ ...one({ x: { x: 1, eps: 1 } }), start: fromNoise(14.5) }, 2, 0.25)[0]![0]).toBe(29.25);
	});

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
});
