// The figures of evaluation, against the implementations that papers use.
import { describe, expect, test } from 'vitest';
import { meanDistances, vendiScore } from '../../lib/evaluation/diversity.ts';
import { frechetDistance } from '../../lib/evaluation/frechet.ts';
import { biasedKernelDistance, kernelDistance, kernelDistances } from '../../lib/evaluation/kernel-distance.ts';
import { Moments } from '../../lib/evaluation/moments.ts';
import { neighbourDistances, precisionRecall } from '../../lib/evaluation/precision-recall.ts';
import { count, row, type Vectors } from '../../lib/evaluation/vectors.ts';
import {
	areaUnder,
	bestAccuracy,
	equalErrorRate,
	interpolatedTrueAcceptRateAt,
	rocCurve,
	tenFoldAccuracyOfDistances,
	trueAcceptRateAt,
} from '../../lib/evaluation/verification.ts';
import { maxAbsError, readGolden } from '../golden.ts';

const features = readGolden('metrics/features');
const verification = readGolden('metrics/verification');

function vectorsOf(name: string): Vectors {
	const { data, shape } = features.tensor(`${name}/x`);
	return { data: data as Float32Array, length: shape[1]! };
}

function momentsOf(vectors: Vectors): Moments {
	return Moments.of(Array.from({ length: count(vectors) }, (_, i) => row(vectors, i)));
}

/** Relative to the largest of what is expected. */
function expectNear(got: ArrayLike<number>, expected: ArrayLike<number>, rtol: number) {
	const largest = Math.max(...Array.from(expected, Math.abs));
	expect(maxAbsError(got, expected)).toBeLessThanOrEqual(rtol * largest);
}

describe('of one set of vectors', () => {
	test.each(features.cases(11, 'set'))('$name', ({ name, n, d, tensors, rtol, ...figures }) => {
		const vectors = vectorsOf(name);
		expect([count(vectors), vectors.length]).toEqual([n, d]);
		const moments = momentsOf(vectors);
		expectNear(moments.mean, features.floats(tensors.mean!), rtol);
		expectNear(moments.covariance(), features.floats(tensors.cov!), rtol);
		expectNear(neighbourDistances(vectors), features.floats(tensors.radii!), rtol);
		expectNear([vendiScore(vectors)], [figures.vendi], rtol);
		const { euclidean, cosine } = meanDistances(vectors);
		expectNear([euclidean, cosine], [figures.mean_distance, figures.mean_cosine_distance], rtol);
	});
});

describe('of two sets of vectors', () => {
	test.each(features.cases(10, 'pair'))('$name', ({ a, b, tensors, ...figures }) => {
		const [first, second] = [vectorsOf(a), vectorsOf(b)];
		const distance = frechetDistance(momentsOf(first), momentsOf(second));
		expect(Math.abs(distance - figures.fid_reference)).toBeLessThanOrEqual(figures.fid_atol);
		const near = (got: number, expected: number) =>
			expect(Math.abs(got - expected)).toBeLessThanOrEqual(figures.kid_atol);
		near(kernelDistance(first, second), figures.kid_unbiased);
		near(biasedKernelDistance(first, second), figures.kid_biased);
		const rowsOf = (key: string) => {
			const { data, shape } = features.tensor(tensors[key]!);
			const [subsets, size] = shape as [number, number];
			return Array.from({ length: subsets }, (_, i) => (data as Int32Array).subarray(i * size, (i + 1) * size));
		};
		const [rowsOfA, rowsOfB] = [rowsOf('kid_a'), rowsOf('kid_b')];
		const subsets = rowsOfA.map((rows, i) => ({ a: rows, b: rowsOfB[i]! }));
		const { mean, std, values } = kernelDistances(first, second, subsets);
		near(maxAbsError(values, features.floats(tensors.kid_values!)), 0);
		near(mean, figures.kid_mean);
		near(std, figures.kid_std);
		if (figures.precision === undefined) return expect(a).toBe(b);
		expect(precisionRecall(first, second)).toEqual({ precision: figures.precision, recall: figures.recall });
	});
});

describe('of verification', () => {
	const targets = [0.1, 0.01, 0.001, 0.0001];
	test.each(verification.cases(7))('$name', ({ kind, tensors, atol, ...figures }) => {
		const pairs = {
			similarities: verification.floats(tensors.scores!),
			same: verification.tensor(tensors.labels!).data as Uint8Array,
		};
		const roc = rocCurve(pairs);
		expect([...roc.thresholds]).toEqual([Number.POSITIVE_INFINITY, ...verification.floats(tensors.thresholds!)]);
		const near = (got: ArrayLike<number>, expected: ArrayLike<number>) =>
			expect(maxAbsError(got, expected)).toBeLessThanOrEqual(atol);
		near(roc.falseAcceptRate, verification.floats(tensors.fpr!));
		near(roc.trueAcceptRate, verification.floats(tensors.tpr!));
		near([areaUnder(roc), equalErrorRate(roc)], [figures.auc, figures.eer]);
		near(
			targets.map((target) => trueAcceptRateAt(roc, target)),
			verification.floats(tensors.tar_step!),
		);
		near(
			targets.map((target) => interpolatedTrueAcceptRateAt(roc, target)),
			verification.floats(tensors.tar_interpolated!),
		);
		const { accuracy, threshold } = bestAccuracy(pairs);
		near([accuracy], [figures.best_accuracy]);
		expect(threshold).toBe(figures.best_threshold === 'inf' ? Number.POSITIVE_INFINITY : figures.best_threshold);
		if (kind !== 'folds') return expect(kind).toBe('curve');
		const ten = tenFoldAccuracyOfDistances(verification.floats(tensors.distances!), pairs.same);
		near([ten.accuracy], [figures.mean_accuracy]);
		near(
			ten.folds.map((fold) => fold.accuracy),
			verification.floats(tensors.fold_accuracy!),
		);
		near(
			ten.folds.map((fold) => fold.threshold),
			verification.floats(tensors.fold_threshold!),
		);
	});
});
