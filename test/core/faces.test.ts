// Face alignment and decoding of the detector's outputs, against insightface.
import { describe, expect, test } from 'vitest';
import { exactly, maxAbsError, readGolden } from '../golden.ts';
import { type DetectorLevel, inside, type Letterbox } from '../inside.ts';

const alignments = readGolden('faces/align'); // insightface's estimate_norm; how it was recorded: test/golden/README.md
const detections = readGolden('faces/detect'); // insightface's SCRFD.detect
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

const template = [38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041];

describe('estimateAlignment', () => {
	test.each(alignments.named(2))('equals insightface: %s', (name, { accuracy, tensors }) => {
		const { atol_linear, atol_translation } = accuracy as unknown as Record<string, number>;
		const points = alignments.tensor(tensors.landmarks!);
		const sets = Array.from({ length: points.shape[0]! }, (_, i) =>
			Float32Array.from(points.data.subarray(10 * i, 10 * i + 10) as Float32Array),
		);
		exactly(name === 'random' ? 20 : 2, sets, `sets of keypoints in ${name}`);
		for (const [field, size] of [
			['M112', 112],
			['M112_f64', 112],
			['M128', 128],
		] as const) {
			const expected = alignments.floats(tensors[field]!);
			sets.forEach((keypoints, i) => {
				const matrix = inside.estimateAlignment(keypoints, size);
				const recorded = expected.subarray(6 * i, 6 * i + 6);
				const linear = [0, 1, 3, 4];
				const pick = (from: ArrayLike<number>, at: number[]) => at.map((k) => from[k]!);
				// 20 times the distance of upstream's float32 from its float64.
				expect(maxAbsError(pick(matrix, linear), pick(recorded, linear)), `${field}, set ${i}`).toBeLessThanOrEqual(
					atol_linear!,
				);
				expect(maxAbsError(pick(matrix, [2, 5]), pick(recorded, [2, 5])), `${field}, set ${i}`).toBeLessThanOrEqual(
					atol_translation!,
				);
			});
		}
	});

	test('is the identity for the template itself, scaled for multiples of 112 and shifted for 128', () => {
		const keypoints = Float32Array.from(template);
		// The template is float32, of numbers up to 92: 4e-6 of rounding, no more after the means.
		expect(maxAbsError(inside.estimateAlignment(keypoints, 112), [1, 0, 0, 0, 1, 0])).toBeLessThanOrEqual(1e-5);
		expect(maxAbsError(inside.estimateAlignment(keypoints, 224), [2, 0, 0, 0, 2, 0])).toBeLessThanOrEqual(1e-5);
		expect(maxAbsError(inside.estimateAlignment(keypoints, 128), [1, 0, 8, 0, 1, 0])).toBeLessThanOrEqual(1e-5);
		expect(maxAbsError(inside.estimateAlignment(keypoints, 256), [2, 0, 16, 0, 2, 0])).toBeLessThanOrEqual(1e-5);
	});

	test.each([
		['one point five times', Array(10).fill(0.1)],
		['NaN', [...template.slice(0, 9), Number.NaN]],
		['infinity', [Number.POSITIVE_INFINITY, ...template.slice(1)]],
	])('refuses %s', (_, keypoints) => {
		expect(() => inside.estimateAlignment(Float32Array.from(keypoints), 112)).toThrow(invalid);
	});

	test.each([0, -112, 100, 113])('refuses a crop of %d pixels', (size) => {
		expect(() => inside.estimateAlignment(Float32Array.from(template), size)).toThrow(
			/Expected a multiple of 112 or 128 .* but received/,
		);
	});
});

/** Boxes, keypoints and score of each face as one row of 15 numbers. */
const rowsOf = (boxes: ArrayLike<number>, keypoints: ArrayLike<number>, scores: ArrayLike<number>) =>
	Array.from(scores, (score, i) => [
		...Array.from({ length: 4 }, (_, k) => boxes[4 * i + k]!),
		...Array.from({ length: 10 }, (_, k) => keypoints[10 * i + k]!),
		score,
	]);
const area = ([x1, y1, x2, y2]: number[]) => (x2! - x1!) * (y2! - y1!);

