// The search for faces in photos that are on their side, upside down or closely cropped, the choice of a face, and
// what is said about it, with detectors that see what each test needs.
import { describe, expect, test } from 'vitest';
import { bundleFolder } from '../../lib/bundle/bundle.ts';
import { chooseFace, faceWarnings } from '../../lib/faces/choice.ts';
import { type Doubt, doubtOf } from '../../lib/faces/doubt.ts';
import { type Detect, findFaces } from '../../lib/faces/search.ts';
import type { EncodedFace, Face, Point } from '../../lib/geometry.ts';
import type { Pixels } from '../../lib/photo.ts';

const embedded = doubtOf(bundleFolder('tiny'));
const official = doubtOf(bundleFolder('arc2face'));

/** A black photo with a white spot, to whose middle all coordinates are relative. */
function photoOf(width: number, height: number, [x, y]: Point, spot = 1): Pixels {
	const data = new Uint8Array(width * height * 3);
	for (let row = y; row < y + spot; row++) data.fill(255, 3 * (row * width + x), 3 * (row * width + x + spot));
	return { name: 'the photo anna.png', photo: 'anna.png', data, width, height };
}

/** The middle of the white spot. */
function spotIn({ data, width, height }: Pixels): Point {
	const at: Point[] = [];
	for (let i = 0; i < width * height; i++) if (data[3 * i]! > 200) at.push([i % width, Math.floor(i / width)]);
	const mean = (k: 0 | 1) => at.reduce((sum, point) => sum + point[k], 0) / at.length;
	return [mean(0), mean(1)];
}

/** A face whose nose is at the spot, and whose box goes right and down from it; one score for each look in turn, 0 for none. */
function detector(scores: readonly number[], views: Pixels[] = []): Detect {
	return async (view) => {
		const score = scores[views.push(view) - 1] ?? 0;
		const [x, y] = spotIn(view);
		const face = {
			box: { x, y, width: 10, height: 20 },
			keypoints: Array<Point>(5).fill([x, y]),
			score,
			rotation: 0,
		} as const;
		return score === 0 ? [] : [face];
	};
}

describe('the photo is looked at', () => {
	const photo = photoOf(40, 30, [7, 11]);
	const looks = async (scores: readonly number[], doubt: Doubt) => {
		const views: Pixels[] = [];
		const { faces, withBorder } = await findFaces(photo, 640, detector(scores, views), doubt);
		return { looks: views.length, rotation: faces[0]?.rotation, score: faces[0]?.score, withBorder };
	};

	describe.each([
		['embedded', embedded],
		['official', official],
	])('by the %s bundle', (_, doubt) => {
		test.each<[string, number[], object]>([
			['once, if a face is sure', [0.95], { looks: 1, rotation: 0, score: 0.95, withBorder: false }],
			['turned, if none is found', [0, 0, 0.8, 0], { looks: 4, rotation: 180, score: 0.8, withBorder: false }],
			['with a border, if that is not it', [0, 0, 0, 0, 0.7], { looks: 5, rotation: 0, score: 0.7, withBorder: true }],
			['and has no face', [], { looks: 5, rotation: undefined, score: undefined, withBorder: true }],
		])('%s', async (_, scores, expected) => {
			expect(await looks(scores, doubt)).toEqual(expected);
		});
	});

	test('by the embedded bundle also turned, if a face is not sure, and stays as it is, unless turned it is surer', async () => {
		const expected = { looks: 4, rotation: 0, score: 0.6, withBorder: false };
		expect(await looks([0.6, 0.5, 0.6, 0], embedded)).toEqual(expected);
	});

	test.each([0.92, 0.75, 0.5])('by the official bundle once, for a face with a score of %f', async (score) => {
		const expected = { looks: 1, rotation: 0, score, withBorder: false };
		expect(await looks([score, 0.95, 0.95, 0.95], official)).toEqual(expected);
	});

	test('by a detector that fails, no further', async () => {
		let looks = 0;
		const failing: Detect = async () => {
			looks++;
			throw new Error('stopped');
		};
		await expect(findFaces(photo, 640, failing, embedded)).rejects.toThrow('stopped');
		expect(looks).toBe(1);
	});
});

describe('what is found turned or with a border is told in pixels of the photo', () => {
	const looks: readonly [string, number[], box: [number, number, number, number]][] = [
		['by 90°', [0, 1], [0, -10, 20, 10]],
		['by 180°', [0, 0, 1], [-10, -20, 10, 20]],
		['by 270°', [0, 0, 0, 1], [-20, 0, 20, 10]],
		['with a border', [0, 0, 0, 0, 1], [0, 0, 10, 20]],
	];

	test.each(looks)('%s', async (_, scores, [x, y, width, height]) => {
		const { faces } = await findFaces(photoOf(40, 30, [17, 21]), 640, detector(scores), embedded);
		expect(faces).toHaveLength(1);
		expect(faces[0]!.keypoints).toEqual(Array(5).fill([17, 21]));
		expect(faces[0]!.box).toEqual({ x: 17 + x, y: 21 + y, width, height });
	});

	test.each(looks)('%s, of a photo that is larger than what the detector looks at', async (_, scores) => {
		const views: Pixels[] = [];
		const { faces } = await findFaces(photoOf(800, 600, [300, 420], 30), 160, detector(scores, views), embedded);
		// Copies need no more pixels than the detector sees.
		for (const { width, height } of views.slice(1)) expect(Math.max(width, height)).toBeLessThanOrEqual(160);
		const [x, y] = faces[0]!.keypoints[0]!;
		// One pixel of the copy is 5 to 10 of the photo.
		expect(Math.abs(x - 314.5)).toBeLessThanOrEqual(10);
		expect(Math.abs(y - 434.5)).toBeLessThanOrEqual(10);
	});
});

