// Face verification: how well similarities tell pairs of one person from pairs of two.

/** Similarities of pairs, higher for more alike ones, and whether each pair is of one person. At least one pair of each kind. */
export type Pairs = Readonly<{ similarities: ArrayLike<number>; same: ArrayLike<number | boolean> }>;

/** A receiver operating characteristic: at each threshold the shares of different and of same pairs whose similarity reaches it. */
export type Roc = Readonly<{
	/** +∞, then each similarity that occurs, falling. */
	thresholds: Float64Array;
	falseAcceptRate: Float64Array;
	trueAcceptRate: Float64Array;
}>;

export function rocCurve({ similarities, same }: Pairs): Roc {
	// Typed arrays throughout: millions of pairs are usual.
	const order = Uint32Array.from({ length: similarities.length }, (_, i) => i).sort(
		(a, b) => similarities[b]! - similarities[a]!,
	);
	const positives = order.reduce((sum, i) => sum + Number(same[i]), 0);
	const negatives = order.length - positives;
	const [thresholds, falseAcceptRate, trueAcceptRate] = Array.from(
		{ length: 3 },
		() => new Float64Array(order.length + 1),
	) as [...[Float64Array, Float64Array, Float64Array]];
	thresholds[0] = Number.POSITIVE_INFINITY;
	let [accepted, right, points] = [0, 0, 1];
	for (const [place, i] of order.entries()) {
		accepted++;
		right += Number(same[i]);
		// Equal similarities are accepted together.
		const next = order[place + 1];
		if (next !== undefined && similarities[next] === similarities[i]) continue;
		thresholds[points] = similarities[i]!;
		falseAcceptRate[points] = (accepted - right) / negatives;
		trueAcceptRate[points++] = right / positives;
	}
	return {
		thresholds: thresholds.slice(0, points),
		falseAcceptRate: falseAcceptRate.slice(0, points),
		trueAcceptRate: trueAcceptRate.slice(0, points),
	};
}

/** Area under the curve: the share of pairs of pairs in which the same person's is more alike, ties counting half. */
export function areaUnder({ falseAcceptRate: x, trueAcceptRate: y }: Roc): number {
	let area = 0;
	for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2;
	return area;
}

/** Where false accepts are as many as false rejects, on straight lines between the curve's points. */
export function equalErrorRate({ falseAcceptRate, trueAcceptRate }: Roc): number {
	const excess = (i: number) => falseAcceptRate[i]! - (1 - trueAcceptRate[i]!);
	const end = falseAcceptRate.findIndex((_, i) => excess(i) >= 0);
	if (end === 0) return falseAcceptRate[0]!;
	const [before, after] = [excess(end - 1), excess(end)];
	const share = before / (before - after);
	return falseAcceptRate[end - 1]! + share * (falseAcceptRate[end]! - falseAcceptRate[end - 1]!);
}

/** The highest share of same pairs accepted at a threshold that accepts at most `target` of the different ones: TAR at FAR. */
export function trueAcceptRateAt({ falseAcceptRate, trueAcceptRate }: Roc, target: number): number {
	let best = 0;
	for (let i = 0; i < falseAcceptRate.length; i++)
		if (falseAcceptRate[i]! <= target) best = Math.max(best, trueAcceptRate[i]!);
	return best;
}

/** The same between the curve's points, as papers on LFW and IJB draw it. */
export function interpolatedTrueAcceptRateAt({ falseAcceptRate: x, trueAcceptRate: y }: Roc, target: number): number {
	const last = x.findLastIndex((rate) => rate <= target);
	if (last === x.length - 1 || x[last] === target) return y[last]!;
	return y[last]! + ((y[last + 1]! - y[last]!) * (target - x[last]!)) / (x[last + 1]! - x[last]!);
}

/** The highest share of right decisions, and the highest threshold that reaches it. */
export function bestAccuracy({ similarities, same }: Pairs): { accuracy: number; threshold: number } {
	const { thresholds, falseAcceptRate, trueAcceptRate } = rocCurve({ similarities, same });
	const positives = Array.from(same).reduce<number>((sum, one) => sum + Number(one), 0);
	const negatives = similarities.length - positives;
	let best = { right: -1, threshold: 0 };
	for (let i = 0; i < thresholds.length; i++) {
		const right = Math.round(trueAcceptRate[i]! * positives) + negatives - Math.round(falseAcceptRate[i]! * negatives);
		if (right > best.right) best = { right, threshold: thresholds[i]! };
	}
	return { accuracy: best.right / similarities.length, threshold: best.threshold };
}

const folds = 10;
/** Of the grid of thresholds, as in FaceNet's evaluation, which others took over: 0, 0.01, … 3.99 of squared distances. */
const [gridSize, gridStep] = [400, 0.01];

/**
 * Ten-fold cross-validation as on LFW: pairs fall into ten runs as they are listed; in each, the threshold is the one that is best in the
 * other nine. Thresholds are of squared distances of vectors of length 1, 2 − 2 cos, below which a pair is accepted.
 *
 * @returns mean accuracy, and accuracy and threshold of each fold
 */
export function tenFoldAccuracy({ similarities, same }: Pairs): {
	accuracy: number;
	folds: { accuracy: number; threshold: number }[];
} {
	const distances = Float64Array.from(similarities, (similarity) => 2 - 2 * similarity);
	return tenFoldAccuracyOfDistances(distances, same);
}

/** @param distances - squared, of each pair */
export function tenFoldAccuracyOfDistances(
	distances: ArrayLike<number>,
	same: ArrayLike<number | boolean>,
): ReturnType<typeof tenFoldAccuracy> {
	const n = distances.length;
	const ends = Array.from({ length: folds }, (_, k) => Math.floor(n / folds) * (k + 1) + Math.min(k + 1, n % folds));
	// Right decisions of each fold at each threshold.
	const right = ends.map((end, k) =>
		Float64Array.from({ length: gridSize }, (_, t) => {
			let sum = 0;
			for (let i = ends[k - 1] ?? 0; i < end; i++) sum += Number(distances[i]! < t * gridStep === Boolean(same[i]));
			return sum;
		}),
	);
	const results = ends.map((end, k) => {
		let best = { right: -1, at: 0 };
		for (let t = 0; t < gridSize; t++) {
			const others = right.reduce((sum, fold, other) => (other === k ? sum : sum + fold[t]!), 0);
			if (others > best.right) best = { right: others, at: t };
		}
		return { accuracy: right[k]![best.at]! / (end - (ends[k - 1] ?? 0)), threshold: best.at * gridStep };
	});
	return { accuracy: results.reduce((sum, { accuracy }) => sum + accuracy, 0) / folds, folds: results };
}
