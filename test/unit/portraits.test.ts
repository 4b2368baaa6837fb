// The request to the core for some of a call's images.
import { expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { type Manner, type Portrait, requestFor } from '../../lib/painting/portraits.ts';

const [anna, ben] = [Math.sin, Math.cos].map((wave) => Identity.from(Array.from({ length: 512 }, (_, i) => wave(i))));
const portrait = (index: number, identity: Identity, seed: number, place = index): Portrait => ({
	...{ index, identity, seed, place },
});
const manner: Manner = {
	...{ plan: Float64Array.of(0, 1), guidanceScale: 3, width: 64, height: 96 },
	...{ noise: 'per-image', drawnFor: 4 },
};

test('has each identity once, and the seed of each image', () => {
	const request = requestFor([portrait(1, ben!, 5), portrait(2, anna!, 7), portrait(3, ben!, 6)], manner);
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
	expect(requestFor(some, { ...manner, noise: 'batch' })).toMatchObject({
		seeds: Float64Array.of(9),
		noiseBatch: { images: 4, places: Uint32Array.of(1, 3) },
	});
	// An image of a recipe is the first of its call, and has its place from the recipe.
	const alone = requestFor([portrait(0, anna!, 9, 2)], { ...manner, noise: 'batch' });
	expect(alone.noiseBatch).toEqual({ images: 4, places: Uint32Array.of(2) });
});
