// How benchmarks/identity judges the looks of portraits, and whether they are as good of everyone: each measure against what it must catch.
import { beforeAll, describe, expect, test } from 'vitest';
import { frechetDistance, sumOfSingularValues } from '../../benchmarks/portraits/frechet.ts';
import { Gallery } from '../../benchmarks/portraits/gallery.ts';
import { groupPeople, jackknife, measureGroups } from '../../benchmarks/portraits/groups.ts';
import { defaultReader, KeypointReader, type Parts } from '../../benchmarks/portraits/keypoint-reader.ts';
import { lookAt, measureDistance, measureLooks, type ShownPhoto, showPhoto } from '../../benchmarks/portraits/looks.ts';
import { measureLikeness, type Portrait } from '../../benchmarks/portraits/measures.ts';
import { readPeople } from '../../benchmarks/portraits/people.ts';
import { isMet, type Row } from '../../benchmarks/portraits/requirements.ts';
import { sharpness } from '../../benchmarks/portraits/sharpness.ts';
import { cut, type Pixels, squareAround, within } from '../../benchmarks/portraits/square.ts';
import { mean } from '../../benchmarks/portraits/statistics.ts';
import { GeneratedImage, Identity, type Point } from '../../lib/index.ts';
import { randomNumbers } from '../random-numbers.ts';

const missed = (rows: readonly Row[]) => rows.filter((row) => !isMet(row)).map(({ name }) => name);
const random = randomNumbers(1);
/** Box and Muller. */
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('the Fréchet distance', () => {
	const gaussian = (count: number, means: readonly number[], deviations: readonly number[]) =>
		Array.from({ length: count }, () => means.map((value, k) => value + deviations[k]! * normal()));

	test('of Gaussians of independent numbers is that of their means and deviations', () => {
		const a = gaussian(20, [0, 0, 0], [1, 2, 3]);
		expect(frechetDistance(a, a)).toBeCloseTo(0, 8);
		const b = a.map((vector) => vector.map((value, k) => 2 * value + [5, 0, -1][k]!));
		// |μa − μb|² and, for covariances Σ and 4 Σ, tr Σ.
		const middle = [0, 1, 2].map((k) => mean(a.map((vector) => vector[k]!)));
		const apart = middle.reduce((sum, value, k) => sum + (value + [5, 0, -1][k]!) ** 2, 0);
		const trace = a.reduce((sum, x) => sum + x.reduce((s, value, k) => s + (value - middle[k]!) ** 2, 0), 0) / 19;
		expect(frechetDistance(a, b)).toBeCloseTo(apart + trace, 8);
	});

	test('of covariances that do not commute is that of their product’s root', () => {
		// Σa = diag(4, 1), Σb = [[1, 1], [1, 2]]: tr (Σa Σb)^½ is √(tr + 2 √det) of Σa Σb = [[4, 4], [1, 2]].
		const a = cloud([2, 0], [0, 1]);
		const b = cloud([1, 1], [0, 1]);
		expect(frechetDistance(a, b)).toBeCloseTo(5 + 3 - 2 * Math.sqrt(6 + 2 * Math.sqrt(4)), 10);
	});

	test('is defined of fewer vectors than they have numbers, but not of one', () => {
		const vectors = gaussian(5, Array(40).fill(0), Array(40).fill(1));
		expect(frechetDistance(vectors, vectors)).toBeCloseTo(0, 8);
		const moved = vectors.map((vector) => vector.map((value, k) => value + Number(k === 0)));
		expect(frechetDistance(vectors, moved)).toBeCloseTo(1, 8);
		expect(frechetDistance(vectors, vectors.slice(0, 1))).toBeNaN();
		expect(frechetDistance([], vectors)).toBeNaN();
	});

	test('sums the singular values of any matrix', () => {
		expect(sumOfSingularValues([[0, 0], [0, 0], [3, 4]])).toBeCloseTo(5, 12); // biome-ignore format: rows
		// The reflection of [1, 0] and [0, 1], times 2 and 3.
		expect(sumOfSingularValues([[0, 2], [3, 0]])).toBeCloseTo(5, 12); // biome-ignore format: rows
		const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
		expect(sumOfSingularValues([[7 * c, 7 * s, 0], [-2 * s, 2 * c, 0]])).toBeCloseTo(9, 12); // biome-ignore format: rows
		expect(sumOfSingularValues([[7 * c, -2 * s], [7 * s, 2 * c], [0, 0]])).toBeCloseTo(9, 12); // biome-ignore format: rows
	});

	/** Four points of mean 0 whose covariance is x xᵀ + y yᵀ. */
	function cloud(x: readonly [number, number], y: readonly [number, number]): number[][] {
		const scale = Math.sqrt(3 / 2);
		return [x, y].flatMap((axis) => [1, -1].map((sign) => axis.map((value) => sign * scale * value)));
	}
});

