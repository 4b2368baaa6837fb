// The progress of an engine build as one number.
import { expect, test } from 'vitest';
import { BuildProgress } from '../../lib/engines/build-progress.ts';

test('a phase inside a step of another is a part of that step', () => {
	const progress = new BuildProgress();
	const fraction = (phase: string, step: number, steps: number) => progress.add({ phase, step, steps });
	expect(fraction('build', 0, 4)).toBe(0);
	expect(fraction('build', 1, 4)).toBe(0.25);
	expect(fraction('tactics', 0, 2)).toBe(0.25);
	expect(fraction('tactics', 1, 2)).toBe(0.375);
	expect(fraction('kernels', 1, 4)).toBe(0.40625);
	expect(fraction('tactics', 2, 2)).toBe(0.5);
	expect(fraction('build', 4, 4)).toBe(1);
});

// As TensorRT-RTX 1.6 reports a network with two profiles, in this order; repeated phases once.
test('of the phases of NVIDIA’s builder the one counts that takes the time', () => {
	const progress = new BuildProgress();
	const reports: [phase: string, step: number, steps: number, fraction: number][] = [
		['Building engine', 0, 6, 0],
		['Cloning network graph', 0, 10, 0],
		['Cloning network graph', 10, 10, 0],
		['Building engine', 2, 6, 0],
		['Preparing graph for optimization', 4, 4, 0],
		['Building engine', 4, 6, 0],
		['Building engine from subgraph', 0, 1, 0],
		['Optimizing graph', 0, 30, 0],
		['Optimizing graph', 30, 30, 0],
		['Computing profile costs', 0, 10, 0],
		['Timing tactics', 0, 3, 0],
		['Timing graph nodes', 3, 3, 0.1 / 3],
		['Timing tactics', 3, 3, 0.1],
		['Computing profile costs', 3, 10, 0.3],
		['Determining refit engines', 0, 1, 0.3],
		['Determining refit engines', 1, 1, 0.4],
		['Computing profile costs', 5, 10, 0.5],
		['Timing tactics', 0, 3, 0.5],
		['Computing profile costs', 10, 10, 1],
		['Building engine from subgraph', 1, 1, 1],
		['Building engine', 5, 6, 1],
	];
	for (const [phase, step, steps, fraction] of reports) {
		// A few roundings of numbers below 1.
		expect(progress.add({ phase, step, steps }), `${phase} ${step}/${steps}`).toBeCloseTo(fraction, 12);
	}
});

test('it never falls, whatever comes after what', () => {
	for (const names of ['abc', ['Building engine', 'Computing profile costs', 'c']]) {
		const progress = new BuildProgress();
		let before = 0;
		let seed = 1;
		const random = (below: number) => {
			seed = (seed * 48_271) % 2_147_483_647;
			return seed % below;
		};
		for (let i = 0; i < 500; i++) {
			const steps = random(5);
			const fraction = progress.add({ phase: names[random(3)]!, step: random(steps + 2), steps });
			// NaN is neither.
			expect(fraction >= before && fraction <= 1).toBe(true);
			before = fraction;
		}
	}
});
