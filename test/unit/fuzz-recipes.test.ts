// Whatever is passed as options or recipe, `generate` takes it or says in a typed error what is wrong. Each case follows from its number, so
// that a failure names it.
import { expect, test } from 'vitest';
import { featureNames } from '../../lib/options/features.ts';
import { usualPresets } from '../../lib/options/presets.ts';
import type { Recipe } from '../../lib/options/recipe.ts';
import { readArguments, type Who } from '../../lib/painting/arguments.ts';
import type { Model } from '../../lib/painting/model.ts';
import { preparePainting } from '../../lib/painting/painting.ts';
import { requestFor } from '../../lib/painting/portraits.ts';
import { packedStartLength, packedStepLength } from '../../lib/samplers/plan.ts';
import { samplerNames } from '../../lib/samplers/samplers.ts';
import { cumulateAlphas, makeBetas } from '../../lib/samplers/schedule.ts';
import { randomNumbers } from '../random-numbers.ts';

const schedule = {
	alphaBars: cumulateAlphas(makeBetas('scaled_linear', 0.00085, 0.012, 1000)),
	...{
		stepsOffset: 1,
		setAlphaToOne: false,
		predictionType: 'epsilon' as const,
		clipSample: false,
		skipPrkSteps: true,
	},
	...{ originalInferenceSteps: 50, timestepScaling: 10 },
} as const;
const size = { width: 64, height: 64 };
const model: Model = {
	bundle: {
		...{ folder: 'bundle', schedule, geometry: { ...size, pixelsPerLatent: 8 } },
		...{ expressions: new Map(), framing: 'ffhq', latentColours: undefined },
	},
	geometry: { ...size, pixelsPerLatent: 8 },
	...{ features: featureNames, decoder: 'vae', presets: usualPresets, asksConsent: false },
	marking: { provenance: undefined, cacheDir: undefined },
};
const identity = Array.from({ length: 512 }, (_, i) => Math.sin(i));
const digest = 'ab'.repeat(32);
const recipe: Recipe = {
	format: 1,
	package: '0.1.0',
	model: {
		...{ bundle: 'tiny', weights: { unet: [digest] }, settings: digest, variant: {} },
		...{ device: 'cpu', provider: 'onnxruntime', version: '1.30.0', precision: 'fp32' },
	},
	identity: { embedding: identity },
	options: {
		...{ sampler: 'ddim', steps: 5, guidanceScale: 3, guidanceInterval: [0.3, 5], eta: 0.5 },
		...{ seed: 42, noise: 'batch', width: 64, height: 64 },
	},
	batch: { images: 3, place: 1 },
	edit: { image: digest, strength: 0.5, mask: digest, overlay: true },
	control: { pose: { yaw: 20, pitch: -5, roll: 0 }, scale: 0.8 },
	expression: { numbers: Array.from({ length: 55 }, (_, i) => Math.sin(i)), scale: 0.5 },
	reference: {
		...{ photo: digest, scale: 0.7, noise: Buffer.alloc(16).toString('base64') },
		keypoints: Array.from({ length: 5 }, (_, i) => [i, 2 * i] as const),
	},
};
/** For it; nothing reads them. */
const photos = { image: 'photo.png', mask: 'mask.png', reference: { photo: 'friend.png' } };

/** Values of all kinds, more often those that some option takes. */
function anything(next: () => number): unknown {
	const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]!;
	return pick([
		() => Math.floor(next() * 64),
		() => next() * 4 - 1,
		() => pick(samplerNames),
		() => pick(['batch', 'per-image', '', 'toString', '__proto__']),
		() => [next() * 2, next() * 4],
		() => Array.from({ length: Math.floor(next() * 4) }, () => Math.floor(next() * 99)),
		() => ({ minSimilarity: next() * 3 - 1.5, tries: Math.floor(next() * 5) }),
		() =>
			pick([undefined, null, Number.NaN, Infinity, -0, 2 ** 53, 1n, Symbol('a'), true, () => {}, new Date(), {}, []]),
		() => new Float32Array(Math.floor(next() * 3) * 4 * 64).fill(next()),
		() => ({ scale: next() * 3, image: digest, pose: { yaw: next() * 200 } }),
		() => ({ photo: 'friend.png', align: next() < 0.5, face: pick(['only', 0, 'none']) }),
		() => pick([digest, 'photo.png', 'AAAA', 'AAAAAAAA']),
		() => new Proxy({}, { get: () => undefined }),
		() => Object.create(null),
	])();
}

const names = [
	...['count', 'steps', 'guidanceScale', 'guidanceInterval', 'seed', 'noise', 'sampler', 'eta', 'width', 'height'],
	...['latents', 'check', 'recipe', 'onStep', 'signal', 'image', 'mask', 'strength', 'overlay'],
	...['control', 'expression', 'expressionScale', 'reference'],
];

/** The recipe, of which some values are others. */
function damaged(next: () => number): unknown {
	const inputs = ['edit', 'control', 'expression', 'reference'] as const;
	const copy = structuredClone(recipe) as unknown as Record<string, Record<string, unknown>>;
	for (let count = Math.floor(next() * 2); count > 0; count--) {
		const parts = [copy, copy.model!, copy.options!, copy.batch!, copy.identity!, ...inputs.map((name) => copy[name]!)];
		const part = parts[Math.floor(next() * parts.length)];
		if (typeof part !== 'object' || part === null || !Object.isExtensible(part)) continue;
		const keys = Object.keys(part);
		if (keys.length === 0) continue;
		part[keys[Math.floor(next() * keys.length)]!] = anything(next) as never;
	}
	return copy;
}

test('any options and recipes are taken, or refused with a typed error', () => {
	const [cases, outcomes] = [6000, { taken: 0, refused: 0 }];
	for (let seed = 0; seed < cases; seed++) {
		const next = randomNumbers(seed);
		const options: Record<string, unknown> = {};
		for (const name of names) if (next() < 0.06) options[name] = anything(next);
		if (next() < 0.6) Object.assign(options, { ...photos, ...options, recipe: damaged(next) });
		const who = next() < 0.5 ? options : next() < 0.8 ? identity : anything(next);
		try {
			const painting = preparePainting(
				readArguments(who as Who, (who === options ? undefined : options) as never),
				model,
			);
			outcomes.taken++;
			// What the core gets is whole.
			const request = requestFor(painting.portraits, painting.manner, {
				size,
				steering: {},
				referenceNoise: [],
				warnings: [],
			});
			const images = painting.portraits.length;
			expect(request.identityOfImage, `case ${seed}`).toHaveLength(images);
			expect((request.plan.length - packedStartLength) % packedStepLength, `case ${seed}`).toBe(0);
			expect(request.plan.every(Number.isFinite), `case ${seed}`).toBe(true);
			expect(request.seeds.every(Number.isSafeInteger), `case ${seed}`).toBe(true);
			expect(
				request.noiseBatch?.places.every((place) => place < request.noiseBatch!.images) ?? true,
				`case ${seed}`,
			).toBe(true);
			if (request.latents !== undefined) expect(request.latents, `case ${seed}`).toHaveLength(images * 4 * 64);
		} catch (error) {
			outcomes.refused++;
			expect(error, `case ${seed}`).toMatchObject({ name: 'Arc2FaceError', code: 'INVALID_ARGUMENT' });
		}
	}
	// Otherwise the cases would all be wrong, or none.
	expect(Math.min(...Object.values(outcomes)), JSON.stringify(outcomes)).toBeGreaterThan(cases / 10);
});
