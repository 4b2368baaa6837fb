// How well portraits stand in for photos of the same people when faces are verified.
import { bootstrapIntervals } from './bootstrap.ts';
import type { Evidence, Figure } from './evidence.ts';
import { balanced, mostPairs, type PortraitPairs, pairUp } from './pairs.ts';
import { areaUnder, equalErrorRate, type Roc, rocCurve, tenFoldAccuracy, trueAcceptRateAt } from './verification.ts';

/** Rates of false accepts at which true ones are told. */
export const farTargets = [1e-1, 1e-2, 1e-3] as const;
/** A rate of which fewer false accepts tell is a matter of chance. */
const leastAccepts = 10;
const folds = 10;
/** Points of the curve that reports keep. */
const mostPoints = 200;

export type VerificationName =
	| 'accuracy'
	| 'eer'
	| 'auc'
	| 'tarAtFarTenth'
	| 'tarAtFarHundredth'
	| 'tarAtFarThousandth';

export type Verification = Readonly<{
	figures: Readonly<Record<VerificationName, Figure>>;
	/** Points of the curve, from the strictest threshold; thinned out where there are many. */
	roc: Readonly<Record<'threshold' | 'falseAcceptRate' | 'trueAcceptRate', readonly number[]>>;
	pairs: Readonly<Record<'genuine' | 'impostor', Readonly<{ counted: number; all: number }>>>;
	/** Of pairs of two people. */
	impostors: Float64Array;
}>;

/** Of pairs of a portrait and a photo, each with a face; undefined where there is none of one kind. */
export function verify(evidence: Evidence, most = mostPairs): Verification | undefined {
	const pairs = pairUp(evidence, most);
	const { similarities, genuine, all } = pairs;
	const impostor = similarities.length - genuine;
	if (genuine === 0 || impostor === 0) return undefined;
	const same = new Uint8Array(similarities.length).fill(1, 0, genuine);
	const roc = rocCurve({ similarities, same });
	const eer = equalErrorRate(roc);
	const intervals = rocIntervals(evidence, pairs);
	const sample = `${genuine} pairs of a portrait and a photo of one person, ${impostor} of two`;
	const figure = (value: number, k: number, warnings: readonly string[] = []): Figure => ({
		...{ value, interval: intervals[k] ?? null, sample, warnings },
		...(intervals[k] && { intervalBy: 'bootstrap over people' }),
	});
	const tars = farTargets.map((far, k): Figure => {
		const accepts = Math.floor(far * impostor);
		if (accepts < 1) {
			const missing = `That rate takes at least ${Math.ceil(1 / far)} pairs of two people; there are ${impostor}.`;
			return { value: null, interval: null, sample, missing, warnings: [] };
		}
		const few = `Of ${impostor} pairs of two people this rate lets ${accepts} pass: so few that chance decides.`;
		return figure(trueAcceptRateAt(roc, far), 2 + k, accepts < leastAccepts ? [few] : []);
	});
	return {
		figures: {
			accuracy: accuracyFigure(evidence, pairs, eer),
			eer: figure(eer, 0),
			auc: figure(areaUnder(roc), 1),
			tarAtFarTenth: tars[0]!,
			tarAtFarHundredth: tars[1]!,
			tarAtFarThousandth: tars[2]!,
		},
		roc: thinned(roc),
		pairs: {
			genuine: { counted: genuine, all: all.genuine },
			impostor: { counted: impostor, all: all.impostor },
		},
		impostors: similarities.subarray(genuine),
	};
}

/** LFW's protocol on as many pairs of each kind. The interval counts right decisions, by thresholds that stay as they are. */
function accuracyFigure(evidence: Evidence, pairs: PortraitPairs, eer: number): Figure {
	const chosen = balanced(pairs, evidence);
	const sample = `${chosen.length / 2} pairs of one person, as many of two`;
	if (chosen.length < 2 * folds) {
		return {
			value: null,
			interval: null,
			sample,
			missing: `Ten folds take at least ${2 * folds} pairs.`,
			warnings: [],
		};
	}
	const similarities = Float64Array.from(chosen, (pair) => pairs.similarities[pair]!);
	const same = Uint8Array.from(chosen, (pair) => Number(pair < pairs.genuine));
	const { accuracy, folds: results } = tenFoldAccuracy({ similarities, same });
	const [right, counted] = [new Float64Array(evidence.people), new Float64Array(evidence.people)];
	const share = Math.floor(chosen.length / folds);
	const longer = chosen.length % folds;
	for (const [at, pair] of chosen.entries()) {
		const inLonger = Math.min(longer, Math.floor(at / (share + 1)));
		const fold = inLonger < longer ? inLonger : longer + Math.floor((at - longer * (share + 1)) / share);
		const accepted = 2 - 2 * similarities[at]! < results[fold]!.threshold;
		right[pairs.portraitOf[pair]!]! += Number(accepted === (same[at] === 1));
		counted[pairs.portraitOf[pair]!]!++;
	}
	const [interval] = bootstrapIntervals(
		evidence.people,
		(drawn) => {
			let [hits, all] = [0, 0];
			for (const [person, times] of drawn.entries()) {
				hits += times * right[person]!;
				all += times * counted[person]!;
			}
			return [hits / all];
		},
		{ seed: evidence.seed },
	);
	// One threshold for all pairs reaches at least what that of the equal error rate does.
	const chosenElsewhere =
		'Each fold is judged by the threshold of the other nine, so that it is below what one threshold for all pairs would reach.';
	const few = `A fold has ${share} pairs: one decision is worth ${(100 / share).toFixed(1)} % of its accuracy.`;
	return {
		...{ value: accuracy, interval: interval ?? null, sample },
		...(interval && { intervalBy: 'bootstrap over people, thresholds held' }),
		warnings: [...(accuracy < 1 - eer ? [chosenElsewhere] : []), ...(share < 100 ? [few] : [])],
	};
}