const keypoints: Point[] = [
	[20, 24],
	[44, 24],
	[32, 34],
	[24, 44],
	[40, 44],
];

describe('the square', () => {
	test('is around eyes and mouth, as large as the larger of their distances asks', () => {
		const square = squareAround(keypoints);
		expect(square).toEqual({ centre: [32, 34], side: expect.closeTo(2.4 * 24, 12) });
		expect(within([32, 34], square)).toEqual([0.5, 0.5]);
		expect(within([32 - 28.8, 34 + 28.8], square)).toEqual([expect.closeTo(0, 12), expect.closeTo(1, 12)]);
	});

	test('is cut out pixel by pixel where it is as large, and goes on beyond the edge', () => {
		const image = { data: Uint8Array.from({ length: 3 * 8 * 6 }, (_, k) => k), width: 8, height: 6 };
		const same = cut(image, { centre: [2.5, 2.5], side: 4 }, 4);
		const at = (x: number, y: number, channel: number) => 3 * (8 * y + x) + channel;
		const expected = [0, 1, 2].flatMap((c) => [1, 2, 3, 4].flatMap((y) => [1, 2, 3, 4].map((x) => at(x, y, c))));
		expect([...same]).toEqual(expected);
		expect([...cut(image, { centre: [-20, -20], side: 4 }, 2)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
		// Half of the size: each is the mean of four.
		const half = cut(image, { centre: [2.5, 2.5], side: 4 }, 2);
		expect(half[0]).toBeCloseTo(mean([at(1, 1, 0), at(2, 1, 0), at(1, 2, 0), at(2, 2, 0)]), 4);
	});
});

describe('sharpness', () => {
	const noise: Pixels = { data: Uint8Array.from({ length: 3 * 64 * 64 }, () => 255 * random()), width: 64, height: 64 };

	test('falls when the picture is blurred, and is 0 where nothing changes or changes evenly', () => {
		const values = [noise, blurred(noise), blurred(blurred(noise))].map((image) => sharpness(image, keypoints));
		expect(values[1]).toBeLessThan(values[0]! / 4);
		expect(values[2]).toBeLessThan(values[1]! / 2);
		expect(sharpness({ ...noise, data: noise.data.map(() => 77) }, keypoints)).toBeCloseTo(0, 10);
		const slope = noise.data.map((_, k) => 3 * (Math.floor(k / 3) % 64));
		expect(sharpness({ ...noise, data: slope }, keypoints)).toBeCloseTo(0, 10);
	});

	test('is the mean over the square alone, of the squared Laplacian of brightness', () => {
		const flat = { ...noise, data: noise.data.map(() => 0) };
		const dotted = (x: number, y: number) => {
			const data = flat.data.slice();
			data.fill(100, 3 * (64 * y + x), 3 * (64 * y + x) + 3);
			return sharpness({ ...flat, data }, keypoints);
		};
		// Of a square from 3.2 to 60.8 and from 5.2 to 62.8; the last row has no neighbour below.
		expect(dotted(32, 34)).toBeCloseTo((100 ** 2 * (16 + 4)) / (57 * 57), 3);
		expect(dotted(1, 34)).toBe(0);
		expect(dotted(32, 2)).toBe(0);
	});

	/** The mean of 3 × 3 pixels; edges go on. */
	function blurred({ data, width, height }: Pixels): Pixels {
		const near = [-1, 0, 1];
		const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
		const result = data.map((_, k) => {
			const [x, y, c] = [Math.floor(k / 3) % width, Math.floor(k / 3 / width), k % 3];
			return mean(
				near.flatMap((dy) =>
					near.map((dx) => data[3 * (clamp(y + dy, height - 1) * width + clamp(x + dx, width - 1)) + c]!),
				),
			);
		});
		return { data: result, width, height };
	}
});

describe('the reader of keypoints', () => {
	let reader: KeypointReader;
	let photos: ShownPhoto[];
	let places: readonly (readonly Point[])[];
	beforeAll(async () => {
		reader = await KeypointReader.load(defaultReader);
		const known = (await readPeople()).flatMap((person) => person.photos.slice(0, 1));
		const seen = known.map((photo) => ({
			...photo,
			found: true,
			seen: photo.keypoints,
			identity: Identity.from([1, ...Array(511).fill(0)]),
		}));
		photos = await Promise.all(seen.map((photo) => showPhoto(photo, { width: 96, height: 96 }, reader)));
		places = known.map((photo) =>
			photo.keypoints.map(([x, y]): Point => [(x + 0.5) * 0.6 - 0.5, (y + 0.5) * 0.6 - 0.5]),
		);
		return () => reader[Symbol.asyncDispose]();
	});
	/** The share in which each part is seen, of photos that were changed. */
	async function seen(
		change: (image: Pixels, places: readonly Point[]) => Pixels,
	): Promise<Record<keyof Parts, number>> {
		const looks = await Promise.all(
			photos.map(({ image }, k) => lookAt(change(image, places[k]!), places[k]!, reader)),
		);
		const share = (part: keyof Parts) => mean(looks.map(({ parts }) => Number(parts[part])));
		return { eyes: share('eyes'), nose: share('nose'), mouth: share('mouth') };
	}

	test('sees eyes, nose and mouth in photos of held-out people', async () => {
		expect(photos.length).toBe(50);
		expect(await seen((image) => image)).toEqual({ eyes: 1, nose: expect.any(Number), mouth: 1 });
		expect((await seen((image) => image)).nose).toBeGreaterThanOrEqual(0.98);
	});

	test('misses an eye that skin was painted over, and still sees the mouth', async () => {
		const noEye = await seen((image, [eye, , , mouth]) =>
			paintOver(image, eye!, [(eye![0] + mouth![0]) / 2, (eye![1] + mouth![1]) / 2]),
		);
		// The edge of what was painted is hard, and looks like lids now and then.
		expect(noEye.eyes).toBeLessThan(0.2);
		expect(noEye.mouth).toBeGreaterThan(0.9);
	});

	test('sees nothing in a blurred head, and nothing where another face is not', async () => {
		const blurry = await seen((image) => pixelated(image, 8));
		for (const share of Object.values(blurry)) expect(share).toBeLessThan(0.1);
		const moved = await seen(({ data, width, height }) => {
			const away = data.map((_, k) => data[(k + 3 * 10 * width) % data.length]!);
			return { data: away, width, height };
		});
		for (const share of Object.values(moved)) expect(share).toBeLessThan(0.1);
	});

	test('says which file it misses', async () => {
		await expect(KeypointReader.load('nowhere.onnx')).rejects.toThrow('there is no nowhere.onnx');
	});

	/** A disc of 7 pixels around a place, with what is around another. */
	function paintOver({ data, width, height }: Pixels, to: Point, from: Point): Pixels {
		const changed = data.slice();
		const [dx, dy] = [Math.round(from[0] - to[0]), Math.round(from[1] - to[1])];
		for (let y = Math.ceil(to[1] - 7); y <= to[1] + 7; y++) {
			for (let x = Math.ceil(to[0] - 7); x <= to[0] + 7; x++) {
				if (Math.hypot(x - to[0], y - to[1]) > 7) continue;
				const source = 3 * ((y + dy) * width + x + dx);
				changed.set(data.slice(source, source + 3), 3 * (y * width + x));
			}
		}
		return { data: changed, width, height };
	}

	/** Each pixel the mean of its neighbours in a square of so many. */
	function pixelated({ data, width, height }: Pixels, size: number): Pixels {
		const result = data.map((_, k) => {
			const [x, y, c] = [Math.floor(k / 3) % width, Math.floor(k / 3 / width), k % 3];
			let [sum, count] = [0, 0];
			for (let v = Math.max(0, y - size / 2); v < Math.min(height, y + size / 2); v++) {
				for (let u = Math.max(0, x - size / 2); u < Math.min(width, x + size / 2); u++) {
					sum += data[3 * (v * width + u) + c]!;
					count++;
				}
			}
			return sum / count;
		});
		return { data: result, width, height };
	}
});

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
		const see = async (file: unknown) => ({ keypoints, identity: await identify(file) });
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
		const values = (portraits: Portrait[]) => measureDistance(portraits, gallery).map(({ value }) => value);
		const [floor, good, above] = values(paint());
		expect(good! - floor!).toBeCloseTo(above!, 12);
		expect(Math.abs(above!)).toBeLessThan(0.3 * floor!);
		const dull = paint({ as: (person) => Identity.from(persons[person]!.map((value, k) => (k < 8 ? value : 0))) });
		expect(missed(measureDistance(dull, gallery))).toEqual([expect.stringContaining('above')]);
		const one = somebody();
		expect(missed(measureDistance(paint({ as: () => photograph(one) }), gallery))).toHaveLength(1);
	});

	test('every person is in one third of each kind, and the thirds differ', async () => {
		const traits = (await readPeople()).map((person) => person.traits);
		const groups = groupPeople(traits);
		expect(groups).toHaveLength(12);
		for (let kind = 0; kind < 12; kind += 3) {
			const thirds = groups.slice(kind, kind + 3);
			expect(thirds.flatMap(({ people }) => people).sort((a, b) => a - b)).toEqual(traits.map((_, k) => k));
			expect(thirds.map(({ people }) => people.length)).toEqual([17, 16, 17]);
		}
		const tone = (k: number) => mean(groups[k]!.people.map((person) => traits[person]!.skin_tone));
		expect([tone(0) < 0.4, tone(1) > 0.4 && tone(1) < 0.65, tone(2) > 0.65]).toEqual([true, true, true]);
		const age = (k: number) => mean(groups[3 + k]!.people.map((person) => traits[person]!.age));
		expect(age(0) < age(1) && age(1) < age(2)).toBe(true);
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

		test('may differ by chance, but not all of a group by as much', () => {
			// The last group is behind by a ninth both times: for two of its ten people, or for each of them.
			const sharp = (painted: Portrait[]) => rows(painted).find(({ name }) => /sharpness/.test(name))!;
			const two = sharp(paint({ sharp: (person) => (person === 40 || person === 45 ? 0 : 4) }));
			const each = sharp(paint({ sharp: (person) => (person >= 40 ? 3.2 : 4) }));
			expect(two.value).toBeCloseTo(8 / 9, 12);
			expect(each.value).toBeCloseTo(8 / 9, 12);
			expect([isMet(two), isMet(each)]).toEqual([true, false]);
			// What chance leaves as it is may not.
			const eyes = (person: number) => person !== 40 && person !== 45;
			const blind = rows(paint({ parts: (person) => ({ ...everything, eyes: eyes(person) }) }));
			expect(missed(blind)).toEqual([expect.stringMatching(/both eyes/)]);
			expect(blind.find((row) => !isMet(row))!.value).toBeCloseTo(8 / 9, 12);
		});

		test('of which one has no face at all miss everything', () => {
			const measured = rows(paint({ found: (person) => person < 25 }));
			expect(missed(measured)).toEqual(measured.map(({ name }) => name));
		});
	});

	test('the standard error of a mean is that of its values', () => {
		const values = [1, 4, 2, 9, 5];
		const without = values.map((_, k) => mean(values.toSpliced(k, 1)));
		const variance = values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / 4;
		expect(jackknife(without)).toBeCloseTo(Math.sqrt(variance / 5), 12);
	});
});
