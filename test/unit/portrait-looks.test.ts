// How benchmarks/identity judges the looks of portraits, and whether they are as good of everyone: each measure against what it must catch.
import { beforeAll, describe, expect, test } from 'vitest';
import { Gallery } from '../../benchmarks/portraits/gallery.ts';
import { groupPeople, measureGroups } from '../../benchmarks/portraits/groups.ts';
import type { Parts } from '../../benchmarks/portraits/keypoint-reader.ts';
import { measureDistance, measureLooks, type ShownPhoto } from '../../benchmarks/portraits/looks.ts';
import { measureLikeness } from '../../benchmarks/portraits/measures.ts';
import { readPeople, type Traits } from '../../benchmarks/portraits/people.ts';
import type { Portrait } from '../../benchmarks/portraits/portrait.ts';
import { isMet, type Row } from '../../benchmarks/portraits/requirements.ts';
import { mean } from '../../benchmarks/portraits/statistics.ts';
import { GeneratedImage, Identity } from '../../lib/index.ts';
import { normalNumbers } from '../random-numbers.ts';

const missed = (rows: readonly Row[]) => rows.filter((row) => !isMet(row)).map(({ name }) => name);
const normal = normalNumbers(1);

describe('of portraits', () => {
	const everything: Parts = { eyes: true, nose: true, mouth: true };
	const picture = new GeneratedImage(new Uint8Array(3), { width: 1, height: 1 }, 0, 0);
	const somebody = () => Float32Array.from({ length: 512 }, normal);
	/** Faces of two kinds of variance, in 32 dimensions: who it is, and the photo. */
	const photograph = (person: Float32Array) =>
		Identity.from(person.map((value, k) => (k < 32 ? value + 0.4 * normal() : 0)));
	const persons = Array.from({ length: 50 }, somebody);
	const photos: ShownPhoto[][] = persons.map(() =>
		Array.from({ length: 3 }, () => ({ image: picture, look: { sharpness: 4, parts: everything } })),
	);
	let gallery: Gallery;
	beforeAll(async () => {
		const people = await readPeople();
		const identities = new Map(
			people.flatMap(({ photos }, k) => photos.map(({ file }) => [file, photograph(persons[k]!)] as const)),
		);
		const identify = async (file: unknown) => identities.get(file as string)!;
		const see = async (file: unknown) => ({ keypoints: [], identity: await identify(file) });
		gallery = await Gallery.meet(people, { see, identify });
	});

	function paint({
		as = (person: number) => photograph(persons[person]!),
		sharp = (_person: number): number => 4,
		parts = (_person: number, _i: number): Parts => everything,
		found = (_person: number, _i: number): boolean => true,
	} = {}): Portrait[] {
		return persons.flatMap((_, person) =>
			Array.from({ length: 4 }, (_, i) => {
				const identity = as(person);
				const look = { sharpness: sharp(person), parts: parts(person, i) };
				const sight = { identity, similarities: gallery.similarities(identity), yaw: 0, look };
				return { person, image: picture, sight: found(person, i) ? sight : undefined };
			}),
		);
	}

	test('good ones meet everything', () => {
		expect(missed(measureLooks(paint(), photos))).toEqual([]);
		expect(missed(measureDistance(paint(), gallery))).toEqual([]);
	});

	test('without a face nothing is met', () => {
		const none = paint({ found: () => false });
		const rows = [...measureLooks(none, photos), ...measureDistance(none, gallery)];
		expect(missed(rows)).toEqual(rows.filter(({ asked }) => asked).map(({ name }) => name));
		expect(missed(rows)).toHaveLength(3);
	});

	test('a missing eye, or a missing mouth, or no face at all counts; a missing nose is told', () => {
		const shares = (portraits: Portrait[]) =>
			measureLooks(portraits, photos)
				.filter(({ name }) => name.startsWith('portraits: share'))
				.map(({ value }) => value);
		const one = (part: keyof Parts) => paint({ parts: (_, i) => ({ ...everything, [part]: i !== 0 }) });
		expect(shares(one('eyes'))).toEqual([0.75, 0.75]);
		expect(shares(one('mouth'))).toEqual([0.75, 0.75]);
		expect(shares(one('nose'))).toEqual([1, 0.75]);
		expect(shares(paint({ found: (_, i) => i !== 0 }))).toEqual([0.75, 0.75]);
		expect(missed(measureLooks(one('eyes'), photos))).toEqual([expect.stringContaining('both eyes and the mouth')]);
	});

	test('blurred ones miss the sharpness, which those without a face do not change', () => {
		expect(missed(measureLooks(paint({ sharp: () => 2.7 }), photos))).toEqual([expect.stringContaining('sharpness')]);
		const half = measureLooks(paint({ sharp: () => 3, found: (_, i) => i < 2 }), photos);
		expect(half.at(-1)!.value).toBeCloseTo(0.75, 12);
	});

	test('of other people, or of the same but all alike, they are far from photos', () => {
		const far = [expect.stringContaining('Fréchet distance')];
		const dull = paint({ as: (person) => Identity.from(persons[person]!.map((value, k) => (k < 8 ? value : 0))) });
		expect(missed(measureDistance(dull, gallery))).toEqual(far);
		const one = somebody();
		expect(missed(measureDistance(paint({ as: () => photograph(one) }), gallery))).toEqual(far);
	});

	test('of which all are a little off the same way, they are nearer than blurred ones were, and not near enough', () => {
		const off = paint({ as: (person) => photograph(persons[person]!.map((value, k) => value + (k === 0 ? 1.8 : 0))) });
		const [, row] = measureDistance(off, gallery);
		expect(row!.value).toBeGreaterThan(0.1);
		expect(row!.value).toBeLessThan(0.2);
		expect(isMet(row!)).toBe(false);
	});

	test('photos are the floor of the distance, which as many photos of the same people would not be above', () => {
		const [floor, distance] = measureDistance(paint(), gallery).map(({ value }) => value);
		expect(floor).toBeGreaterThan(0);
		expect(Math.abs(distance! / floor! - 1)).toBeLessThan(0.3);
	});

	test('every person is in a third of each kind, from the least to the most, and thirds are of as many people', async () => {
		const traits = (await readPeople()).map((person) => person.traits);
		const kinds: [string, (of: Traits) => number][] = [
			['light skin, middle skin, deep skin', ({ skin_tone }) => skin_tone],
			['young, middle-aged, old', ({ age }) => age],
			['long faces, middle faces, broad faces', ({ face_width, face_length }) => face_width - face_length],
			['short hair, middle hair, long hair', ({ hair_style }) => hair_style],
		];
		const groups = groupPeople(traits);
		expect(groups).toHaveLength(3 * kinds.length);
		for (const [index, [names, by]] of kinds.entries()) {
			const thirds = groups.slice(3 * index, 3 * index + 3);
			expect(thirds.map(({ name }) => name).join(', ')).toBe(names);
			expect(thirds.map(({ people }) => people.length)).toEqual([17, 17, 17]);
			const people = new Set(thirds.flatMap((third) => third.people));
			expect(people.size).toBe(50);
			const values = [...people].map((person) => by(traits[person]!));
			expect(values).toEqual(values.toSorted((a, b) => a - b));
			expect(values.at(-1)).toBeGreaterThan(values[0]!);
		}
	});

	describe('groups', () => {
		const groups = [
			{ name: 'first', people: Array.from({ length: 10 }, (_, k) => k) },
			{ name: 'last', people: Array.from({ length: 10 }, (_, k) => 40 + k) },
		];
		const measure = (some: readonly Portrait[]) => [
			...measureLikeness(some, gallery).rows,
			...measureLooks(some, photos),
			...measureDistance(some, gallery),
		];
		const rows = (portraits: Portrait[]) => measureGroups(portraits, groups, measure);

		test('that are all alike meet everything, in every measure', () => {
			const all = rows(paint());
			expect(all.map(({ name }) => name.replace(/\(.*\)/, '…'))).toEqual([
				'worst group …, of the mean: share with a face found',
				'worst group …, of the mean: mean similarity to the person',
				'worst group …, of the mean: share whose person is the nearest of 50',
				'worst group …, of the mean: share in which both eyes and the mouth are seen',
				"worst group …, of the mean: sharpness as a share of the photos'",
				'worst group …, of the mean: Fréchet distance of one of each person to two photos',
			]);
			expect(missed(all)).toEqual([]);
		});

		test('of which one is blurred, without eyes, or of strangers, miss it, and name it', () => {
			const blurry = rows(paint({ sharp: (person) => (person < 25 ? 4 : 2) }));
			expect(missed(blurry)).toEqual([expect.stringMatching(/worst group \(last\).*sharpness/)]);
			expect(blurry.find(({ name }) => /sharpness/.test(name))!.value).toBeCloseTo(2 / 3, 12);
			const blind = rows(paint({ parts: (person, i) => ({ ...everything, eyes: person >= 25 || i !== 0 }) }));
			expect(missed(blind)).toEqual([expect.stringMatching(/worst group \(first\).*both eyes/)]);
			const strange = rows(paint({ as: (person) => photograph(person < 25 ? persons[person]! : somebody()) }));
			expect(missed(strange)).toEqual([
				expect.stringMatching(/worst group \(last\).*similarity/),
				expect.stringMatching(/worst group \(last\).*nearest/),
				expect.stringMatching(/worst group \(last\).*Fréchet/),
			]);
		});

		test('are far behind in the distance when it is larger', () => {
			const one = somebody(); // of whom there are no photos, but many portraits
			const dull = rows(paint({ as: (person) => photograph(person < 25 ? persons[person]! : one) }));
			expect(missed(dull)).toContainEqual(expect.stringMatching(/worst group \(last\).*Fréchet/));
		});

		test('may be behind the mean by a tenth of it, and by no more, whichever way is better', () => {
			const by = (better: 'more' | 'less', value: number) => {
				const measureOf = (some: readonly Portrait[]): Row[] => [
					{ name: 'portraits: it', value: mean(some.map(({ sight }) => sight!.look.sharpness)), better },
				];
				const [row] = measureGroups(paint({ sharp: (person) => (person < 25 ? 1 : value) }), groups, measureOf);
				return [row!.name, row!.value, isMet(row!)];
			};
			const row = (value: number, met: boolean) => [
				'worst group (last), of the mean: it',
				expect.closeTo(value, 12),
				met,
			];
			expect(by('more', 0.82)).toEqual(row(0.82 / 0.91, true));
			expect(by('more', 0.81)).toEqual(row(0.81 / 0.905, false));
			expect(by('less', 1.22)).toEqual(row(1.22 / 1.11, true));
			expect(by('less', 1.23)).toEqual(row(1.23 / 1.115, false));
		});

		test('of which one has no face at all miss everything', () => {
			const measured = rows(paint({ found: (person) => person < 25 }));
			expect(missed(measured)).toEqual(measured.map(({ name }) => name));
		});
	});
});
