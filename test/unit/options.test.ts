// The options of all calls: defaults and refusals.
import { describe, expect, test } from 'vitest';
import type { ImageGeometry } from '../../lib/geometry.ts';
import { resolveDetectOptions, resolveEncodeOptions } from '../../lib/options/faces.ts';
import { requireFeature } from '../../lib/options/features.ts';
import { type GenerateOptions, resolveGenerateOptions } from '../../lib/options/generate.ts';
import { resolveImageSizes, resolveLoadOptions, resolvePrecision } from '../../lib/options/load.ts';
import { lcmPresets, presetNames, usualPresets } from '../../lib/options/presets.ts';
import { withRecipe } from '../../lib/options/with-recipe.ts';

const geometry: ImageGeometry = { width: 512, height: 384, pixelsPerLatent: 8 };
const generate = (options?: object, identities = 1) => resolveGenerateOptions(options, identities, geometry);
const points: [number, number][] = [
	[1, 2],
	[3, 4],
	[5, 6],
	[7, 8],
	[9, 10],
];

describe('defaults', () => {
	test('of generate', () => {
		expect(generate()).toMatchObject({
			images: 1,
			steps: 25,
			guidanceScale: 3,
			guidanceInterval: undefined,
			noise: 'per-image',
			sampler: 'dpm++2m',
			eta: 0,
			width: 512,
			height: 384,
		});
	});

	test('undefined stands for the default', () => {
		expect(generate({ steps: undefined, signal: undefined })).toMatchObject({ steps: 25 });
	});

	test('of the others', () => {
		expect(resolveLoadOptions()).toMatchObject({ device: 'auto', precision: 'auto', threads: 0 });
		expect(resolveDetectOptions()).toMatchObject({ detectionSize: 640, threshold: 0.5 });
		expect(resolveEncodeOptions()).toMatchObject({ face: undefined, detectionSize: 640, threshold: 0.5 });
	});

	test('of detect and encode are those of load', () => {
		expect(resolveDetectOptions({}, 320).detectionSize).toBe(320);
		expect(resolveEncodeOptions({}, 320).detectionSize).toBe(320);
		expect(resolveDetectOptions({ detectionSize: 96 }, 320).detectionSize).toBe(96);
	});
});

describe('features of a model', () => {
	test('are none, or those that the options name', () => {
		expect(resolveLoadOptions().features).toEqual([]);
		expect(resolveLoadOptions({ edit: false }).features).toEqual([]);
		expect(resolveLoadOptions({ edit: true }).features).toEqual(['edit']);
	});

	test('are missed with the name of what asks for one, and how to get it', () => {
		expect(() => requireFeature('edit', [], 'mask')).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				problem: 'Expected a model that was loaded with `edit` for `mask`.',
				remedy: 'Load the model with `edit: true`.',
				details: { option: 'mask' },
			}),
		);
		requireFeature('edit', ['edit'], 'mask');
	});
});

describe('LoRAs', () => {
	test('are none unless given', () => {
		expect(resolveLoadOptions().loras).toEqual([]);
		expect(resolveLoadOptions({ loras: [] }).loras).toEqual([]);
	});

	test('are named, or paths, each with a scale', () => {
		const loras = [
			'lcm',
			'./lcm',
			new URL('file:///a/b%20c.safetensors'),
			'file:///a/d.safetensors',
			{ name: 'lcm', scale: 0.5 },
			{ path: 'style.safetensors', scale: -2 },
			{ path: 'lcm', scale: undefined },
		] as const;
		expect(resolveLoadOptions({ loras }).loras).toEqual([
			{ name: 'lcm', scale: 1 },
			{ path: './lcm', scale: 1 },
			{ path: '/a/b c.safetensors', scale: 1 },
			{ path: '/a/d.safetensors', scale: 1 },
			{ name: 'lcm', scale: 0.5 },
			{ path: 'style.safetensors', scale: -2 },
			{ path: 'lcm', scale: 1 },
		]);
	});

	test('with lcm have other defaults for generate, which are defaults only', () => {
		expect(resolveGenerateOptions({}, 1, geometry, lcmPresets)).toMatchObject({
			...{ sampler: 'lcm', steps: 4, guidanceScale: 1 },
		});
		const own = { sampler: 'ddim', eta: 0.5, steps: 7, guidanceScale: 2 } as const;
		expect(resolveGenerateOptions(own, 1, geometry, lcmPresets)).toMatchObject(own);
		expect(() => resolveGenerateOptions({ eta: 0.5 }, 1, geometry, lcmPresets)).toThrow('received lcm with it');
	});
});

