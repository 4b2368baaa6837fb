// How benchmarks/identity judges portraits: the statistics, and that each measure fails for the portraits it must catch.
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { Gallery } from '../../benchmarks/portraits/gallery.ts';
import { bins, histogramPicture } from '../../benchmarks/portraits/histogram.ts';
import {
	measureDiversity,
	measureGuidance,
	measureLikeness,
	measurePhotos,
	measureTurns,
	measureUnconditional,
} from '../../benchmarks/portraits/measures.ts';
import { readPeople } from '../../benchmarks/portraits/people.ts';
import type { Portrait } from '../../benchmarks/portraits/portrait.ts';
import { describeMisses, isMet, type Row } from '../../benchmarks/portraits/requirements.ts';
import {
	countBins,
	estimateYaw,
	mean,
	nearest,
	pairs,
	pooledDeviation,
	separate,
} from '../../benchmarks/portraits/statistics.ts';
import { GeneratedImage, Identity, type Point } from '../../lib/index.ts';
import { randomNumbers } from '../random-numbers.ts';

describe('statistics', () => {
	test('the estimate of yaw is that of the committed photos', async () => {
		const photos = (await readPeople()).flatMap((person) => person.photos);
		expect(photos.length).toBeGreaterThanOrEqual(150);
		const estimates = photos.map(({ keypoints }) => estimateYaw(keypoints));
		const squares = photos.map(({ pose }, i) => (estimates[i]! - pose.yaw) ** 2);
		// The fit's own error is 4.7°, a quarter of the poses' deviation; noses differ, and nods shift their tips.
		expect(Math.sqrt(mean(squares))).toBeLessThan(5);
		// The benchmark uses the deviation, which must be that of the poses to a tenth.
		const ratio = pooledDeviation([estimates]) / pooledDeviation([photos.map(({ pose }) => pose.yaw)]);
		expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
	});

	test('yaw is 0 for a face in front, and neither size, place nor roll change it', () => {
		const front: Point[] = [
			[-1, 0],
			[1, 0],
			[0, 1],
			[-1, 2],
			[1, 2],
		];
		expect(estimateYaw(front)).toBe(0);
		const turned: Point[] = [
			[-1, 0],
			[1, 0],
			[0.6, 1],
			[-1, 2],
			[1, 2],
		];
		const moved = turned.map(([x, y]): Point => [100 + 3 * x - 2 * y, 50 + 2 * x + 3 * y]);
		expect(estimateYaw(turned)).toBeGreaterThan(0);
		expect(estimateYaw(moved)).toBeCloseTo(estimateYaw(turned), 10);
	});

	test('the nearest is the largest; of none there is none', () => {
		expect(nearest([0.1, -0.2, 0.7, 0.3])).toBe(2);
		expect(nearest([])).toBe(-1);
	});

	test('bins count every value once, those beyond the ends in the outer bins', () => {
		const counts = countBins([-1, -0.4, -0.39, 0.3, 0.999, 1, 7], bins);
		expect(counts.length).toBe(bins.count);
		expect(counts[0]).toBe(3);
		expect(counts.at(-1)).toBe(3);
		expect(counts[28]).toBe(1);
		expect(counts.reduce((sum, count) => sum + count)).toBe(7);
		expect(countBins([], bins).every((count) => count === 0)).toBe(true);
	});

	test('the pooled deviation is within groups, with their degrees of freedom; alone a value has none', () => {
		// Squares of 2 and 8, of 1 and 2 degrees of freedom.
		expect(pooledDeviation([[1, 3], [10, 12, 14], [1000]])).toBeCloseTo(Math.sqrt((2 + 8) / 3), 12);
		expect(pooledDeviation([[1], []])).toBeNaN();
	});

	test('the threshold parts what can be parted, and counts both kinds the same', () => {
		expect(separate([0.8, 0.9], [0.1, 0.2, 0.4])).toEqual({ threshold: expect.closeTo(0.6, 12), accuracy: 1 });
		// One of the two same pairs lies among the different ones: all different and half of the same pairs are right.
		const { threshold, accuracy } = separate([0.15, 0.9], [0.1, 0.2, 0.4, 0.5]);
		expect(threshold).toBeCloseTo(0.7, 12);
		expect(accuracy).toBeCloseTo(0.75, 12);
		expect(separate([], []).threshold).toBeNaN();
	});

	test('pairs are each two once', () => {
		expect(pairs([1, 2, 3])).toEqual([
			[1, 2],
			[1, 3],
			[2, 3],
		]);
	});
});