/** Of equal error rate, area and the true accepts: each person counts as often as drawn, on either side of a pair. */
function rocIntervals({ people, seed }: Evidence, { similarities, genuine, portraitOf, photoOf }: PortraitPairs) {
	const order = Uint32Array.from({ length: similarities.length }, (_, i) => i).sort(
		(a, b) => similarities[b]! - similarities[a]!,
	);
	const sorted = (of: Int32Array) => Int32Array.from(order, (pair) => of[pair]!);
	const [own, other] = [sorted(portraitOf), sorted(photoOf)];
	const isLast = Uint8Array.from(order, (pair, at) => Number(similarities[pair] !== similarities[order[at + 1] ?? -1]));
	const same = Uint8Array.from(order, (pair) => Number(pair < genuine));
	return bootstrapIntervals(people, (drawn) => weightedRates({ own, other, same, isLast }, drawn), { seed });
}

type Ordered = Readonly<{
	/** Whose portrait and whose photo, from the most alike. */
	own: Int32Array;
	other: Int32Array;
	same: Uint8Array;
	/** 0 where the next pair is as alike. */
	isLast: Uint8Array;
}>;

/**
 * Equal error rate, area and true accepts at {@link farTargets}, by the definitions of `verification.ts`. Copies of one person, drawn more than
 * once, make no pairs of two.
 */
export function weightedRates({ own, other, same, isLast }: Ordered, drawn: ArrayLike<number>): number[] {
	let [positives, negatives] = [0, 0];
	for (let i = 0; i < own.length; i++) {
		if (same[i] === 1) positives += drawn[own[i]!]!;
		else negatives += drawn[own[i]!]! * drawn[other[i]!]!;
	}
	if (positives * negatives === 0) return Array(2 + farTargets.length).fill(Number.NaN);
	let [accepted, wrong, area] = [0, 0, 0];
	let [lastFar, lastTar] = [0, 0];
	let eer = Number.NaN;
	const tars = farTargets.map(() => 0);
	for (let i = 0; i < own.length; i++) {
		if (same[i] === 1) accepted += drawn[own[i]!]!;
		else wrong += drawn[own[i]!]! * drawn[other[i]!]!;
		if (isLast[i] === 0) continue;
		const [far, tar] = [wrong / negatives, accepted / positives];
		area += ((far - lastFar) * (tar + lastTar)) / 2;
		for (let k = 0; k < farTargets.length; k++) if (far <= farTargets[k]!) tars[k] = tar;
		const [before, after] = [lastFar - (1 - lastTar), far - (1 - tar)];
		if (Number.isNaN(eer) && after >= 0) eer = lastFar + (before / (before - after)) * (far - lastFar);
		[lastFar, lastTar] = [far, tar];
	}
	return [eer, area, ...tars];
}

function thinned({ thresholds, falseAcceptRate, trueAcceptRate }: Roc): Verification['roc'] {
	const last = thresholds.length - 1;
	// By true and by false accepts, both of which have long flat stretches.
	const kept = new Set([1, last]);
	let [far, tar] = [0, 0];
	for (let i = 1; i <= last; i++) {
		const isFarther = falseAcceptRate[i]! >= far * 10 ** (8 / mostPoints) && falseAcceptRate[i]! > far;
		if (!isFarther && trueAcceptRate[i]! - tar < 2 / mostPoints) continue;
		kept.add(i);
		[far, tar] = [falseAcceptRate[i]!, trueAcceptRate[i]!];
	}
	const points = [...kept].sort((a, b) => a - b);
	const of = (values: Float64Array) => points.map((i) => values[i]!);
	return { threshold: of(thresholds), falseAcceptRate: of(falseAcceptRate), trueAcceptRate: of(trueAcceptRate) };
}