describe('presets', () => {
	const manner = (options: GenerateOptions, presets = usualPresets) => {
		const { sampler, steps, guidanceScale, guidanceInterval } = resolveGenerateOptions(options, 1, geometry, presets);
		return { sampler, steps, guidanceScale, guidanceInterval };
	};

	test.each([...presetNames])('say what the call does not: %s', (preset) => {
		for (const presets of [usualPresets, lcmPresets]) {
			expect(manner({ preset }, presets)).toEqual({ guidanceInterval: undefined, ...presets[preset] });
			const own = { sampler: 'euler', steps: 7, guidanceScale: 2, guidanceInterval: [1, 2] } as const;
			expect(manner({ preset, ...own }, presets)).toEqual(own);
			expect(manner({ preset, steps: 7 }, presets)).toEqual({ ...manner({ preset }, presets), steps: 7 });
		}
	});

	test('are standard unless another is named', () => {
		expect(manner({})).toEqual(manner({ preset: 'standard' }));
		expect(manner({})).toMatchObject({ sampler: 'dpm++2m', steps: 25, guidanceScale: 3, guidanceInterval: undefined });
		const costs = presetNames.map((name) => usualPresets[name].steps);
		expect(costs).toEqual(costs.toSorted((a, b) => a - b));
		expect(() => generate({ preset: 'fast' })).toThrow('one of draft, standard, best for `preset`');
	});

	test('beside a recipe come before what it says', () => {
		const options = {
			...{ sampler: 'ddim', steps: 9, guidanceScale: 2, guidanceInterval: [0, 1], eta: 0.5 },
			...{ seed: 4, noise: 'per-image', width: 64, height: 64 },
		} as const;
		const digest = 'ab'.repeat(32);
		const model = {
			...{ bundle: 'b', weights: {}, settings: digest, variant: {}, device: 'cpu', provider: 'p', version: '1' },
			precision: 'fp32',
		};
		const recipe = { format: 1, package: '1.0.0', model, options } as const;
		expect(withRecipe({ recipe } as never).options).toMatchObject(options);
		const { options: draft } = withRecipe({ recipe, preset: 'draft', steps: 5 } as never);
		expect(manner(draft)).toEqual({ guidanceInterval: undefined, ...usualPresets.draft, steps: 5 });
		expect(draft).toMatchObject({ seed: 4, width: 64 });
	});
});

describe('shapes of a model', () => {
	test('are the usual ones', () => {
		const { shapes } = resolveLoadOptions();
		expect(shapes).toEqual({ imageSizes: undefined, detectionSize: 640, batchSizes: [2, 8] });
		expect(resolveImageSizes(undefined, geometry)).toEqual([{ width: 512, height: 384 }]);
	});

	test('have batches in order, each once', () => {
		expect(resolveLoadOptions({ batchSizes: [8, 2, 8] }).shapes.batchSizes).toEqual([2, 8]);
	});

	test('have image sizes that fit the bundle', () => {
		const sizes = [
			{ width: 64, height: 96 },
			{ width: 512, height: 512 },
		];
		expect(resolveImageSizes(sizes, geometry)).toEqual(sizes);
		expect(() => resolveImageSizes([...sizes, { width: 64, height: 100 }], geometry)).toThrow(
			'sides that are a multiple of 8 from 8 to 2048 for `imageSizes` but received 64×100',
		);
	});
});

test('precision is that of the device', () => {
	expect(resolvePrecision('auto', 'cpu')).toBe('fp32');
	expect(resolvePrecision('auto', 'cuda:1')).toBe('fp16');
	expect(resolvePrecision('fp32', 'cuda:0')).toBe('fp32');
	expect(() => resolvePrecision('fp16', 'cpu')).toThrow('auto or fp32 on the CPU for `precision` but received fp16');
});