describe('requirements', () => {
	test('not a number never meets what is asked', () => {
		for (const asked of [{ least: -9 }, { most: 9 }, { above: -9 }, { below: 9 }]) {
			expect(isMet({ name: 'x', value: Number.NaN, asked })).toBe(false);
			expect(isMet({ name: 'x', value: 0, asked })).toBe(true);
		}
		expect(isMet({ name: 'x', value: 0, asked: { below: Number.NaN } })).toBe(false);
		expect(isMet({ name: 'x', value: 3, asked: { above: 3 } })).toBe(false);
		expect(isMet({ name: 'x', value: 3, asked: { least: 3 } })).toBe(true);
		expect(isMet({ name: 'x', value: 3, asked: { most: 3 } })).toBe(true);
		expect(isMet({ name: 'x', value: 3.1, asked: { most: 3 } })).toBe(false);
	});

	test('the message names each missed number and what was expected', () => {
		const good: Row = { name: 'good', value: 1, asked: { least: 0.5 } };
		const bad: Row = { name: 'bad', value: 0.25, asked: { least: 0.5 } };
		expect(describeMisses([good, { name: 'free', value: Number.NaN }])).toBeUndefined();
		expect(describeMisses([good, bad])).toContain('bad: expected at least 0.5 but measured 0.250');
		expect(describeMisses([good, bad])).not.toContain('good');
	});
});

