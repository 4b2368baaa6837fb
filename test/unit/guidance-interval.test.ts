// Which evaluations an interval of noise levels guides, for every sampler.
import { describe, expect, test } from 'vitest';
import { type GuidanceInterval, guidedSteps } from '../../lib/samplers/guidance-interval.ts';
import { makePlan, type SamplerName, samplerNames } from '../../lib/samplers/samplers.ts';
import { cumulateAlphas, makeBetas, type ScheduleConfig } from '../../lib/samplers/schedule.ts';

const config: ScheduleConfig = {
	alphaBars: cumulateAlphas(makeBetas('scaled_linear', 0.00085, 0.012, 1000)),
	stepsOffset: 1,
	setAlphaToOne: false,
	predictionType: 'epsilon',
	clipSample: false,
	skipPrkSteps: true,
	originalInferenceSteps: 50,
	timestepScaling: 10,
};
const guided = (sampler: SamplerName, steps: number, interval: GuidanceInterval) =>
	guidedSteps(makePlan(sampler, steps, config), interval, config);
const levels = (sampler: SamplerName, steps: number) =>
	makePlan(sampler, steps, config).steps.map(({ timestep }) => {
		const [below, above] = [Math.floor(timestep), Math.ceil(timestep)].map((t) => {
			const alphaBar = config.alphaBars[t]!;
			return Math.sqrt((1 - alphaBar) / alphaBar);
		});
		return below! + (above! - below!) * (timestep % 1);
	});

test('there are samplers', () => {
	expect(samplerNames.length).toBeGreaterThan(8);
});

describe.each(samplerNames)('%s', (sampler) => {
	const all = levels(sampler, 12);

	test('has guidance everywhere from no noise to more than there is, and nowhere in an empty interval', () => {
		expect(guided(sampler, 12, [0, 15])).toEqual(all.map(() => true));
		for (const level of [0, 1, 15]) expect(guided(sampler, 12, [level, level])).toEqual(all.map(() => false));
	});

	test('has it above the lower level, and up to the upper one', () => {
		// The levels of two evaluations in the middle: the first is in, the second is not.
		const [to, from] = [all[4]!, all[8]!];
		expect(from).toBeLessThan(to);
		const between = all.map((level) => from < level && level <= to);
		expect(new Set(between).size).toBe(2);
		expect(guided(sampler, 12, [from, to])).toEqual(between);
		expect(guided(sampler, 12, [from, to])[4]).toBe(true);
		expect(guided(sampler, 12, [from, to])[8]).toBe(false);
	});
});

test('the levels that Stable Diffusion XL was shown to profit from are 19 of 25 steps', () => {
	const steps = guided('dpm++2m', 25, [0.28, 5.42]);
	expect(steps.map(Number).join('')).toBe('0000011111111111111111110');
});

test('both evaluations of a step of heun at a level are alike', () => {
	const steps = guided('heun', 10, [0.28, 5.42]);
	expect(steps).toHaveLength(19);
	for (let i = 1; i + 1 < steps.length; i += 2) expect(steps[i]).toBe(steps[i + 1]);
});
