// The request to the core for some of a call's images.
import { describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import type { Inputs } from '../../lib/painting/inputs.ts';
import { type Manner, type Portrait, requestFor } from '../../lib/painting/portraits.ts';

const [anna, ben] = [Math.sin, Math.cos].map((wave) => Identity.from(Array.from({ length: 512 }, (_, i) => wave(i))));
const portrait = (index: number, identity: Identity, seed: number, place = index): Portrait => ({
	...{ index, person: index, identity, seed, place, photo: index % 2 },
});
const inputs: Inputs = { size: { width: 64, height: 96 }, steering: {}, referenceNoise: [], warnings: [] };
const manner: Manner = {
	...{ plan: Float64Array.of(0, 1), guidanceScale: 3 },
	...{ noise: 'per-image', drawnFor: 4 },
};

test('has each identity once, and the seed of each image', () => {
	const request = requestFor([portrait(1, ben!, 5), portrait(2, anna!, 7), portrait(3, ben!, 6)], manner, inputs);
	expect([...request.identityOfImage]).toEqual([0, 1, 0]);
	expect([...request.embeddings]).toEqual([...ben!.embedding, ...anna!.embedding]);
	expect([...request.seeds]).toEqual([5, 7, 6]);
	expect(request).not.toHaveProperty('noiseBatch');
	const { plan, guidanceScale, width, height } = request;
	expect({ plan, guidanceScale, width, height }).toEqual({
		plan: manner.plan,
		guidanceScale: 3,
		width: 64,
		height: 96,
	});
	expect(request).not.toHaveProperty('noise');
});

test('has one seed, and the places of the images, where one generator draws for all', () => {
	const some = [portrait(1, anna!, 9), portrait(3, ben!, 9)];
	expect(requestFor(some, { ...manner, noise: 'batch' }, inputs)).toMatchObject({
		seeds: Float64Array.of(9),
		noiseBatch: { images: 4, places: Uint32Array.of(1, 3) },
	});
	// An image of a recipe is the first of its call, and has its place from the recipe.
	const alone = requestFor([portrait(0, anna!, 9, 2)], { ...manner, noise: 'batch' }, inputs);
	expect(alone.noiseBatch).toEqual({ images: 4, places: Uint32Array.of(2) });
});

describe('of images that begin as photos', () => {
	const photo = (level: number) => ({
		data: Uint8Array.of(level, level, level),
		width: 1,
		height: 1,
		name: '',
		photo: '',
	});
	const edit = { photos: [photo(1), photo(2)], masks: [photo(3), photo(4)], overlay: true, drawsOnce: true };
	const some = [portrait(1, anna!, 9), portrait(3, ben!, 9)];

	test('has the photos that are needed, and their masks', () => {
		expect(requestFor(some, manner, { ...inputs, edit }).edit).toEqual({
			...{ photos: [photo(2)], masks: [photo(4)], photoOfImage: Uint32Array.of(0, 0), overlay: true, drawsOnce: true },
		});
		const all = { ...edit, masks: [photo(3)] };
		expect(requestFor([portrait(0, anna!, 9), ...some], manner, { ...inputs, edit: all }).edit).toMatchObject({
			...{ photos: edit.photos, masks: [photo(3)], photoOfImage: Uint32Array.of(0, 1, 1) },
		});
	});

	test('has all of them where one generator draws for all', () => {
		expect(requestFor(some, { ...manner, noise: 'batch' }, { ...inputs, edit }).edit).toMatchObject({
			...{ photos: edit.photos, masks: edit.masks, photoOfImage: Uint32Array.of(1, 1) },
		});
	});
});

test('has the reference\u2019s noise of each image, or one for all', () => {
	const reference = { photo: { data: new Uint8Array(3), width: 1, height: 1 }, scale: 1 };
	const rows = [1, 2, 3, 4].map((value) => new Float32Array(2).fill(value));
	const some = [portrait(1, anna!, 9), portrait(3, ben!, 9)];
	const noiseOf = (referenceNoise: Float32Array[]) =>
		requestFor(some, manner, { ...inputs, steering: { reference }, referenceNoise }).reference!.noise;
	expect(noiseOf([])).toBeUndefined();
	expect(noiseOf([rows[2]!])).toEqual(rows[2]);
	expect(noiseOf(rows)).toEqual(Float32Array.of(2, 2, 4, 4));
});
