// The recorded runs of diffusers' schedulers, and our sampler for each.
import { dpmSolver } from '../lib/samplers/dpm-solver.ts';
import type { Plan } from '../lib/samplers/plan.ts';
import { makePlan } from '../lib/samplers/samplers.ts';
import type { ScheduleConfig } from '../lib/samplers/schedule.ts';
import { readScheduleConfig } from '../lib/samplers/schedule-config.ts';
import { ConfigFile } from '../models/config-file.ts';
import { type GoldenCase, goldenFolder, readGolden } from './golden.ts';

export const golden = readGolden('schedulers/schedulers'); // how it was recorded: test/golden/README.md
export const recorded = golden.cases(64);
const stableDiffusion = await ConfigFile.read(`${goldenFolder}tiny-sd/scheduler/scheduler_config.json`);

/** Stable Diffusion 1.5's schedule, with some fields of its file changed. */
export function schedule(overrides: Record<string, unknown> = {}): ScheduleConfig {
	return readScheduleConfig(new ConfigFile('scheduler_config.json', { ...stableDiffusion.fields, ...overrides }));
}

/** The stand-in for the U-Net that the recording used. */
export const predictNoise = (input: number, timestep: number) =>
	Math.tanh(0.5 * input + 0.1 * Math.sin(timestep / 100));

/** Which sampler a recorded case is. */
export function planOf({ name, num_inference_steps: steps, overrides, step_kwargs }: GoldenCase): Plan {
	const { use_karras_sigmas, solver_order, algorithm_type, ...rest } = overrides;
	const config = schedule(rest);
	const family = name.replace(/_\d+$/, '');
	const eta = step_kwargs.eta ?? 0;
	switch (family) {
		case 'dpmpp_1': // we have no name for it: the family's lowest order
			return dpmSolver({ order: 1 })(steps, config);
		case 'dpmpp_2m_sde_karras':
			return dpmSolver({ order: 2, karras: true, stochastic: true })(steps, config);
		case 'dpmpp_2m':
		case 'dpmpp_2m_leading':
			return makePlan('dpm++2m', steps, config);
		case 'dpmpp_2m_karras':
			return makePlan('dpm++2m-karras', steps, config);
		case 'dpmpp_3m':
			return makePlan('dpm++3m', steps, config);
		case 'dpmpp_2m_sde':
			return makePlan('dpm++2m-sde', steps, config);
		case 'ddim_eta0':
		case 'ddim_eta1':
			return makePlan('ddim', steps, config, { eta });
		case 'pndm':
		case 'euler':
		case 'heun':
		case 'unipc':
		case 'lcm':
			return makePlan(family, steps, config);
		case 'euler_ancestral':
			return makePlan('euler-a', steps, config);
		default:
			throw new Error(`no sampler for the golden case ${name}`);
	}
}
