// How the calls that paint behave, whatever runs the model: a part of e2e/behaviour.test.ts.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
	Arc2Face,
	type GeneratedImage,
	type GenerateOptions,
	Identity,
	type LoadOptions,
	type Recipe,
	type RecipeModel,
	type StepProgress,
	samplerNames,
} from '../lib/index.ts';
import { collect } from './collect.ts';
import { shows } from './preview-behaviour.ts';
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
	describe('images that are shown on the way', () => shows(subject));
	describe('guidance in an interval', () => guidesInAnInterval(subject));
	describe('portraits that have to be alike', () => checks(subject));
	describe('recipes', () => remembers(subject));
}

/** Runs engines in batches of two rows whose calls are counted, where nothing else calls them: on the host. */
async function counted({ runtime, options }: Subject, work: (model: Arc2Face) => Promise<void>): Promise<void> {
	const environment = { ARC2FACE_PROVIDER: faultyProvider, ARC2FACE_FAULTY_PROVIDER: runtime.library };
	await withEnvironment(environment, async () => {
		await using model = await Arc2Face.load({ ...options, batchSizes: [2] });
		await work(model);
	});
}

/** How often engines were called meanwhile. */
async function callsDuring(work: () => Promise<unknown>): Promise<number> {
	openFaults().restart(-1, 0);
	await work();
	return openFaults().state().calls;
}

/** Whether engines' calls can be counted. */
const areCounted = ({ provider, onHost }: Runtime) => provider === 'stand-in' && onHost;