describe('in a group photo with one face upside down', () => {
	const at = (x: number, score: number): Face => ({
		box: { x, y: 10, width: 20, height: 20 },
		keypoints: Array<Point>(5).fill([x, 10]),
		score,
		rotation: 0,
	});
	const group = photoOf(100, 40, [0, 0]);
	/** Where a face at `x` is in the photo turned by 180°, whose pixels go from 0 to 99. */
	const mirrored = (x: number) => 99 - 20 - x;
	const placesIn = async (views: readonly Face[][], doubt: Doubt) => {
		let looks = 0;
		const { faces } = await findFaces(group, 640, async () => views[looks++] ?? [], doubt);
		return faces.map(({ box, score, rotation }) => [Math.round(box.x), score, rotation]).sort(([a], [b]) => a! - b!);
	};
	const upsideDown = [at(mirrored(70), 0.96), at(mirrored(0), 0.55)];

	test('the upright ones stay, doubtful ones too, and a surer turned one comes along', async () => {
		expect(await placesIn([[at(0, 0.92), at(35, 0.6)], [], upsideDown], embedded)).toEqual([
			[0, 0.92, 0],
			[35, 0.6, 0],
			[70, 0.96, 180],
		]);
	});

	test('what was seen upright in the place of a surer turned one goes', async () => {
		expect(await placesIn([[at(0, 0.92), at(72, 0.7)], [], upsideDown], embedded)).toEqual([
			[0, 0.92, 0],
			[70, 0.96, 180],
		]);
	});

	test('sure upright ones are all that is found', async () => {
		const upright = [at(0, 0.94), at(35, 0.6)];
		expect(await placesIn([upright, [], upsideDown], embedded)).toEqual([
			[0, 0.94, 0],
			[35, 0.6, 0],
		]);
	});

	test('so are any that the official bundle finds', async () => {
		const upright = [at(0, 0.75), at(35, 0.5)];
		expect(await placesIn([upright, [], upsideDown], official)).toEqual([
			[0, 0.75, 0],
			[35, 0.5, 0],
		]);
	});
});

const box = { x: 20, y: 20, width: 50, height: 60 };
const face: Face = { box, keypoints: Array<Point>(5).fill([1, 2]), score: 0.9, rotation: 0 };
const photo = photoOf(100, 100, [0, 0]);

describe('the face that is taken', () => {
	const found = (count: number) => ({ faces: Array<Face>(count).fill(face), withBorder: false });

	test('tells its place among the others', () => {
		expect(chooseFace(found(3), undefined, photo)).toEqual({ ...face, index: 0, count: 3 });
		expect(chooseFace(found(3), 2, photo)).toMatchObject({ index: 2, count: 3 });
		expect(chooseFace(found(1), 'only', photo)).toMatchObject({ index: 0, count: 1 });
	});

	test.each([
		['none', 0, undefined, 'NO_FACE', /^Found no face in the photo anna\.png \(100 × 100 pixels\)/, /detectionSize/],
		['too few', 2, 5, 'NO_FACE', /at least 6 faces in the photo anna\.png.* but found 2\./, /from 0 to 1/],
		[
			'too many',
			3,
			'only',
			'INVALID_ARGUMENT',
			/one face in the photo anna\.png.* but found 3\./,
			/"largest".* 2, for/,
		],
	] as const)('is missing: %s', (_, count, choice, code, problem, remedy) => {
		expect(() => chooseFace(found(count), choice, photo)).toThrow(
			expect.objectContaining({ code, problem: expect.stringMatching(problem), remedy: expect.stringMatching(remedy) }),
		);
	});
});

describe('warnings', () => {
	const usual = { chosen: false, withBorder: false };
	const codes = (face: EncodedFace, how = usual) => faceWarnings(face, photo, how).map(({ code }) => code);

	test('there are none of a good face, nor of keypoints alone', () => {
		expect(codes({ ...face, index: 0, count: 1 })).toEqual([]);
		expect(codes({ keypoints: face.keypoints })).toEqual([]);
	});

	test.each<[string, string, EncodedFace, typeof usual?]>([
		['a low score', 'UNSURE_FACE', { ...face, score: 0.69 }],
		['few pixels', 'SMALL_FACE', { ...face, box: { ...box, width: 31 } }],
		['a turned photo', 'TURNED_FACE', { ...face, rotation: 90 }],
		['a border that was needed', 'CUT_FACE', face, { chosen: false, withBorder: true }],
		['the left edge', 'CUT_FACE', { ...face, box: { ...box, x: -3 } }],
		['the lower edge', 'CUT_FACE', { ...face, box: { ...box, y: 39 } }],
		['several faces', 'SEVERAL_FACES', { ...face, index: 0, count: 2 }],
	])('%s', (_, code, face, how) => {
		expect(codes(face, how)).toEqual([code]);
	});

	test('not of several faces, where one was chosen', () => {
		expect(codes({ ...face, index: 0, count: 2 }, { chosen: true, withBorder: false })).toEqual([]);
	});

	test('name the photo', () => {
		const [warning] = faceWarnings({ ...face, index: 0, count: 4 }, photo, usual);
		expect(warning!.message).toMatch(/^There are 4 faces in the photo anna\.png, of which the largest was taken\./);
	});
});
