// Which images of a person are kept, in whatever order they are painted, and whose turn it is to be.
import { describe, expect, test } from 'vitest';
import { type Flaw, flawOf, type Looks, thumbnailSide } from '../../lib/dataset/gate.ts';
import { makePerson, type PersonOptions } from '../../lib/dataset/person.ts';
import { seedOf } from '../../lib/dataset/seeds.ts';
import { type Order, type Shot, thumbnailOf } from '../../lib/dataset/studio.ts';
import { Turns } from '../../lib/dataset/turns.ts';
import { Identity } from '../../lib/identity.ts';

const axis = (k: number) => Float32Array.from({ length: 512 }, (_, i) => (i === k ? 1 : 0));
const identity = Identity.from(axis(0));
/** With this cosine to the identity. */
const alike = (cosine: number) => {
	const embedding = axis(0);
	embedding[0] = cosine;
	embedding[1] = Math.sqrt(1 - cosine ** 2);
	return Identity.from(embedding);
};
const grey = (level: number) => new Uint8Array(thumbnailSide ** 2).fill(level);

describe('an image is kept', () => {
	const flaw = (looks: Partial<Looks>, kept: readonly Looks[] = []) =>
		flawOf({ shown: identity, thumbnail: grey(100), ...looks }, { identity, minSimilarity: 0.5, kept });

	test.each<[string, Flaw | undefined, Partial<Looks>]>([
		['with its person', undefined, {}],
		['with someone just alike enough', undefined, { shown: alike(0.51) }],
		['not with someone less alike', 'unlike', { shown: alike(0.49) }],
		['not without a face', 'no face', { shown: undefined }],
	])('%s', (_, expected, looks) => {
		expect(flaw(looks)).toBe(expected);
	});

	test('not if it is next to the same as one before', () => {
		const kept = [grey(30), grey(104)].map((thumbnail) => ({ shown: identity, thumbnail }));
		expect(flaw({ thumbnail: grey(101) }, kept)).toBe('copy');
		expect(flaw({ thumbnail: grey(107) }, kept)).toBe('copy');
		expect(flaw({ thumbnail: grey(109) }, kept)).toBeUndefined();
		expect(flaw({ thumbnail: grey(70) }, kept)).toBeUndefined();
	});

	test('by its brightness in squares, whatever its size', () => {
		const image = (width: number, height: number, rgb: (x: number, y: number) => number[]) => ({
			...{ width, height },
			data: Uint8Array.from(
				Array.from({ length: width * height }, (_, i) => rgb(i % width, Math.floor(i / width))).flat(),
			),
		});
		expect(thumbnailOf(image(96, 96, () => [255, 255, 255]))).toEqual(grey(255));
		expect(thumbnailOf(image(33, 17, () => [200, 0, 0]))).toEqual(grey(59)); // 0.299 · 200
		const left = thumbnailOf(image(64, 32, (x) => (x < 32 ? [80, 80, 80] : [0, 0, 0])));
		expect([...left.subarray(0, 16)]).toEqual([...Array(8).fill(80), ...Array(8).fill(0)]);
		// Fewer pixels than squares: those between have none.
		expect(thumbnailOf(image(8, 8, () => [9, 9, 9]))).toHaveLength(thumbnailSide ** 2);
	});
});

