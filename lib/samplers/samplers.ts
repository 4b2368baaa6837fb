// The table of samplers, and the plan of each.
import { Arc2FaceError } from '../errors.ts';
import { ddim } from './ddim.ts';
import { dpmSolver } from './dpm-solver.ts';
import { euler, eulerAncestral, heun } from './euler.ts';
import { lcm } from './lcm.ts';
import type { Plan } from './plan.ts';
import { pndm } from './pndm.ts';
import type { ScheduleConfig } from './schedule.ts';
import { unipc } from './unipc.ts';

/** Every sampler equals diffusers' scheduler of that name, made with `from_config` from the bundle's scheduler config. */
const samplers = {
	'dpm++2m': () => dpmSolver({ order: 2 }),
	'dpm++2m-karras': () => dpmSolver({ order: 2, karras: true }),
	'dpm++3m': () => dpmSolver({ order: 3 }),
	'dpm++2m-sde': () => dpmSolver({ order: 2, stochastic: true }),
	ddim: ({ eta }) => ddim(eta),
	pndm: () => pndm,
	euler: () => euler,
	'euler-a': () => eulerAncestral,
	heun: () => heun,
	unipc: () => unipc,
	lcm: () => lcm,
} as const satisfies Record<string, (options: SamplerOptions) => Sampler>;

/** @param first - index of the first of `steps` to run; the plan has those from it on, made as if none came before */
type Sampler = (steps: number, config: ScheduleConfig, first?: number) => Plan;

/** A sampler, by its name: each equals the scheduler of diffusers that it is named after. */
export type SamplerName = keyof typeof samplers;
/** All samplers. */
export const samplerNames = Object.keys(samplers) as SamplerName[];

export type SamplerOptions = {
	/** Only for `ddim`: share of fresh noise in every step, 0 to 1. */
	eta: number;
	/** Index of the first of the steps to run (default 0); those before it are left out. */
	first?: number;
};

/**
 * Everything that the native core needs to know of a sampler.
 *
 * @param steps - 1 to the number of training timesteps (1000); `heun` evaluates the network 2 · steps − 1 times, `pndm` steps + 1
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for steps that the sampler can't do, `INVALID_BUNDLE` for a schedule that it can't follow
 */
export function makePlan(
	sampler: SamplerName,
	steps: number,
	config: ScheduleConfig,
	options: SamplerOptions = { eta: 0 },
): Plan {
	if (!(steps >= 1 && steps <= config.alphaBars.length && Number.isInteger(steps))) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`Expected an integer from 1 to ${config.alphaBars.length} for \`steps\` but received ${steps}.`,
			{ details: { option: 'steps' } },
		);
	}
	return samplers[sampler](options)(steps, config, options.first);
}
