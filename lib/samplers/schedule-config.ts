// Reads the schedule that a bundle's networks were trained with.
import type { ConfigFile } from '../../models/config-file.ts';
import {
	betaSchedules,
	cumulateAlphas,
	makeBetas,
	predictionTypes,
	type ScheduleConfig,
	timestepSpacings,
} from './schedule.ts';

/**
 * Reads a `scheduler_config.json`. The class that wrote it does not matter, nor do the fields that a sampler's name
 * decides (`solver_order`, `algorithm_type`, `use_karras_sigmas`, …).
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE` for a schedule that a plan can't express
 */
export function readScheduleConfig(config: ConfigFile): ScheduleConfig {
	for (const [field, ordinary] of Object.entries(ordinaryOnly)) {
		const value = config.fields[field] ?? ordinary;
		if (value !== ordinary) throw config.error(field, JSON.stringify(ordinary));
	}
	const setAlphaToOne = config.boolean('set_alpha_to_one');
	const clipSample = config.boolean('clip_sample');
	const skipPrkSteps = config.boolean('skip_prk_steps');
	const timestepSpacing = config.choice('timestep_spacing', timestepSpacings, undefined);
	const alphaBars = cumulateAlphas(readBetas(config));
	const total = alphaBars.length;
	return {
		alphaBars,
		...(timestepSpacing === undefined ? {} : { timestepSpacing }),
		stepsOffset: config.integer('steps_offset', [0, total - 1], 0),
		...(setAlphaToOne === undefined ? {} : { setAlphaToOne }),
		predictionType: config.choice('prediction_type', predictionTypes, 'epsilon'),
		...(clipSample === undefined ? {} : { clipSample }),
		...(skipPrkSteps === undefined ? {} : { skipPrkSteps }),
		originalInferenceSteps: config.integer('original_inference_steps', [1, total], Math.min(50, total)),
		timestepScaling: config.number('timestep_scaling', 10),
	};
}

/** Fields that change the numbers, and the only value (and default) that plans support. */
const ordinaryOnly = {
	thresholding: false,
	rescale_betas_zero_snr: false,
	final_sigmas_type: 'zero',
	interpolation_type: 'linear',
} as const;

function readBetas(config: ConfigFile): Float64Array {
	const isBeta = (value: number) => value > 0 && value < 1;
	const trained = config.numbers('trained_betas', 'numbers between 0 and 1', isBeta);
	if (trained !== undefined) {
		if (trained.length < 2) throw config.error('trained_betas', 'at least 2 numbers');
		return Float64Array.from(trained);
	}
	const total = config.integer('num_train_timesteps', [2, 100_000], 1000);
	const schedule = config.choice('beta_schedule', betaSchedules, undefined);
	if (schedule === undefined) throw config.error('beta_schedule', `one of ${betaSchedules.join(', ')}`);
	const ends = ['beta_start', 'beta_end'].map((field) => {
		const beta = config.number(field);
		if (!isBeta(beta)) throw config.error(field, 'a number between 0 and 1');
		return beta;
	});
	return makeBetas(schedule, ends[0]!, ends[1]!, total);
}
