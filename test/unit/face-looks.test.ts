// What benchmarks/identity sees of one face: how sharp it is, and whether it has eyes, nose and mouth.
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultReader, KeypointReader, type Parts } from '../../benchmarks/portraits/keypoint-reader.ts';
import { lookAt, type ShownPhoto, showPhoto } from '../../benchmarks/portraits/looks.ts';
import { readPeople } from '../../benchmarks/portraits/people.ts';
import { sharpness } from '../../benchmarks/portraits/sharpness.ts';
import { cut, type Pixels, squareAround, within } from '../../benchmarks/portraits/square.ts';
import { mean } from '../../benchmarks/portraits/statistics.ts';
import { Identity, type Point } from '../../lib/index.ts';
import { randomNumbers } from '../random-numbers.ts';

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
	const random = randomNumbers(1);
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