describe('seeds', () => {
	/** Of each image, in each round. */
	const seeds = (options: GenerateOptions & { count: number }, identities = 1) => {
		const { seeds, likeness } = generate(options, identities);
		return Array.from({ length: likeness?.tries ?? 1 }, (_, round) =>
			Array.from({ length: options.count * identities }, (_, image) => seeds.of(image, round + 1)),
		);
	};
	const check = { minSimilarity: 0.5, tries: 3 };

	test('count up over all images, and over the tries of each', () => {
		const how = { seed: 40, count: 2 };
		expect(seeds(how, 2)).toEqual([[40, 41, 42, 43]]);
		expect(seeds({ ...how, check }, 2)).toEqual([
			[40, 41, 42, 43],
			[44, 45, 46, 47],
			[48, 49, 50, 51],
		]);
	});

	test('may be given for each image; other tries have those after the highest', () => {
		const how = { seed: [7, 0, 7], count: 3 };
		expect(seeds(how)).toEqual([[7, 0, 7]]);
		expect(seeds({ ...how, check })).toEqual([
			[7, 0, 7],
			[8, 9, 10],
			[11, 12, 13],
		]);
	});

	test('are one for all when one generator draws the batch, and the next for the next try', () => {
		const how = { seed: 40, count: 2, noise: 'batch' } as const;
		expect(seeds(how, 2)).toEqual([[40, 40, 40, 40]]);
		expect(seeds({ ...how, check }, 1)).toEqual([
			[40, 40],
			[41, 41],
			[42, 42],
		]);
	});

	test('are integers in every try', () => {
		const most = Number.MAX_SAFE_INTEGER;
		const how = { count: 2, check };
		expect(seeds({ ...how, seed: most - 5 }).flat()).toEqual([0, 1, 2, 3, 4, 5].map((i) => most - 5 + i));
		expect(() => generate({ ...how, seed: most - 4 })).toThrow('with 2 images and 3 tries for `seed`');
		expect(
			seeds({ ...how, seed: [most - 4, 1] })
				.flat()
				.at(-1),
		).toBe(most);
		expect(() => generate({ ...how, seed: [1, most - 3] })).toThrow(`at most ${most - 4} with 2 images and 3 tries`);
		expect(
			seeds({ ...how, seed: most - 2, noise: 'batch' })
				.flat()
				.at(-1),
		).toBe(most);
		expect(() => generate({ ...how, seed: most - 1, noise: 'batch' })).toThrow('`seed`');
	});

	test('are random integers otherwise, not the same twice', () => {
		const random = () => generate().seeds.of(0, 1);
		const first = random();
		expect(Number.isInteger(first) && first >= 0).toBe(true);
		// Five equal ones of 2³² by chance: no.
		expect(Array.from({ length: 5 }, random).some((seed) => seed !== first)).toBe(true);
	});
});

describe('the face to encode', () => {
	test.each(['largest', 'only', 2] as const)('%s', (face) => {
		expect(resolveEncodeOptions({ face }).face).toBe(face);
	});

	test('by keypoints, or by a face that has them, with what the detector told of it', () => {
		expect(resolveEncodeOptions({ face: points }).face).toEqual({ keypoints: points });
		expect(resolveEncodeOptions({ face: { keypoints: points } }).face).toEqual({ keypoints: points });
		const found = { box: { x: 1, y: 2, width: 3, height: 4 }, keypoints: points, score: 0.9, rotation: 90 } as const;
		expect(resolveEncodeOptions({ face: found }).face).toEqual(found);
	});
});

