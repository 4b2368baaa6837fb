// How images are shown while they are painted, whatever runs the model: a part of e2e/behaviour.test.ts.
import { expect, test } from 'vitest';
import type { GeneratedImage, Preview } from '../lib/index.ts';
import type { Subject } from './generate-behaviour.ts';

const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const otherIdentity = Float32Array.from({ length: 512 }, (_, i) => Math.cos(3 * i));

export function shows({ runtime, model, difference }: Subject): void {
	test.each(['dpm++2m', 'heun', 'pndm', 'unipc', 'lcm'] as const)(
		'in the order of their steps, each before its image, which is the same: %s',
		async (sampler) => {
			const how = { seed: 20, steps: 5, sampler, count: 2 };
			const people = [identity, otherIdentity];
			const expected = await model().generate(people, how);
			const events: string[][] = [[], [], [], []];
			let evaluations = 0;
			const onPreview = (preview: Preview) => {
				const { index, seed, step, steps, round, width, height, data } = preview;
				const { imageSize, pixelsPerLatent } = model().info;
				expect({ width, height }).toEqual({
					width: imageSize.width / pixelsPerLatent,
					height: imageSize.height / pixelsPerLatent,
				});
				expect(data).toHaveLength(3 * width * height);
				expect([seed, round]).toEqual([20 + index, 1]);
				evaluations = steps;
				events[index]!.push(`step ${step}`);
			};
			const images: GeneratedImage[] = [];
			for await (const image of model().generateEach(people, { ...how, onPreview, preview: { every: 2 } })) {
				events[image.index]!.push('image');
				images[image.index] = image;
			}
			expect(evaluations).toBeGreaterThanOrEqual(5);
			const steps = Array.from({ length: Math.floor(evaluations / 2) }, (_, i) => `step ${2 * (i + 1)}`);
			for (const told of events) expect(told).toEqual([...steps, 'image']);
			expect(difference(images, expected)).toBe(0);
		},
	);

	test('beside other calls, which stay as they are', async () => {
		const calls = [1, 2, 3].map((seed) => ({ seed, steps: 3 + seed }));
		const alone = await Promise.all(calls.map((how) => model().generate(identity, how)));
		const shown = [0, 0, 0];
		const together = await Promise.all(
			calls.map((how, i) => model().generate(identity, i === 1 ? how : { ...how, onPreview: () => shown[i]!++ })),
		);
		expect(shown).toEqual([4, 0, 6]);
		for (const [i, images] of together.entries()) {
			expect(difference(images, alone[i]!)).toBeLessThanOrEqual(runtime.tolerance);
		}
	});

	test('no more once the call was cancelled, however', async () => {
		let [shown, after] = [0, 0];
		let isOver = false;
		const reason = new Error('changed my mind');
		const abort = new AbortController();
		const onPreview = () => {
			if (isOver) after++;
			if (++shown !== 3) return;
			isOver = true;
			abort.abort(reason);
		};
		const how = { seed: 1, steps: 200, count: 4, onPreview };
		await expect(model().generate(identity, { ...how, signal: abort.signal })).rejects.toBe(reason);

		[shown, isOver] = [0, false];
		const onlyShown = () => {
			if (isOver) after++;
			shown++;
		};
		for await (const _ of model().generateEach(identity, { ...how, steps: 2, count: 12, onPreview: onlyShown })) {
			isOver = true;
			break;
		}
		expect(shown).toBeGreaterThan(0);

		isOver = false;
		const fails = () => {
			if (isOver) after++;
			isOver = true;
			throw reason;
		};
		await expect(model().generate(identity, { ...how, onPreview: fails })).rejects.toBe(reason);
		await model().generate(identity, { seed: 1, steps: 2 });
		expect(after).toBe(0);
	});
}
