// How the calls that paint behave, whatever runs the model: a part of e2e/behaviour.test.ts.
import { describe, expect, test } from 'vitest';
import { Arc2Face, type GeneratedImage, type LoadOptions } from '../lib/index.ts';
import { faultyProvider, openFaults, type Runtime, withEnvironment } from './runtimes.ts';

/** What the suite tests. */
export type Subject = Readonly<{
	runtime: Runtime;
	/** What the model was loaded with. */
	options: LoadOptions;
	/** Only while tests run. */
	model(): Arc2Face;
	/** Of two lists of images, in levels, to be compared with the runtime's tolerance. */
	difference(a: readonly GeneratedImage[], b: readonly GeneratedImage[]): number;
}>;

const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const otherIdentity = Float32Array.from({ length: 512 }, (_, i) => Math.cos(3 * i));

export function paints(subject: Subject): void {
	describe('images as they finish', () => givesEach(subject));
}

/** The images of a loop, in the order in which they came. */
async function collect(images: AsyncIterable<GeneratedImage>): Promise<GeneratedImage[]> {
	const all: GeneratedImage[] = [];
	for await (const image of images) all.push(image);
	return all;
}

function givesEach({ runtime, options, model, difference }: Subject): void {
	test('are those of generate', async () => {
		const how = { seed: 50, steps: 2, count: 2 };
		const people = [identity, otherIdentity];
		const images = await collect(model().generateEach(people, how));
		const sorted = images.toSorted((a, b) => a.index - b.index);
		const expected = await model().generate(people, how);
		expect(sorted.map(({ index, seed }) => [index, seed])).toEqual(expected.map(({ index, seed }) => [index, seed]));
		expect(difference(sorted, expected)).toBeLessThanOrEqual(runtime.tolerance);
	});

	test('come before the others are finished', async () => {
		// More rows than any batch has, so the first images are painted before the last ones have had their step.
		const [steps, count] = [1, 36];
		const events: string[] = [];
		const onStep = ({ step }: { step: number }) => events.push(`step ${step}`);
		for await (const { index } of model().generateEach(identity, { seed: 1, steps, count, onStep })) {
			events.push(`image ${index}`);
		}
		const [first, last] = [events.findIndex((event) => event.startsWith('image')), events.indexOf(`step ${steps}`)];
		expect(first >= 0 && first < last, events.join(', ')).toBe(true);
		expect(events.filter((event) => event.startsWith('image'))).toHaveLength(count);
	});

	test('see nothing of what happens to the arguments after the call', async () => {
		const { imageSize, pixelsPerLatent } = model().info;
		const cells = (imageSize.width * imageSize.height) / pixelsPerLatent ** 2;
		const latents = Float32Array.from({ length: 4 * cells }, (_, i) => Math.sin(i));
		const person = Float32Array.from(identity);
		const how = { steps: 2, seed: 5, latents };
		const expected = await model().generate(person, how);
		const images = model().generateEach(person, how);
		person.fill(1);
		latents.fill(0);
		expect(difference(await collect(images), expected)).toBe(0);
	});

	test('are not begun before they are asked for, but refused at once', async () => {
		let steps = 0;
		const images = model().generateEach(identity, { steps: 3, onStep: () => steps++ });
		await model().generate(otherIdentity, { steps: 3 });
		expect(steps).toBe(0);
		expect(await collect(images)).toHaveLength(1);
		expect(steps).toBe(3);
		expect(() => model().generateEach(identity, { steps: 0 })).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
		);
	});

	test('stop when the loop is left, and the model goes on', async () => {
		const how = { seed: 9, steps: 3 };
		const expected = await model().generate(otherIdentity, how);
		const left: number[] = [];
		let stepsAfter = 0;
		for (const wanted of [1, 3]) {
			const onStep = () => {
				if (left.length === wanted) stepsAfter++;
			};
			left.length = 0;
			for await (const { index } of model().generateEach(identity, { seed: 1, steps: 2, count: 6, onStep })) {
				left.push(index);
				if (left.length === wanted) break;
			}
			stepsAfter = 0;
			expect(difference(await model().generate(otherIdentity, how), expected)).toBeLessThanOrEqual(runtime.tolerance);
			expect(stepsAfter).toBe(0);
		}
	});

	test('end with the reason of an abort, or what onStep throws', async () => {
		const reason = new Error('changed my mind');
		const abort = new AbortController();
		const images = model().generateEach(identity, {
			...{ steps: 1000, count: 2, signal: abort.signal },
			onStep: ({ step }) => step === 2 && abort.abort(reason),
		});
		await expect(collect(images)).rejects.toBe(reason);
		const onStep = () => {
			throw reason;
		};
		await expect(collect(model().generateEach(identity, { steps: 20, onStep }))).rejects.toBe(reason);
		expect(await model().generate(identity, { steps: 1 })).toHaveLength(1);
	});

	test('that were finished before the model was disposed come before DISPOSED', async () => {
		const own = await Arc2Face.load(options);
		const count = runtime.provider === 'onnxruntime' ? 8 : 400; // they are not all finished while this thread looks
		const images = own.generateEach(identity, { seed: 1, steps: 2, count });
		const first = await images.next();
		await own.dispose();
		const finished: number[] = first.done ? [] : [first.value.index];
		const rest = (async () => {
			for await (const { index } of images) finished.push(index);
		})();
		await expect(rest).rejects.toMatchObject({ code: 'DISPOSED' });
		expect(new Set(finished).size).toBe(finished.length);
		expect(finished.length).toBeLessThan(count);
		expect(await images.next()).toEqual({ done: true, value: undefined });
		expect(() => own.generateEach(identity)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
	});

	test.skipIf(runtime.provider !== 'stand-in' || !runtime.onHost)(
		'cost nothing more once the loop is left but the rest of the step in progress',
		() =>
			withEnvironment({ ARC2FACE_PROVIDER: faultyProvider, ARC2FACE_FAULTY_PROVIDER: runtime.library }, async () => {
				const faults = openFaults();
				await using own = await Arc2Face.load({ ...options, batchSizes: [2] });
				const callsOf = async (steps: number) => {
					faults.restart(-1, 0);
					await own.generate(otherIdentity, { seed: 40, steps });
					return faults.state().calls;
				};
				await callsOf(1); // only the first call needs what all share
				const next = await callsOf(20);
				const perStep = (await callsOf(21)) - next;
				expect(perStep).toBeGreaterThan(0);
				for (const wanted of [1, 3]) {
					let seen = 0;
					for await (const _ of own.generateEach(identity, { seed: 41, steps: 2, count: 100 })) {
						if (++seen === wanted) break;
					}
					expect(await callsOf(20), `after ${wanted} images`).toBeLessThanOrEqual(next + perStep);
				}
			}),
	);
}