describe('refused with the name of the option, what it may be, and what it was', () => {
	const calls = { load: resolveLoadOptions, detect: resolveDetectOptions, encode: resolveEncodeOptions, generate };

	test.each([
		['load', { bundle: '' }, '`bundle` but received ""'],
		['load', { bundle: 7 }, '`bundle` but received 7'],
		['load', { device: 'gpu' }, 'Expected auto, cpu, cuda or cuda:N for `device` but received "gpu"'],
		['load', { device: 'cuda:' }, '`device` but received "cuda:"'],
		['load', { precision: 'int8' }, 'Expected one of auto, fp32, fp16 for `precision` but received "int8"'],
		['load', { batchSizes: [] }, 'a list of at least one of: an integer from 1 to 64 for `batchSizes` but received []'],
		['load', { batchSizes: [2, 0] }, '`batchSizes` but received [2, 0]'],
		['load', { imageSizes: [512] }, '{ width, height } of 1 to 2048 for `imageSizes` but received [512]'],
		['load', { imageSizes: [{ width: 512 }] }, '`imageSizes` but received [{ width: 512 }]'],
		[
			'load',
			{ imageSizes: [{ width: 4096, height: 512 }] },
			'`imageSizes` but received [{ width: 4096, height: 512 }]',
		],
		['load', { imageSizes: { width: 512, height: '512' } }, '`imageSizes` but received { width: 512, height: "512" }'],
		['load', { batchSizes: [[[[[1]]]]] }, '`batchSizes` but received [[[a list of 1]]]'],
		['load', { bundle: { a: { b: { c: { d: 1 } } } } }, '`bundle` but received { a: { b: { c: an object of d } } }'],
		['load', { detectionSize: 100 }, 'Expected a multiple of 32 from 32 to 4096 for `detectionSize` but received 100'],
		['load', { edit: 'yes' }, 'Expected true or false for `edit` but received "yes"'],
		['load', { edit: 1 }, '`edit` but received 1'],
		['load', { loras: 'lcm' }, 'Expected a list of LoRAs: "lcm", a path or file: URL, or { path or name, scale }'],
		['load', { loras: [''] }, '`loras` but received [""]'],
		['load', { loras: [{}] }, '`loras` but received'],
		['load', { loras: [{ name: 'turbo' }] }, '`loras` but received [{ name: "turbo" }]'],
		['load', { loras: [{ name: 'lcm', path: 'a' }] }, '`loras` but received [{ name: "lcm", path: "a" }]'],
		['load', { loras: [{ path: 'a', scale: '1' }] }, '`loras` but received [{ path: "a", scale: "1" }]'],
		['load', { loras: [{ path: 'a', scale: Number.NaN }] }, '`loras` but received [{ path: "a", scale: NaN }]'],
		['load', { loras: [{ path: 'a', scale: Number.POSITIVE_INFINITY }] }, '{ path: "a", scale: Infinity }'],
		['load', { loras: [{ path: 'a', strength: 1 }] }, '`loras` but received [{ path: "a", strength: 1 }]'],
		['load', { loras: [['a']] }, '`loras` but received [["a"]]'],
		['load', { loras: [null] }, '`loras` but received [null]'],
		['load', { loras: ['file://there/a'] }, '`loras` but received "file://there/a"'],
		['load', { threads: 0 }, 'Expected an integer from 1 to 1024 for `threads` but received 0'],
		['load', { threads: 1.5 }, '`threads` but received 1.5'],
		['load', { cacheDir: null }, '`cacheDir` but received null'],
		['load', { onProgress: true }, 'Expected a function for `onProgress` but received true'],
		['load', { signal: {} }, 'Expected an AbortSignal for `signal` but received an Object'],
		[
			'load',
			{ presicion: 'fp32' },
			'batchSizes, cacheDir, provenance, onProgress, signal for the options of load but received `presicion`',
		],
		[
			'detect',
			{ detectionSize: 100 },
			'Expected a multiple of 32 from 32 to 4096 for `detectionSize` but received 100',
		],
		['detect', { detectionSize: 8192 }, '`detectionSize` but received 8192'],
		['detect', { threshold: 1.1 }, 'Expected a number from 0 to 1 for `threshold` but received 1.1'],
		['detect', { face: 'only' }, 'for the options of detect but received `face`'],
		['encode', { face: 'biggest' }, '`face` but received "biggest"'],
		['encode', { face: -1 }, '`face` but received -1'],
		['encode', { face: 0.5 }, '`face` but received 0.5'],
		['encode', { face: points.slice(1) }, '`face` but received [[3, 4], [5, 6], [7, 8], [9, 10]]'],
		['encode', { face: [...points.slice(1), [1, Number.NaN]] }, '`face` but received'],
		['encode', { face: {} }, '`face` but received an Object'],
		['encode', { face: null }, '`face` but received null'],
		['generate', { count: 0 }, 'Expected an integer from 1 to 1024 for `count` but received 0'],
		['generate', { count: '4' }, '`count` but received "4"'],
		['generate', { steps: 0 }, 'Expected an integer from 1 to 1000 for `steps` but received 0'],
		['generate', { steps: 1001 }, '`steps` but received 1001'],
		['generate', { steps: 2.5 }, '`steps` but received 2.5'],
		['generate', { step: 25 }, 'for the options of generate but received `step`'],
		['generate', { guidanceScale: 0.5 }, 'Expected a number from 1 to 1000 for `guidanceScale` but received 0.5'],
		['generate', { guidanceScale: Number.NaN }, '`guidanceScale` but received NaN'],
		['generate', { guidanceScale: Number.POSITIVE_INFINITY }, '`guidanceScale` but received Infinity'],
		['generate', { guidanceInterval: 5 }, '[from, to], for `guidanceInterval` but received 5'],
		['generate', { guidanceInterval: [5] }, '`guidanceInterval` but received [5]'],
		['generate', { guidanceInterval: [1, 2, 3] }, '`guidanceInterval` but received [1, 2, 3]'],
		[
			'generate',
			{ guidanceInterval: [-0.1, 2] },
			'at least 0, the lower one first, [from, to], for `guidanceInterval`',
		],
		['generate', { guidanceInterval: [5.42, 0.28] }, '`guidanceInterval` but received [5.42, 0.28]'],
		['generate', { guidanceInterval: [0, Number.POSITIVE_INFINITY] }, '`guidanceInterval` but received [0, Infinity]'],
		['generate', { guidanceInterval: [Number.NaN, 2] }, '`guidanceInterval` but received [NaN, 2]'],
		['generate', { guidanceInterval: ['0', '2'] }, '`guidanceInterval` but received ["0", "2"]'],
		['generate', { seed: -1 }, '`seed` but received -1'],
		['generate', { seed: 0.5 }, '`seed` but received 0.5'],
		['generate', { seed: 2 ** 53 }, '`seed` but received 9007199254740992'],
		['generate', { seed: 2 ** 53 - 1, count: 2 }, 'Expected at most 9007199254740990 with 2 images for `seed`'],
		['generate', { seed: [] }, '`seed` but received []'],
		['generate', { seed: [1, 2], count: 3 }, 'Expected 3 seeds, one for each image for `seed` but received 2'],
		['generate', { seed: [1, -2] }, '`seed` but received [1, -2]'],
		[
			'generate',
			{ seed: [1], noise: 'batch' },
			'Expected one number with noise "batch" for `seed` but received a list of 1',
		],
		['generate', { noise: 'brown' }, 'Expected one of per-image, batch for `noise` but received "brown"'],
		['generate', { sampler: 'dpm' }, '`sampler` but received "dpm"'],
		['generate', { sampler: 'toString' }, '`sampler` but received "toString"'],
		['generate', { sampler: 'ddim', eta: 2 }, 'Expected a number from 0 to 1 for `eta` but received 2'],
		['generate', { eta: 0.5 }, 'Expected the sampler ddim for `eta` but received dpm++2m with it'],
		['generate', { width: 100 }, 'Expected a multiple of 8 from 8 to 2048 for `width` but received 100'],
		['generate', { height: 4096 }, '`height` but received 4096'],
		['generate', { height: 0 }, '`height` but received 0'],
		['generate', { latents: [1, 2] }, 'Expected a Float32Array for `latents` but received [1, 2]'],
		[
			'generate',
			{ latents: new Float32Array(4) },
			'Expected 12288 numbers ([1, 4, 48, 64]) for `latents` but received 4',
		],
		[
			'generate',
			{ latents: new Float32Array(12288).fill(1).fill(Number.NaN, 9, 10) },
			'`latents` but received NaN at index 9',
		],
		['generate', { check: 0.5 }, 'Expected an object of minSimilarity and tries for `check` but received 0.5'],
		['generate', { check: {} }, 'a number from -1 to 1 for `check.minSimilarity` but received undefined'],
		['generate', { check: { minSimilarity: 2 } }, '`check.minSimilarity` but received 2'],
		['generate', { check: { minSimilarity: Number.NaN } }, '`check.minSimilarity` but received NaN'],
		['generate', { check: { minSimilarity: '0.5' } }, '`check.minSimilarity` but received "0.5"'],
		[
			'generate',
			{ check: { minSimilarity: 0.5, tries: 0 } },
			'an integer from 1 to 100 for `check.tries` but received 0',
		],
		['generate', { check: { minSimilarity: 0.5, tries: 1.5 } }, '`check.tries` but received 1.5'],
		['generate', { check: { minSimilarity: 0.5, retries: 2 } }, 'for the options of check but received `retries`'],
		[
			'generate',
			{ check: { minSimilarity: 0.5 }, latents: new Float32Array(12288) },
			'1 try with latents, which are the same in each for `check` but received 3 tries',
		],
		['generate', { image: [] }, 'Expected a photo, or a list of them for `image` but received []'],
		['generate', { image: 'a.png', mask: [] }, '`mask` but received []'],
		['generate', { image: 'a.png', strength: 1.5 }, 'Expected a number from 0 to 1 for `strength` but received 1.5'],
		['generate', { image: 'a.png', strength: Number.NaN }, '`strength` but received NaN'],
		['generate', { image: 'a.png', strength: '0.5' }, '`strength` but received "0.5"'],
		['generate', { image: 'a.png', mask: 'b.png', overlay: 1 }, 'Expected true or false for `overlay` but received 1'],
		['generate', { strength: 0.5 }, 'Expected an image for `strength` but received none with it'],
		['generate', { mask: 'b.png' }, 'Expected an image for `mask` but received none with it'],
		['generate', { overlay: false }, 'Expected an image for `overlay` but received none with it'],
		['generate', { image: 'a.png', overlay: true }, 'Expected a mask for `overlay` but received none with it'],
		[
			'generate',
			{ image: 'a.png', latents: new Float32Array(12288) },
			'Expected no image for `latents` but received one with them',
		],
		['generate', { onStep: 'log' }, 'Expected a function for `onStep` but received "log"'],
		['generate', { signal: 'stop' }, '`signal` but received "stop"'],
		['generate', null, 'Expected an object for `options` but received null'],
		['generate', [], 'Expected an object for `options` but received []'],
		['generate', 25, 'Expected an object for `options` but received 25'],
	] as const)('%s %j', (call, options, message) => {
		expect(() => calls[call](options as never)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
		);
	});

	test.each([
		['load', { presicion: 'fp32' }, 'Did you mean `precision`?'],
		['generate', { step: 25 }, 'Did you mean `steps`?'],
		['generate', { check: { minSimilarity: 0.5, retries: 2 } }, 'Did you mean `tries`?'],
		['generate', { pose: { yaw: 30 } }, 'Pass `control: { pose }`.'],
		['generate', { yaw: 30 }, 'Pass `control: { pose: { yaw } }`.'],
		['generate', { control: { roll: 30 } }, 'Pass `control: { pose: { roll } }`.'],
		['generate', { tries: 2 }, 'Pass `check: { minSimilarity, tries }`.'],
		['generate', { check: 0.5 }, 'Pass `check: { minSimilarity: 0.5 }`.'],
		['generate', { preview: 5 }, 'Pass `preview: { every: 5 }`.'],
		['generate', { control: { pose: [30, 0, 0] } }, 'Pass degrees, such as `{ yaw: 30 }`'],
	] as const)('and says what is meant: %s %j', (call, options, remedy) => {
		const said = expect.objectContaining({ code: 'INVALID_ARGUMENT', remedy: expect.stringContaining(remedy) });
		expect(() => calls[call](options as never)).toThrow(said);
	});

	test.each([
		['load', { colour: 'red' }],
		['generate', { toString: 1 }],
		['generate', { check: 50 }],
		['generate', { check: '0.5' }],
		['generate', { preview: 0 }],
	] as const)('or nothing where it would be a wild guess: %s %j', (call, options) => {
		const said = expect.objectContaining({ code: 'INVALID_ARGUMENT', remedy: undefined });
		expect(() => calls[call](options as never)).toThrow(said);
	});

	test('but not one try with latents', () => {
		const latents = new Float32Array(12288);
		expect(generate({ latents, check: { minSimilarity: 0.5, tries: 1 } }).likeness).toEqual({
			minSimilarity: 0.5,
			tries: 1,
		});
	});

	test('more images than one call paints', () => {
		expect(() => generate({ count: 600 }, 2)).toThrow(
			expect.objectContaining({ message: expect.stringContaining('received 600 for each of 2 identities') }),
		);
	});
});