describe('decodeDetections', () => {
	test.each(detections.named(2))('finds the faces that insightface finds: %s', (_, recorded) => {
		const { det_size, photo_rect, largest_face_index, atol, tensors } = recorded;
		const fit = inside.fitPhoto(photo_rect[2], photo_rect[3], det_size[0], det_size[1]);
		const head = (i: number) => detections.floats(tensors[`head_${i}`]!) as Float32Array;
		const levels = [8, 16, 32].map((stride, i) => ({
			stride,
			scores: head(i),
			boxes: head(i + 3),
			keypoints: head(i + 6),
		}));
		const { boxes, keypoints, scores } = inside.decodeDetections(levels, fit, 0.5);
		const faces = rowsOf(boxes, keypoints, scores);

		const det = detections.floats(tensors.det!);
		const everyFifth = Array.from(det).filter((_, i) => i % 5 === 4);
		const expected = rowsOf(
			Array.from(det).filter((_, i) => i % 5 !== 4),
			detections.floats(tensors.kps!),
			everyFifth,
		);
		expect(expected).toHaveLength(recorded.kept);
		expect(faces).toHaveLength(recorded.kept);
		// Ours are sorted by area, insightface's by score.
		expect(maxAbsError(faces[0]!, expected[largest_face_index]!)).toBeLessThanOrEqual(atol);
		const byScore = faces.toSorted((a, b) => b[14]! - a[14]!);
		expect(maxAbsError(byScore.flat(), expected.flat())).toBeLessThanOrEqual(atol);
		expect(faces).toEqual(faces.toSorted((a, b) => area(b) - area(a)));
	});

	/** One stride of 32 on 64 x 64: 4 cells, 8 anchors, all silent except the given ones. */
	const fit: Letterbox = { inputWidth: 64, inputHeight: 64, resizedWidth: 64, resizedHeight: 64, scale: 1 };
	function level(anchors: Record<number, { score: number; box: number[] }>): DetectorLevel {
		const made = {
			stride: 32,
			scores: new Float32Array(8),
			boxes: new Float32Array(32),
			keypoints: new Float32Array(80),
		};
		for (const [anchor, { score, box }] of Object.entries(anchors)) {
			made.scores[+anchor] = score;
			made.boxes.set(box, 4 * +anchor);
		}
		return made;
	}

	test('keeps a score of exactly the threshold, and none below', () => {
		const box = [0, 0, 0.5, 0.5];
		const found = inside.decodeDetections([level({ 0: { score: 0.5, box }, 6: { score: 0.499, box } })], fit, 0.5);
		expect(Array.from(found.scores)).toEqual([0.5]);
	});

	test('places two anchors in each cell, at multiples of the stride', () => {
		const found = inside.decodeDetections([level({ 7: { score: 1, box: [0.25, 0.5, 0.25, 0.5] } })], fit, 0.5);
		expect(Array.from(found.boxes)).toEqual([24, 16, 40, 48]);
		expect(Array.from(found.keypoints)).toEqual(Array(10).fill(32));
	});

	test('suppresses what overlaps a better box by more than 0.4, counting both end pixels', () => {
		// 10 x 10 pixels, ends included, and the same moved right: by 4, 60 of 140 are shared (0.43); by 5, 50 of 150 (0.33).
		const moved = (pixels: number) => [-pixels / 32, 0, (9 + pixels) / 32, 9 / 32];
		const pair = (pixels: number) =>
			inside.decodeDetections(
				[level({ 0: { score: 0.6, box: moved(pixels) }, 1: { score: 0.9, box: moved(0) } })],
				fit,
				0.5,
			);
		expect(Array.from(pair(4).scores)).toEqual([Math.fround(0.9)]);
		expect(pair(5).scores).toHaveLength(2);
	});

	test('gives nothing for silent, NaN or infinite outputs, and no level', () => {
		const broken = level({ 0: { score: Number.NaN, box: [0, 0, 1, 1] }, 2: { score: 1, box: [Number.NaN, 0, 1, 1] } });
		expect(inside.decodeDetections([broken], fit, 0.5).scores).toHaveLength(0);
		expect(
			inside.decodeDetections([level({ 4: { score: 1, box: [0, 0, Number.POSITIVE_INFINITY, 1] } })], fit, 0.5).scores,
		).toHaveLength(0);
		expect(inside.decodeDetections([], fit, 0.5).scores).toHaveLength(0);
	});

	test('refuses a stride, a scale and a length that do not fit', () => {
		expect(() => inside.decodeDetections([{ ...level({}), stride: 0 }], fit, 0.5)).toThrow(invalid);
		expect(() => inside.decodeDetections([level({})], { ...fit, scale: 0 }, 0.5)).toThrow(invalid);
		expect(() => inside.decodeDetections([level({})], { ...fit, scale: Number.NaN }, 0.5)).toThrow(invalid);
		expect(() => inside.decodeDetections([level({})], { ...fit, inputWidth: 96 }, 0.5)).toThrow(invalid);
	});
});