describe('a person', () => {
	const options: PersonOptions = { seed: 1, images: 4, tries: 3, spread: {}, minSimilarity: 0.5 };
	const keypoints = [1, 2, 3, 4, 5].map((x) => [x, x + 0.123456] as const);
	const shot = (order: Order, looks: Partial<Looks> = {}): Shot => ({
		order,
		shown: identity,
		thumbnail: grey((50 * order.image) % 256),
		...looks,
		similarity: 0.87654321,
		files: {
			face: { keypoints, score: 0.9 },
			portrait: undefined,
			crop: Uint8Array.of(order.image, order.attempt),
			...{ sha256: 'abc', recipe: '{}' },
		},
	});
	const from = (shots: (order: Order) => Shot | Promise<Shot>, more: Partial<PersonOptions> = {}) =>
		makePerson(7, identity, { ...options, ...more }, async (order) => await shots(order));

	test('has all images, each of its first seed, with a row of the same columns', async () => {
		const { samples, painted, refused } = await from((order) => shot(order));
		expect(samples.map(({ image, person }) => [person, image])).toEqual([0, 1, 2, 3].map((image) => [7, image]));
		expect(samples.map(({ row }) => row.seed)).toEqual(
			[0, 1, 2, 3].map((image) => seedOf(1, { person: 7, image, images: 4 }, 1)),
		);
		expect(samples[2]!.row).toMatchObject({ attempt: 1, similarity: 0.8765, nose: '3 3.1235', yaw: undefined });
		expect(new Set(samples.map(({ row }) => Object.keys(row).join())).size).toBe(1);
		expect({ painted, refused }).toEqual({ painted: 4, refused: { 'no face': 0, unlike: 0, copy: 0 } });
	});

	test('has images that are not fit painted again with their next seeds, and lacks those that never are', async () => {
		const { samples, painted, refused } = await from((order) => {
			if (order.image === 1 && order.attempt < 3) return shot(order, { shown: alike(0.1) });
			if (order.image === 2) return shot(order, { shown: undefined });
			return shot(order);
		});
		expect(samples.map(({ image, row }) => [image, row.attempt])).toEqual([
			[0, 1],
			[1, 3],
			[3, 1],
		]);
		expect(samples[1]!.row.seed).toBe(seedOf(1, { person: 7, image: 1, images: 4 }, 3));
		expect({ painted, refused }).toEqual({ painted: 8, refused: { 'no face': 3, unlike: 2, copy: 0 } });
	});

	test('keeps the same images, whichever is painted first', async () => {
		// 0 and 2 are copies of each other, in the first try only.
		const looks = (order: Order) =>
			shot(order, order.image % 2 === 0 && order.attempt === 1 ? { thumbnail: grey(200) } : {});
		const inOrder = await from(looks);
		const reversed = await from(async (order) => {
			await new Promise((done) => setTimeout(done, 5 * (4 - order.image)));
			return looks(order);
		});
		expect(inOrder.samples.map(({ row }) => row.attempt)).toEqual([1, 1, 2, 1]);
		expect(reversed).toEqual(inOrder);
	});

	test('is told at once when painting fails', async () => {
		const failing = from((order) => {
			if (order.image === 3) throw new Error('the GPU is gone');
			return shot(order);
		});
		await expect(failing).rejects.toThrow('the GPU is gone');
	});
});

describe('turns', () => {
	const never = new AbortController().signal;
	/** Who had a turn, in that order. */
	const beginning = (turns: Turns, log: number[]) => (order: number) =>
		turns.take(order, never).then((end) => {
			log.push(order);
			return end;
		});
	const settled = () => new Promise((done) => setTimeout(done, 0));

	test('are at most so many at once, and go by order', async () => {
		const turns = new Turns(2);
		const log: number[] = [];
		const ends = [5, 4, 9, 3, 8, 3].map(beginning(turns, log));
		await settled();
		expect(log).toEqual([5, 4]);
		const end = await ends[0]!;
		end();
		end(); // once is enough
		await settled();
		expect(log).toEqual([5, 4, 3]);
		for (const at of [1, 3, 5, 4, 2]) (await ends[at]!)();
		await settled();
		expect(log).toEqual([5, 4, 3, 3, 8, 9]);
	});

	test('that are waited for can be given up, without being lost', async () => {
		const turns = new Turns(1);
		const end = await turns.take(0, never);
		const stop = new AbortController();
		const waiting = turns.take(1, stop.signal);
		const next = turns.take(2, never);
		stop.abort(new Error('enough'));
		await expect(waiting).rejects.toThrow('enough');
		end();
		(await next)();
		await expect(turns.take(3, stop.signal)).rejects.toThrow('enough');
		(await turns.take(4, never))();
	});

	test('tell when few wait', async () => {
		const turns = new Turns(1);
		const end = await turns.take(0, never);
		await turns.shorterThan(1, never);
		const waiting = [1, 2, 3].map((order) => turns.take(order, never));
		let told = false;
		const short = turns.shorterThan(2, never).then(() => {
			told = true;
		});
		await settled();
		expect(told).toBe(false);
		end(); // two are still waiting
		await settled();
		expect(told).toBe(false);
		(await waiting[0]!)();
		await short;
		(await waiting[1]!)();
		(await waiting[2]!)();
		const stop = new AbortController();
		const held = await turns.take(0, never);
		const last = turns.take(1, never);
		const left = turns.shorterThan(1, stop.signal);
		stop.abort(new Error('enough'));
		await expect(left).rejects.toThrow('enough');
		held();
		(await last)();
	});
});
