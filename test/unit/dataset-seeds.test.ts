// What is drawn for the images of a data set: seeds that never meet, poses and expressions that fill their ranges.
import { describe, expect, test } from 'vitest';
import { drawsFor, seedOf } from '../../lib/dataset/seeds.ts';
import { drawnFor } from '../../lib/dataset/spread.ts';
import { mostTries } from '../../lib/options/dataset.ts';

describe('seeds', () => {
	test('are those of the formula', () => {
		// By Python: struct.unpack('<2I', hashlib.sha256(b'arc2face dataset 7').digest()[:8]), then fmix32 twice.
		expect(seedOf(7, { person: 0, image: 0, images: 50 }, 1)).toBe(3405451661);
		expect(seedOf(7, { person: 9999, image: 49, images: 50 }, 3)).toBe(330534823);
		expect(seedOf(2 ** 40 + 1, { person: 12, image: 5, images: 10 }, 100)).toBe(2968702931);
	});

	test('of all tries of all images are different integers of 32 bits', () => {
		const [people, images] = [40, 30];
		const seeds = new Set<number>();
		for (let person = 0; person < people; person++) {
			for (let image = 0; image < images; image++) {
				for (let attempt = 1; attempt <= mostTries; attempt++) seeds.add(seedOf(3, { person, image, images }, attempt));
			}
		}
		expect(seeds.size).toBe(people * images * mostTries);
		expect([...seeds].every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true);
	});

	test('of two data sets have next to nothing in common', () => {
		const of = (seed: number) =>
			Array.from({ length: 5000 }, (_, i) => seedOf(seed, { person: i, image: 0, images: 1 }, 1));
		const first = new Set(of(0));
		// Expected by chance: 5000² / 2³², so none.
		expect(of(1).filter((seed) => first.has(seed))).toEqual([]);
	});
});

describe('draws', () => {
	test('depend on the set, the person, the image and the purpose', () => {
		const draws = [
			drawsFor(0, { person: 1, image: 2 }, 'pose'),
			drawsFor(1, { person: 1, image: 2 }, 'pose'),
			drawsFor(0, { person: 12, image: 2 }, 'pose'),
			drawsFor(0, { person: 1, image: 22 }, 'pose'),
			drawsFor(0, { person: 1, image: 2 }, 'expression'),
		];
		expect(new Set(draws.flat()).size).toBe(40);
		expect(drawsFor(0, { person: 1, image: 2 }, 'pose')).toEqual(draws[0]);
	});

	const places = Array.from({ length: 3000 }, (_, i) => ({ person: Math.floor(i / 50), image: i % 50 }));

	test('poses fill their ranges, as often to one side as to the other', () => {
		const poses = places.map((place) => drawnFor({ poses: { yaw: 30, pitch: 10, roll: 0, scale: 1 } }, 5, place).pose!);
		for (const [angle, most] of [
			['yaw', 30],
			['pitch', 10],
		] as const) {
			const angles = poses.map((pose) => pose[angle]);
			expect(Math.max(...angles)).toBeLessThanOrEqual(most);
			expect(Math.max(...angles)).toBeGreaterThan(0.98 * most);
			expect(Math.min(...angles)).toBeGreaterThanOrEqual(-most);
			expect(Math.min(...angles)).toBeLessThan(-0.98 * most);
			// A uniform draw has a standard deviation of most / √3; of 3000, the mean's is 0.0105 · most.
			expect(Math.abs(angles.reduce((sum, x) => sum + x, 0) / angles.length)).toBeLessThan(0.045 * most);
		}
		expect(new Set(poses.map(({ roll }) => roll))).toEqual(new Set([0]));
	});

	test('expressions come equally often; none are asked for where none are to be', () => {
		const names = ['neutral', 'smile', 'talk'];
		const drawn = places.map((place) => drawnFor({ expressions: { names, scale: 1 } }, 5, place));
		for (const name of names) {
			const share = drawn.filter(({ expression }) => expression === name).length / drawn.length;
			// A third, within four standard deviations of 0.0086.
			expect(Math.abs(share - 1 / 3), name).toBeLessThan(0.035);
		}
		expect(drawn.some((one) => 'pose' in one)).toBe(false);
		expect(drawnFor({}, 5, places[0]!)).toEqual({});
	});
});
