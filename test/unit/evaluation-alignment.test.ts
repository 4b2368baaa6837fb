// Faces cut out of photos for comparison: where FFHQ cuts them, and with nearly its pixels.
import { describe, expect, test } from 'vitest';
import { cutFace, cutSquare, stretched } from '../../lib/evaluation/alignment.ts';
import { featuresOfLandmarks, ffhqSquare } from '../../lib/faces/ffhq.ts';
import type { Point } from '../../lib/geometry.ts';
import type { Pixels } from '../../lib/photo.ts';
import { readGolden } from '../golden.ts';
import { astronaut } from '../photo.ts';

const golden = readGolden('faces/ffhq'); // how it was recorded: test/golden/README.md
const photo: Pixels = { ...(await astronaut()), name: 'the photo', photo: 'astronaut' };
const pointsOf = (numbers: ArrayLike<number>): Point[] =>
	Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);

describe.each(golden.cases(6))("upstream's $name", (one) => {
	const side: number = one.output_size;
	const square = ffhqSquare(featuresOfLandmarks(pointsOf(golden.floats(one.tensors.landmarks!))));
	const whole = one.tensors.image !== undefined;
	const expected = golden.tensor(whole ? one.tensors.image! : one.tensors.image_rows!).data as Uint8Array;
	const rows: number[] = whole ? Array.from({ length: side }, (_, row) => row) : one.rows;

	/** Mean difference in levels, of the middle third, which no padding and no blur reaches; the square moved by a share of a pixel of the cut. */
	async function difference(right: number, down: number): Promise<number> {
		const pixel = Math.hypot(square[6]! - square[0]!, square[7]! - square[1]!) / side;
		const moved = square.map((value, i) => value + pixel * (i % 2 === 0 ? right : down));
		const cut = await cutSquare(photo, moved, side);
		expect([cut.width, cut.height]).toEqual([side, side]);
		const differences = rows.flatMap((row, at) => {
			if (row < side / 3 || row >= (2 * side) / 3) return [];
			const from = 3 * Math.floor(side / 3);
			return Array.from({ length: from }, (_, k) => {
				return Math.abs(cut.data[3 * side * row + from + k]! - expected[3 * side * at + from + k]!);
			});
		});
		expect(differences.length).toBeGreaterThan(0);
		return differences.reduce((sum, value) => sum + value, 0) / differences.length;
	}

	test('is cut in the same place', async () => {
		const own = await difference(0, 0);
		// Upstream shrinks by whole numbers and samples by lines between pixels; this, by any number and a cubic, is a little sharper.
		expect(own).toBeLessThan(4.5);
		for (const [right, down] of [
			[0.5, 0],
			[-0.5, 0],
			[0, 0.5],
			[0, -0.5],
		] as const) {
			expect(await difference(right, down), `${right}, ${down}`).toBeGreaterThan(own);
		}
	});
});

/** A ramp: red is x, green is y. */
function ramp(width: number, height: number): Pixels {
	const data = new Uint8Array(3 * width * height);
	for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 0], 3 * (y * width + x));
	return { data, width, height, name: 'a ramp', photo: 'ramp' };
}

describe('a square', () => {
	const at = ({ data, width }: Pixels, x: number, y: number) => [
		...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 2),
	];

	test('of the photo’s own pixels comes out unchanged', async () => {
		const cut = await cutSquare(ramp(100, 80), Float64Array.of(9.5, 19.5, 9.5, 49.5, 39.5, 49.5, 39.5, 19.5), 30);
		expect([at(cut, 0, 0), at(cut, 29, 0), at(cut, 0, 29)]).toEqual([
			[10, 20],
			[39, 20],
			[10, 49],
		]);
	});

	test('that is turned by 90° is turned upright', async () => {
		const cut = await cutSquare(ramp(100, 80), Float64Array.of(39.5, 19.5, 9.5, 19.5, 9.5, 49.5, 39.5, 49.5), 30);
		expect([at(cut, 0, 0), at(cut, 29, 0), at(cut, 0, 29)]).toEqual([
			[39, 20],
			[39, 49],
			[10, 20],
		]);
	});

	test('beyond the edge mirrors the photo, however far it goes', async () => {
		const cut = await cutSquare(ramp(20, 20), Float64Array.of(-30.5, -0.5, -30.5, 59.5, 29.5, 59.5, 29.5, -0.5), 60);
		expect([29, 30, 10, 9, 8, 50].map((x) => at(cut, x, 0)[0])).toEqual([0, 0, 19, 19, 18, 19]);
		expect(at(cut, 30, 40)[1]).toBe(0);
	});

	test('that is larger is shrunk without aliases: fine stripes become grey', async () => {
		const stripes = ramp(256, 256);
		for (let i = 0; i < stripes.data.length; i += 3) stripes.data.fill((i / 3) % 2 === 0 ? 0 : 200, i, i + 3);
		const cut = await cutSquare(stripes, Float64Array.of(-0.5, -0.5, -0.5, 255.5, 255.5, 255.5, 255.5, -0.5), 64);
		const inner = Array.from({ length: 48 }, (_, x) => at(cut, 8 + x, 32)[0]!);
		for (const level of inner) expect(Math.abs(level - 100)).toBeLessThanOrEqual(3);
	});

	test('of a small face is enlarged', async () => {
		const cut = await cutFace(
			ramp(60, 60),
			[
				[25, 25],
				[35, 25],
				[30, 30],
				[26, 35],
				[34, 35],
			],
			128,
		);
		expect([cut.width, cut.height]).toEqual([128, 128]);
		// FFHQ's square: its middle a tenth of the way from the eyes to the mouth, its side four times the distance of the eyes.
		const [x, y] = at(cut, 64, 64);
		expect(Math.abs(x! - 30)).toBeLessThanOrEqual(1);
		expect(Math.abs(y! - 26)).toBeLessThanOrEqual(1);
	});
});

test('an image of another size is stretched, one of that size left alone', async () => {
	const image = ramp(40, 40);
	expect(await stretched(image, 40)).toBe(image);
	expect(await stretched(image, 20)).toMatchObject({ width: 20, height: 20, data: { length: 1200 } });
});
