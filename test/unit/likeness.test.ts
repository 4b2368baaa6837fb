// Portraits that have to be alike: which are painted again, with which seeds, and what is kept.
import { describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { seedsOf } from '../../lib/options/seeds.ts';
import { type Painted, paintAlike } from '../../lib/painting/likeness.ts';
import type { Portrait } from '../../lib/painting/portraits.ts';
import { collect } from '../collect.ts';

const identity = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i)));
type Likenesses = Readonly<Record<number, number | undefined>>;

/** Paints images whose likeness follows from their seed. */
function run(likeness: Likenesses, { minSimilarity = 0.5, tries = 3, images = 3, order = (n: number) => n } = {}) {
	const seeds = seedsOf(10, { noise: 'per-image', images, rounds: tries });
	const portraits: Portrait[] = Array.from({ length: images }, (_, index) => ({
		...{ index, person: 0, identity, seed: seeds.of(index, 1), place: index, photo: 0 },
	}));
	const rounds: number[][] = [];
	const reads: number[] = [];
	async function* paint(some: readonly Portrait[], round: number): AsyncGenerator<Painted> {
		expect(round).toBe(rounds.length + 1);
		rounds.push(some.map(({ seed }) => seed));
		for (const portrait of some.toSorted((a, b) => order(a.index) - order(b.index))) {
			yield { portrait, pixels: Uint8Array.of(portrait.seed) };
		}
	}
	const read = async ({ portrait }: Painted) => {
		reads.push(portrait.seed);
		if (!(portrait.seed in likeness)) throw new Error(`seed ${portrait.seed} was not expected`);
		return likeness[portrait.seed];
	};
	const judged = paintAlike(portraits, { check: { minSimilarity, tries }, seeds }, paint, read);
	return { judged, rounds, reads };
}

async function all(likeness: Likenesses, how?: Parameters<typeof run>[1]) {
	const { judged, rounds, reads } = run(likeness, how);
	const images = [];
	for await (const { portrait, pixels, similarity, warnings } of judged) {
		expect([...pixels]).toEqual([portrait.seed]);
		const codes = warnings.map(({ code }) => code);
		images.push({ index: portrait.index, seed: portrait.seed, similarity, codes });
	}
	return { images, rounds, reads };
}

test('those that are alike enough are painted once', async () => {
	const { images, rounds } = await all({ 10: 0.5, 11: 0.9, 12: 1 });
	expect(rounds).toEqual([[10, 11, 12]]);
	expect(images.map(({ seed, similarity, codes }) => [seed, similarity, codes])).toEqual([
		[10, 0.5, []],
		[11, 0.9, []],
		[12, 1, []],
	]);
});

test('the others are painted again, in order, with the seeds of their places', async () => {
	const likeness = { 10: 0.4, 11: 0.9, 12: 0.1, 13: 0.6, 15: 0.2, 18: 0.7 };
	const { images, rounds } = await all(likeness, { order: (index) => -index });
	expect(rounds).toEqual([[10, 11, 12], [13, 15], [18]]);
	expect(images.map(({ index, seed }) => [index, seed])).toEqual([
		[1, 11],
		[0, 13],
		[2, 18],
	]);
});

describe('where no try is alike enough', () => {
	test.each<[string, Likenesses, number, number | undefined]>([
		['the best is kept: the first', { 10: 0.4, 11: 0.1, 12: 0.3 }, 10, 0.4],
		['the best is kept: one in the middle', { 10: 0.1, 11: 0.4, 12: 0.3 }, 11, 0.4],
		['the best is kept: the last', { 10: 0.1, 11: -0.2, 12: 0.3 }, 12, 0.3],
		['of equals the first is kept', { 10: 0.3, 11: 0.3, 12: 0.3 }, 10, 0.3],
		['an unlike face is better than none', { 10: undefined, 11: -0.9, 12: undefined }, 11, -0.9],
		['of portraits without a face the first is kept', { 10: undefined, 11: undefined, 12: undefined }, 10, undefined],
	])('%s', async (_, likeness, seed, similarity) => {
		const { images, rounds } = await all(likeness, { images: 1 });
		expect(rounds).toEqual([[10], [11], [12]]);
		expect(images).toEqual([{ index: 0, seed, similarity, codes: ['LOW_SIMILARITY'] }]);
	});

	test('a warning says how alike it is, how alike it should be, and what to do', async () => {
		const messageOf = async (likeness: Likenesses, tries: number) => {
			const [image] = await collect(run(likeness, { images: 1, tries }).judged);
			return image!.warnings[0]!.message;
		};
		expect(await messageOf({ 10: 0.1, 11: 0.4321 }, 2)).toMatch(/0\.43 .* below 0\.5, the best of 2 tries\. .*`tries`/);
		expect(await messageOf({ 10: 0.1 }, 1)).toMatch(/0\.10 .* in its one try\./);
		expect(await messageOf({ 10: undefined, 11: undefined }, 2)).toMatch(/shows no face, in any of 2 tries\./);
		expect(await messageOf({ 10: undefined }, 1)).toMatch(/shows no face, in its one try\./);
	});
});

test('with one try nothing is painted again, but everything is read', async () => {
	const { images, rounds, reads } = await all({ 10: 0.1, 11: 0.9, 12: undefined }, { tries: 1 });
	expect(rounds).toEqual([[10, 11, 12]]);
	expect(reads).toEqual([10, 11, 12]);
	expect(images.map(({ codes }) => codes.length)).toEqual([1, 0, 1]);
});

test('each is given as soon as it is settled', async () => {
	const { judged, rounds } = run({ 10: 0.1, 11: 0.9, 12: 0.2, 13: 0.9, 15: 0.9 });
	const roundOf: number[] = [];
	for await (const { portrait } of judged) roundOf[portrait.index] = rounds.length;
	expect(roundOf).toEqual([2, 1, 2]);
});

test('a failure of the reader ends it', async () => {
	const { judged } = run({ 10: 0.1 });
	await expect(collect(judged)).rejects.toThrow('seed 11 was not expected');
});