function givesEach(subject: Subject): void {
	const { runtime, options, model, difference } = subject;

	test('are those of generate', async () => {
		const how = { seed: 50, steps: 2, count: 2 };
		const people = [identity, otherIdentity];
		const images = await collect(model().generateEach(people, how));
		const sorted = images.toSorted((a, b) => a.index - b.index);
		const expected = await model().generate(people, how);
		const expectedOrder = [0, 1, 2, 3].map((index) => [index, 50 + index]);
		for (const list of [sorted, expected]) {
			expect(list.map(({ index, seed }) => [index, seed])).toEqual(expectedOrder);
		}
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

	test.skipIf(!areCounted(runtime))('cost no more than the rest of a step once the loop is left', () =>
		counted(subject, async (own) => {
			const paint = (steps: number) => own.generate(otherIdentity, { seed: 40, steps });
			await paint(1); // only the first call needs what all share
			const next = await callsDuring(() => paint(20));
			const perStep = (await callsDuring(() => paint(21))) - next;
			expect(perStep).toBeGreaterThan(0);
			for (const wanted of [1, 3]) {
				let seen = 0;
				for await (const _ of own.generateEach(identity, { seed: 41, steps: 2, count: 100 })) {
					if (++seen < wanted) continue;
					openFaults().restart(-1, 0);
					break;
				}
				await paint(20);
				// Or the rest of a decoding, which takes about as many calls.
				expect(openFaults().state().calls, `after ${wanted} images`).toBeLessThanOrEqual(next + 3 * perStep);
			}
		}),
	);
}

function guidesInAnInterval(subject: Subject): void {
	const { runtime, model, difference } = subject;
	/** σ of the schedule is between 0.03 and 14.6. */
	const [everywhere, nowhere, middle] = [
		[0, 15],
		[2, 2],
		[0.5, 5],
	] as const;

	test.each(samplerNames)(
		'of %s: everywhere is guidance, nowhere is guidance 1, in the middle is neither',
		async (sampler) => {
			const how = { seed: 60, steps: 5, sampler };
			const guided = await model().generate(identity, how);
			const unguided = await model().generate(identity, { ...how, guidanceScale: 1 });
			const paint = (guidanceInterval: readonly [number, number]) =>
				model().generate(identity, { ...how, guidanceInterval });
			expect(difference(await paint(everywhere), guided)).toBe(0);
			expect(difference(await paint(nowhere), unguided)).toBe(0);
			const between = await paint(middle);
			expect(difference(between, guided)).toBeGreaterThan(0);
			expect(difference(between, unguided)).toBeGreaterThan(0);
		},
	);

	test('paints beside other calls what it paints alone', async () => {
		const calls: GenerateOptions[] = [
			{ seed: 61, steps: 7, guidanceInterval: middle },
			{ seed: 62, steps: 5, guidanceInterval: [0, 2], count: 2 },
			{ seed: 63, steps: 6, guidanceInterval: [1, 15], sampler: 'dpm++2m-sde', noise: 'batch', count: 3 },
			{ seed: 64, steps: 6 },
			{ seed: 65, steps: 6, guidanceScale: 1 },
		];
		const alone: GeneratedImage[][] = [];
		for (const how of calls) alone.push(await model().generate(identity, how));
		const together = await Promise.all(calls.map((how) => model().generate(identity, how)));
		for (const [i, images] of together.entries()) {
			expect(difference(images, alone[i]!), `call ${i}`).toBeLessThanOrEqual(runtime.tolerance);
		}
	});

	test.skipIf(!areCounted(runtime))('saves a row in each step without guidance', () =>
		counted(subject, async (own) => {
			// Two images fill two batches of two rows in a step with guidance, and one in a step without.
			const paint = (steps: number, guidanceInterval?: readonly [number, number]) =>
				own.generate(identity, { seed: 66, count: 2, steps, guidanceInterval });
			await paint(1);
			const guided = await callsDuring(() => paint(20));
			const perBatch = ((await callsDuring(() => paint(21))) - guided) / 2;
			const unguided = await callsDuring(() => paint(20, nowhere));
			expect(perBatch).toBeGreaterThan(0);
			expect(unguided).toBe(guided - 20 * perBatch);
			// Of the noise levels of 20 steps, these are the lower half.
			expect(await callsDuring(() => paint(20, [0, 1.62]))).toBe(guided - 10 * perBatch);
		}),
	);
}

// Networks of random weights see no face in their portraits; e2e/embedded-bundle.test.ts has those that do.
function checks(subject: Subject): void {
	const { runtime, model, difference } = subject;
	const unreachable = { minSimilarity: 1, tries: 3 };
	const codes = ({ warnings }: GeneratedImage) => warnings.map(({ code }) => code);

	test('are read as encode reads a photo', async () => {
		const how = { seed: 70, steps: 2, count: 2 };
		const people = [identity, otherIdentity];
		const images = await model().generate(people, { ...how, check: { minSimilarity: -1, tries: 1 } });
		expect(images).toHaveLength(4);
		for (const [i, image] of images.entries()) {
			const asked = Identity.from(people[Math.floor(i / 2)]!);
			const seen = await model()
				.encode(image)
				.catch((error) => void expect(error).toMatchObject({ code: 'NO_FACE' }));
			expect(image.similarity).toBe(seen ? asked.similarity(seen) : undefined);
			expect(codes(image)).toEqual(seen ? [] : ['LOW_SIMILARITY']);
		}
		expect(difference(images, await model().generate(people, how))).toBeLessThanOrEqual(runtime.tolerance);
	});

	test('are painted again with the seeds that follow, in rounds', async () => {
		const rounds: string[] = [];
		const onStep = ({ step, steps, round }: StepProgress) => rounds.push(`${round}: ${step} of ${steps}`);
		const images = await model().generate(identity, { seed: 80, steps: 2, count: 2, check: unreachable, onStep });
		expect(rounds).toEqual(['1: 1 of 2', '1: 2 of 2', '2: 1 of 2', '2: 2 of 2', '3: 1 of 2', '3: 2 of 2']);
		for (const image of images) {
			expect(codes(image)).toEqual(['LOW_SIMILARITY']);
			expect([80, 82, 84].map((seed) => seed + image.index)).toContain(image.seed);
			const [alone] = await model().generate(identity, { seed: image.seed, steps: 2 });
			expect(difference([image], [alone])).toBeLessThanOrEqual(runtime.tolerance);
		}
	});

	test('paint beside other calls what they paint alone, one call for each identity or one for all', async () => {
		const how = { seed: [1, 2], steps: 3, check: unreachable };
		const people = [identity, otherIdentity];
		const alone = await model().generate(people, how);
		const [together, beside] = await Promise.all([
			model().generate(people, how),
			model().generate(identity, { seed: 9, steps: 4, count: 2 }),
		]);
		expect(together.map(({ seed }) => seed)).toEqual(alone.map(({ seed }) => seed));
		expect(difference(together, alone)).toBeLessThanOrEqual(runtime.tolerance);
		const expected = await model().generate(identity, { seed: 9, steps: 4, count: 2 });
		expect(difference(beside, expected)).toBeLessThanOrEqual(runtime.tolerance);
	});

	test('stop between their tries, and the model goes on', async () => {
		const reason = new Error('changed my mind');
		for (const at of [1, 2, 3]) {
			const abort = new AbortController();
			let roundsBegun = 0;
			const call = model().generate(identity, {
				...{ seed: 1, steps: 2, count: 2, check: { minSimilarity: 1, tries: 50 }, signal: abort.signal },
				onStep: ({ step, round }) => {
					roundsBegun = round;
					if (step === 2 && round === at) abort.abort(reason);
				},
			});
			await expect(call).rejects.toBe(reason);
			expect(roundsBegun).toBe(at);
		}
		const onStep = ({ round }: StepProgress) => {
			if (round === 2) throw reason;
		};
		const thrown = model().generate(identity, { steps: 2, check: unreachable, onStep });
		await expect(thrown).rejects.toBe(reason);
		expect(await model().generate(identity, { steps: 1 })).toHaveLength(1);
	});

	test.skipIf(!areCounted(runtime))('fail with what fails while they are painted, read or painted again', () =>
		counted(subject, async (own) => {
			const how = { seed: 1, steps: 2, count: 2, check: { minSimilarity: 1, tries: 2 } };
			const expected = await own.generate(identity, how);
			const calls = await callsDuring(() => own.generate(identity, how));
			const [failed, outOfMemory] = [7, 6]; // ARC2FACE_FAILED and ARC2FACE_OUT_OF_MEMORY of native/provider/tensorrt/abi.h
			for (let part = 0; part < 10; part++) {
				const at = Math.floor((calls * part) / 10);
				const [status, code] = part % 2 === 0 ? [failed, 'ENGINE_FAILED'] : [outOfMemory, 'OUT_OF_MEMORY'];
				openFaults().restart(at, Number(status));
				await expect(own.generate(identity, how), `call ${at} of ${calls}`).rejects.toMatchObject({ code });
				openFaults().restart(-1, 0);
				expect(difference(await own.generate(identity, how), expected), `after call ${at}`).toBe(0);
			}
			const onStep = ({ round }: StepProgress) => void (round === 2 && own.dispose());
			await expect(own.generate(identity, { ...how, onStep })).rejects.toMatchObject({ code: 'DISPOSED' });
		}),
	);
}

function remembers({ runtime, options, model, difference }: Subject): void {
	/** As a file has it. */
	const recipeOf = async (image: GeneratedImage): Promise<Recipe> => JSON.parse(JSON.stringify(await image.recipe()));
	const latents = () => {
		const { imageSize, pixelsPerLatent } = model().info;
		const cells = (imageSize.width * imageSize.height) / pixelsPerLatent ** 2;
		return Float32Array.from({ length: 8 * cells }, (_, i) => Math.sin(i * i));
	};

	test.each<[string, () => GenerateOptions]>([
		['defaults', () => ({})],
		['other numbers', () => ({ steps: 3, guidanceScale: 1, sampler: 'euler' })],
		['an interval of guidance', () => ({ steps: 4, guidanceInterval: [0.5, 5] })],
		['fresh noise in each step', () => ({ steps: 3, sampler: 'ddim', eta: 0.7 })],
		['fresh noise for each of a batch', () => ({ steps: 3, sampler: 'dpm++2m-sde', noise: 'batch' })],
		['a seed for each', () => ({ steps: 2, seed: [3, 2 ** 40] })],
		['latents', () => ({ steps: 2, sampler: 'euler-a', latents: latents() })],
		['tries', () => ({ steps: 2, check: { minSimilarity: 1, tries: 2 } })],
	])('of %s give the same image again, and the same recipe', async (_, how) => {
		const images = await model().generate([identity, otherIdentity], { seed: 7, steps: 2, ...how() });
		expect(images).toHaveLength(2);
		for (const image of images) {
			const recipe = await recipeOf(image);
			const [again, ...others] = await model().generate({ recipe });
			expect(others).toEqual([]);
			expect([again.seed, again.width, again.height]).toEqual([image.seed, image.width, image.height]);
			// Painted in a batch of another size.
			expect(difference([again], [image])).toBeLessThanOrEqual(runtime.tolerance);
			expect(again.warnings.map(({ code }) => code)).toEqual([]);
			expect(await recipeOf(again)).toEqual(recipe);
			expect(difference(await model().generate({ recipe }), [again])).toBe(0);
		}
	});

	test('of an image painted alone give its bytes', async () => {
		const [image] = await model().generate(identity, { seed: 8, steps: 4 });
		const recipe = await recipeOf(image);
		for await (const again of model().generateEach({ recipe })) expect(difference([again], [image])).toBe(0);
		await using other = await Arc2Face.load(options);
		expect(difference(await other.generate({ recipe }), [image])).toBe(0);
	});

	test('take the identity from elsewhere, where they have none or another is given', async () => {
		const [image] = await model().generate(identity, { seed: 9, steps: 3 });
		const { identity: kept = { embedding: [] }, ...recipe } = await recipeOf(image);
		expect(Identity.from(kept).embedding).toEqual(Identity.from(identity).embedding);
		expect(difference(await model().generate(identity, { recipe }), [image])).toBe(0);
		const [other] = await model().generate(otherIdentity, { seed: 9, steps: 3 });
		expect(difference(await model().generate(otherIdentity, { recipe: { ...recipe, identity: kept } }), [other])).toBe(
			0,
		);
		expect(() => model().generateEach({ recipe })).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`identity`') }),
		);
	});

	test('give way to what the call says', async () => {
		const [image] = await model().generate(identity, { seed: 10, steps: 3, sampler: 'ddim', eta: 0.5 });
		const recipe = await recipeOf(image);
		const calls: GenerateOptions[] = [
			{ steps: 4 },
			{ sampler: 'euler' },
			{ seed: 11, guidanceScale: 2 },
			{ guidanceInterval: [1, 2], steps: undefined },
			{ count: 2 },
			{ noise: 'batch', count: 2 },
		];
		for (const how of calls) {
			const { eta, ...others } = recipe.options;
			const same = { ...others, ...(how.sampler === undefined && { eta }), ...how, steps: how.steps ?? others.steps };
			const expected = await model().generate(identity, same);
			const images = await model().generate({ ...how, recipe });
			expect(images.map(({ seed }) => seed)).toEqual(expected.map(({ seed }) => seed));
			expect(difference(images, expected), JSON.stringify(how)).toBe(0);
		}
	});

	test('know one image of a batch', async () => {
		const [image] = await model().generate(identity, { seed: 10, steps: 2, noise: 'batch' });
		const recipe = await recipeOf(image);
		await expect(model().generate({ recipe, count: 2 })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringContaining('noise "batch"'),
		});
	});

	test('of another device or version are followed with a warning, those of another model refused before any work', async () => {
		const [image] = await model().generate(identity, { seed: 12, steps: 2 });
		const recipe = await recipeOf(image);
		const { model: made } = recipe;
		for (const other of [{ device: 'tpu' }, { precision: 'int8' }, { provider: 'other' }, { version: '0' }]) {
			const [again] = await model().generate({ recipe: { ...recipe, model: { ...made, ...other } } });
			expect(difference([again], [image])).toBe(0);
			expect(again.warnings.map(({ code }) => code)).toEqual(['OTHER_DEVICE']);
			expect(again.warnings[0]!.message).toContain(Object.values(other)[0]);
		}
		const later = await model().generate({ recipe: { ...recipe, package: '999.0.0' } });
		expect(later[0].warnings[0]!.message).toContain('999.0.0');

		const nowhere = '0'.repeat(64);
		const others: [Partial<RecipeModel>, string][] = [
			[{ weights: { ...made.weights, unet: [nowhere] } }, 'another UNet'],
			[{ weights: { ...made.weights, vaeDecoder: [nowhere], textEncoder: [] } }, 'text encoder, VAE'],
			[{ weights: {} }, 'UNet'],
			[{ weights: { ...made.weights, controlnet: [nowhere] } }, 'controlnet'],
			[{ settings: nowhere }, 'noise schedule or prompt'],
			[{ variant: { loras: [{ sha256: nowhere, scale: 1 }] } }, 'LoRAs'],
		];
		for (const [other, culprit] of others) {
			let steps = 0;
			const call = model().generate({ recipe: { ...recipe, model: { ...made, ...other } }, onStep: () => steps++ });
			await expect(call).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(culprit),
				details: { option: 'recipe' },
			});
			expect(steps).toBe(0);
		}
		// Nor is a photo read.
		const photo = model().generate({ recipe: { ...recipe, model: { ...made, weights: {} } }, image: 'nowhere.png' });
		await expect(photo).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'recipe' } });
		expect(difference(await model().generate(identity, recipe.options), [image])).toBe(0);
	});

	test('name the LoRAs, which have to be the same', async () => {
		const lora = join(model().info.bundle, 'lcm-lora/pytorch_lora_weights.safetensors');
		const sha256 = createHash('sha256')
			.update(await readFile(lora))
			.digest('hex');
		await using adapted = await Arc2Face.load({ ...options, loras: ['lcm', { path: lora, scale: 0.5 }] });
		const [image] = await adapted.generate(identity, { seed: 13 });
		const recipe = await recipeOf(image);
		expect(recipe.options).toMatchObject({ sampler: 'lcm', steps: 4, guidanceScale: 1 });
		expect(recipe.model.variant).toEqual({ loras: [1, 0.5].map((scale) => ({ sha256, scale })) });
		expect(difference(await adapted.generate({ recipe }), [image])).toBe(0);
		await expect(model().generate({ recipe })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringContaining('another choice of LoRAs'),
		});
		const plain = await recipeOf((await model().generate(identity, { steps: 1 }))[0]);
		expect(plain.model.variant).toEqual({});
		await expect(adapted.generate({ recipe: plain })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});

	test('do not keep a model that was dropped', async () => {
		const loadAndDrop = async () => {
			const own = await Arc2Face.load(options);
			const [image] = await own.generate(identity, { seed: 8, steps: 2, onStep: () => {} });
			return { image, dropped: new WeakRef(own) };
		};
		const { image, dropped } = await loadAndDrop();
		// Asking a WeakRef keeps its target until the next turn of the event loop, so it is asked once, at the end.
		for (let i = 0; i < 10; i++) {
			await new Promise((resolve) => setTimeout(resolve, 10));
			globalThis.gc!();
		}
		expect(dropped.deref()).toBeUndefined();
		expect((await image.recipe()).options.seed).toBe(8);
	});

	test('are there also once the model is gone', async () => {
		const own = await Arc2Face.load(options);
		const [image] = await own.generate(identity, { seed: 8, steps: 2 });
		await own.dispose();
		const [again] = await model().generate({ recipe: await recipeOf(image) });
		expect(difference([again], [image])).toBe(0);
	});
}