describe('measures', () => {
	const side = 8;
	const random = randomNumbers(1);
	const somebody = () => Float32Array.from({ length: 512 }, () => random() + random() + random() - 1.5);
	/** Like `identity`, plus a quarter of its length in another direction. */
	const another = (identity: Identity) => {
		const aside = Identity.from(somebody()).embedding;
		return Identity.from(identity.embedding.map((x, k) => x + 0.25 * aside[k]!));
	};
	const image = (seed: number) =>
		new GeneratedImage(
			Uint8Array.from({ length: 3 * side * side }, () => 255 * random()),
			{ width: side, height: side },
			seed,
			0,
		);

	let gallery: Gallery;
	let photos: Uint8Array[][];
	let threshold: number;
	beforeAll(async () => {
		const people = await readPeople();
		const faces = new Map(
			people.flatMap(({ photos }) => {
				const person = Identity.from(somebody());
				return photos.map(({ file, keypoints }) => [file, { keypoints, identity: another(person) }] as const);
			}),
		);
		const see = async (file: unknown) => faces.get(file as string);
		gallery = await Gallery.meet(people, { see, identify: async (file) => (await see(file))!.identity });
		photos = gallery.people.map(({ photos }) => photos.map((_, i) => image(i).data));
		threshold = measurePhotos(gallery).threshold;
	});

	/** Portraits of everyone: by default by a painter who meets all requirements. */
	function paint({
		as = (person: number) => another(gallery.people[person]!.identity),
		turned = (i: number) => gallery.people[0]!.photos[i % 3]!.pose.yaw,
		picture = image,
		found = true,
	} = {}): Portrait[] {
		return gallery.people.flatMap((_, person) =>
			Array.from({ length: 4 }, (_, i) => {
				const identity = as(person);
				const look = { sharpness: 1, parts: { eyes: true, nose: true, mouth: true } };
				const sight = { identity, similarities: gallery.similarities(identity), yaw: turned(i), look };
				return { person, image: picture(1000 * person + i), sight: found ? sight : undefined };
			}),
		);
	}
	const missed = (rows: readonly Row[]) => rows.filter((row) => !isMet(row)).map(({ name }) => name);

	test('photos part from those of others, and yaw is about what it is', () => {
		const { rows, similarities } = measurePhotos(gallery);
		const value = (name: RegExp) => rows.find((row) => name.test(row.name))!.value;
		expect(value(/face found/)).toBe(1);
		expect(value(/the nearest of 50/)).toBe(1);
		expect(value(/judges rightly/)).toBe(1);
		expect(value(/yaw/)).toBeLessThan(5);
		expect([similarities.same.length, similarities.different.length]).toEqual([150, 150 * 49]);
		// No photo is compared with itself: with these noises, no two of a person are equal.
		expect(Math.max(...similarities.same)).toBeLessThan(0.999);
	});

	test('good portraits meet everything', () => {
		const portraits = paint();
		const { rows, similarities } = measureLikeness(portraits, gallery);
		expect(missed(rows)).toEqual([]);
		expect([similarities.same.length, similarities.different.length]).toEqual([200, 200 * 49]);
		expect(missed(measureTurns(portraits, gallery))).toEqual([]);
		expect(missed(measureDiversity(portraits, gallery, photos))).toEqual([]);
	});

	test('without a face everything is missed', () => {
		const portraits = paint({ found: false });
		const rows = [
			...measureLikeness(portraits, gallery).rows,
			...measureTurns(portraits, gallery),
			...measureDiversity(portraits, gallery, photos),
			...measureGuidance(portraits, portraits, 3),
			...measureUnconditional(portraits, gallery, threshold),
		];
		expect(missed(rows)).toEqual(rows.filter(({ asked }) => asked).map(({ name }) => name));
	});

	test('a portrait without a face is a miss, and leaves the means as they are', () => {
		const portraits = paint().map((portrait, i) => (i % 100 === 0 ? { ...portrait, sight: undefined } : portrait));
		const { rows } = measureLikeness(portraits, gallery);
		expect(rows.map(({ value }) => value)).toEqual([0.99, expect.any(Number), expect.any(Number), 0.99]);
		expect(missed(rows)).toEqual([expect.stringContaining('face found')]);
	});

	test('portraits of one and the same stranger are not of the person', () => {
		const stranger = Identity.from(somebody());
		const { rows } = measureLikeness(paint({ as: () => another(stranger) }), gallery);
		expect(missed(rows)).toEqual([
			expect.stringContaining('mean similarity to the person'),
			expect.stringContaining('above the mean for other people'),
			expect.stringContaining('nearest'),
		]);
	});

	test('portraits of the average of all people miss the distance to others', () => {
		const average = Identity.mean(gallery.people.map(({ identity }) => identity));
		const { rows } = measureLikeness(paint({ as: () => another(average) }), gallery);
		expect(missed(rows)).toContain('portraits: that above the mean for other people');
	});

	test('one pose, or one picture, is no diversity', () => {
		const still = measureTurns(paint({ turned: () => 10 }), gallery);
		expect(missed(still)).toEqual([expect.stringContaining('yaw as a share')]);
		const pixels = image(0).data;
		const copies = (seed: number) => new GeneratedImage(pixels, { width: side, height: side }, seed, 0);
		const same = measureDiversity(paint({ picture: copies }), gallery, photos);
		expect(missed(same)).toEqual([expect.stringContaining('pixel distance as a share')]);
	});

	test('guidance counts where both have a face, for the same person and seed', () => {
		const guided = paint();
		const worse = paint({ as: (person) => another(another(another(another(gallery.people[person]!.identity)))) });
		const first = worse.filter((_, i) => i % 4 === 0);
		expect(missed(measureGuidance(guided, first, 3))).toEqual([]);
		expect(
			missed(
				measureGuidance(
					worse,
					guided.filter((_, i) => i % 4 === 0),
					3,
				),
			),
		).toHaveLength(1);
		const [row] = measureGuidance(guided, [...first.slice(1), { ...first[0]!, sight: undefined }], 3);
		expect(row!.name).toContain('49 pairs');
	});

	test('what the empty prompt paints is anybody, but neither one person nor the one who was given', () => {
		const anybody = paint({ as: () => Identity.from(somebody()) });
		expect(missed(measureUnconditional(anybody, gallery, threshold))).toEqual([]);
		const one = paint({ as: () => another(gallery.people[7]!.identity) });
		expect(missed(measureUnconditional(one, gallery, threshold))).toEqual([
			expect.stringContaining('most similar person'),
		]);
		expect(missed(measureUnconditional(paint(), gallery, threshold))).toEqual([
			expect.stringContaining('not asked for'),
		]);
	});

	test('the picture of similarities is drawn, also without any', async () => {
		const some = measurePhotos(gallery).similarities;
		const picture = sharp(await histogramPicture([some, { name: 'portraits', same: [], different: [] }]));
		const { data, info } = await picture.removeAlpha().raw().toBuffer({ resolveWithObject: true });
		// In the colours of both kinds, over white: 60 % of #1b6ca8 and of #d9822b.
		const near = ([r, g, b]: readonly number[]) => {
			let count = 0;
			for (let at = 0; at < data.length; at += info.channels) {
				const off = Math.abs(data[at]! - r!) + Math.abs(data[at + 1]! - g!) + Math.abs(data[at + 2]! - b!);
				if (off < 12) count++;
			}
			return count;
		};
		expect(near([118, 167, 203])).toBeGreaterThan(1000);
		expect(near([232, 180, 128])).toBeGreaterThan(1000);
	});
});
