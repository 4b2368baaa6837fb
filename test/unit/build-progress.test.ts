import { expect, test } from 'vitest';
import { BuildProgress } from '../../lib/build-progress.ts';

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

test('it never falls, whatever comes after what', () => {
	const progress = new BuildProgress();
	let before = 0;
	let seed = 1;
	const random = (below: number) => {
		seed = (seed * 48_271) % 2_147_483_647;
		return seed % below;
	};
	for (let i = 0; i < 500; i++) {
		const steps = random(5);
		const fraction = progress.add({ phase: 'abc'[random(3)]!, step: random(steps + 2), steps });
		expect(fraction).toBeGreaterThanOrEqual(before);
		expect(fraction).toBeLessThanOrEqual(1);
		before = fraction;
	}
});
