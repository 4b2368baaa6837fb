// The figures of an evaluation, from faces and features that are known.
import { describe, expect, test } from 'vitest';
import { fidFigure, frechetOf, frechetTasks, neighbourFigures } from '../../lib/evaluation/distance-figures.ts';
import type { Evidence, Faces, Features } from '../../lib/evaluation/evidence.ts';
import { type Answer, compute, figuresOf, type Task } from '../../lib/evaluation/figures.ts';
import { frechetDistance, frechetDistanceOf } from '../../lib/evaluation/frechet.ts';
import { kernelDistance } from '../../lib/evaluation/kernel-distance.ts';
import { Moments } from '../../lib/evaluation/moments.ts';
import { balanced, pairUp } from '../../lib/evaluation/pairs.ts';
import { portraitPairs } from '../../lib/evaluation/portrait-pairs.ts';
import { estimatePose } from '../../lib/evaluation/pose.ts';
import { precisionRecall } from '../../lib/evaluation/precision-recall.ts';
import { Random } from '../../lib/evaluation/random.ts';
import { distributionOf } from '../../lib/evaluation/similarity-figures.ts';
import { count, row, type Vectors } from '../../lib/evaluation/vectors.ts';
import { areaUnder, equalErrorRate, rocCurve, trueAcceptRateAt } from '../../lib/evaluation/verification.ts';
import { verify, weightedRates } from '../../lib/evaluation/verification-figures.ts';
import type { Point } from '../../lib/index.ts';

/** A face for each: whose it is, its direction in the plane in degrees, and yaw. */
type Face = [person: number, direction: number, yaw?: number];

function facesOf(list: readonly Face[]): Faces {
	const radians = (degrees: number) => (degrees * Math.PI) / 180;
	return {
		person: Int32Array.from(list, ([person]) => person),
		embeddings: {
			data: Float32Array.from(list.flatMap(([, at]) => [Math.cos(radians(at)), Math.sin(radians(at))])),
			length: 2,
		},
		poses: Float64Array.from(list.flatMap(([, , yaw = 0]) => [yaw, 2 * yaw, 0])),
	};
}

/** Two people: photos 0° and 60° of one, 90° of the other. */
const known: Evidence = {
	people: 2,
	photos: facesOf([
		[0, 0, 10],
		[0, 60, -10],
		[1, 90],
	]),
	inputs: Int32Array.of(0, 2),
	portraits: facesOf([
		[0, 60, 3],
		[0, 0, -3],
		[1, 30, 5],
	]),
	painted: Int32Array.of(2, 2),
	seed: 1,
};
const computed = compute({ kind: 'all', evidence: known }) as Exclude<Answer, number>;

describe('similarity and pose', () => {
	const { figures } = computed;

	test('ID is the mean cosine to the photo that was painted from', () => {
		// 60°, 0° and 60° apart.
		expect(figures.id.value).toBeCloseTo((0.5 + 1 + 0.5) / 3, 6);
		// The other photo of the first person.
		expect(figures.id.photos).toBeCloseTo(0.5, 6);
		expect(figures.id.sample).toBe('3 portraits of 2 people');
		expect(figures.id.warnings).toEqual(['Portraits without a face, which have no similarity and are left out: 1.']);
	});

	test('similarity to the person is that to the mean of all photos', () => {
		// Means at 30° and 90°: 30°, 30° and 60° apart. A photo to the mean of the others: 60° twice, and nothing of the second person.
		expect(figures.idToPerson.value).toBeCloseTo((2 * Math.sqrt(0.75) + 0.5) / 3, 6);
		expect(figures.idToPerson.photos).toBeCloseTo(0.5, 6);
		expect(figures.idToPerson.warnings.join()).toContain(
			'People of whom there is one photo, so that it is the similarity to the input: 1.',
		);
	});

	test('portraits without a face count as missing', () => {
		expect(figures.facesFound.value).toBe(0.75);
		expect(figures.facesFound.sample).toBe('4 portraits of 2 people');
	});

	test('spread is the deviation within people, by degrees of freedom', () => {
		expect(figures.yawSpread.value).toBeCloseTo(Math.sqrt(9 + 9), 10);
		expect(figures.yawSpread.photos).toBeCloseTo(Math.sqrt(100 + 100), 10);
		expect(figures.pitchSpread.value).toBeCloseTo(2 * Math.sqrt(18), 10);
		expect(figures.expressionSpread).toMatchObject({
			value: null,
			missing: 'Nothing in this package reads expressions.',
		});
	});

	test('of nobody twice, and of no faces, there is nothing to tell', () => {
		const none = compute({
			kind: 'all',
			evidence: { ...known, portraits: facesOf([]), painted: Int32Array.of(1, 1) },
		}) as Exclude<Answer, number>;
		expect(none.figures.id).toMatchObject({ value: null, interval: null, missing: 'No portrait shows a face.' });
		expect(none.figures.yawSpread).toMatchObject({ value: null, missing: 'Nobody has two portraits with a face.' });
		expect(none.figures.facesFound.value).toBe(0);
		expect(none.figures.accuracy.value).toBeNull();
		expect(none.similarities).toBeUndefined();
	});

	test('LPIPS is the mean over pairs', () => {
		const lpips = { person: Int32Array.of(0, 0, 0, 1), distances: Float64Array.of(0.2, 0.4, 0.3, 0.9) };
		const painted = Int32Array.of(3, 2);
		const all = compute({ kind: 'all', evidence: { ...known, painted, lpips } }) as Exclude<Answer, number>;
		expect(all.figures.lpips.value).toBeCloseTo(0.45, 12);
		expect(all.figures.lpips).toMatchObject({ sample: '4 pairs of portraits of one person', warnings: [] });
	});

	test('LPIPS of pairs that were drawn counts a person as often as all of its pairs', () => {
		const lpips = { person: Int32Array.of(0, 0, 1), distances: Float64Array.of(0.2, 0.4, 0.9) };
		const painted = Int32Array.of(4, 2);
		const all = compute({ kind: 'all', evidence: { ...known, painted, lpips } }) as Exclude<Answer, number>;
		expect(all.figures.lpips.value).toBeCloseTo((6 * 0.3 + 0.9) / 7, 12);
		expect(all.figures.lpips.sample).toBe('3 of 7 pairs of portraits of one person');
		expect(all.figures.lpips.warnings).toEqual(['Of at most 500 pairs of a person, drawn by the seed.']);
	});

	test('pairs of portraits are all that there are, or some, each once, drawn by the seed', () => {
		expect(portraitPairs(1, new Random(0))).toEqual([]);
		expect(portraitPairs(3, new Random(0))).toEqual([
			[1, 0],
			[2, 0],
			[2, 1],
		]);
		expect(portraitPairs(32, new Random(0))).toHaveLength(496);
		for (const portraits of [33, 2000]) {
			const pairs = portraitPairs(portraits, new Random(3));
			expect(new Set(pairs.map(String)).size).toBe(500);
			expect(pairs.every(([i, j]) => 0 <= j && j < i && i < portraits)).toBe(true);
			expect(Math.max(...pairs.flat())).toBeGreaterThan(0.9 * portraits);
			expect(portraitPairs(portraits, new Random(3))).toEqual(pairs);
			expect(portraitPairs(portraits, new Random(4))).not.toEqual(pairs);
		}
	});

	test('the distribution tells quantiles and a histogram of all values', () => {
		const values = Float64Array.of(-1, 0.01, 0.5, 0.5, 1);
		const { mean, least, most, quantiles, histogram, deviation } = distributionOf(values)!;
		expect([least, most]).toEqual([-1, 1]);
		expect(mean).toBeCloseTo(0.202, 12);
		expect(deviation).toBeCloseTo(Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 5), 12);
		expect(quantiles.find(({ share }) => share === 0.5)?.value).toBe(0.5);
		expect(histogram.counts).toHaveLength(100);
		expect([0, 50, 75, 99].map((bin) => histogram.counts[bin])).toEqual([1, 1, 2, 1]);
		expect(histogram.counts.reduce((a, b) => a + b)).toBe(5);
	});
});

describe('poses of keypoints', () => {
	/** Seen from far away, after turning: eyes 2 apart, the nose 1.2 in front of their middle and 0.515 of the way to the mouth, 1.6 below. */
	function keypointsAt(yaw: number, pitch: number, roll: number): Point[] {
		const [a, b, c] = [yaw, pitch, roll].map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
		const head: [number, number, number][] = [
			[-1, 0, 0],
			[1, 0, 0],
			[0, 0.515 * 1.6, 1.2],
			[-0.6, 1.6, 0],
			[0.6, 1.6, 0],
		];
		return head.map(([x, y, z]) => {
			const [y1, z1] = [y * Math.cos(b) - z * Math.sin(b), y * Math.sin(b) + z * Math.cos(b)];
			const x2 = x * Math.cos(a) + z1 * Math.sin(a);
			return [100 + 20 * (x2 * Math.cos(c) - y1 * Math.sin(c)), 100 + 20 * (x2 * Math.sin(c) + y1 * Math.cos(c))];
		});
	}

	test.each([
		[0, 0, 0],
		[25, 0, 0],
		[-40, 0, 15],
		[0, 15, 0],
		[0, -20, -30],
	])('yaw %d°, pitch %d°, roll %d° are read with their signs', (yaw, pitch, roll) => {
		const pose = estimatePose(keypointsAt(yaw, pitch, roll));
		// Another nose than the estimate assumes (0.75 instead of 0.74 of the way), and none of the angles disturbs the others when one is 0.
		expect(pose.yaw).toBeCloseTo(yaw, 4);
		expect(Math.abs(pose.pitch - pitch)).toBeLessThan(0.5);
		expect(pose.roll).toBeCloseTo(roll, 4);
	});
});

describe('verification', () => {
	/** People whose faces scatter around directions of their own. */
	function crowd(
		people: number,
		{ photos, portraits, seed = 5 }: { photos: number; portraits: number; seed?: number },
	): Evidence {
		const random = new Random(seed);
		const some = (each: number): Face[] =>
			Array.from({ length: people * each }, (_, i): Face => {
				const person = Math.floor(i / each);
				return [person, (360 * person) / people + random.below(60) - 30];
			});
		return {
			...{ people, seed: 9, painted: new Int32Array(people).fill(portraits) },
			...{ photos: facesOf(some(photos)), portraits: facesOf(some(portraits)) },
			inputs: Int32Array.from({ length: people }, (_, person) => person * photos),
		};
	}
	const evidence = crowd(12, { photos: 3, portraits: 4 });

	test('pairs every portrait with every photo, those of one person first', () => {
		const pairs = pairUp(evidence);
		expect([pairs.genuine, pairs.similarities.length]).toEqual([12 * 12, 48 * 36]);
		expect(pairs.all).toEqual({ genuine: 144, impostor: 48 * 36 - 144 });
		for (let i = 0; i < pairs.similarities.length; i++) {
			expect(pairs.portraitOf[i] === pairs.photoOf[i]).toBe(i < pairs.genuine);
		}
	});

	test('figures are those of the curve of all pairs', () => {
		const { similarities, genuine } = pairUp(evidence);
		const same = new Uint8Array(similarities.length).fill(1, 0, genuine);
		const roc = rocCurve({ similarities, same });
		const { figures, impostors, pairs } = verify(evidence)!;
		expect(figures.eer.value).toBe(equalErrorRate(roc));
		expect(figures.auc.value).toBe(areaUnder(roc));
		expect(figures.tarAtFarTenth.value).toBe(trueAcceptRateAt(roc, 0.1));
		expect(figures.tarAtFarHundredth.value).toBe(trueAcceptRateAt(roc, 0.01));
		expect(impostors).toHaveLength(1584);
		expect(pairs.impostor).toEqual({ counted: 1584, all: 1584 });
		for (const name of ['eer', 'auc', 'accuracy', 'tarAtFarTenth', 'tarAtFarHundredth'] as const) {
			const { value, interval } = figures[name];
			expect(interval![0], name).toBeLessThanOrEqual(value!);
			expect(interval![1], name).toBeGreaterThanOrEqual(value!);
		}
	});

	test('rates with everybody once are those of the curve, also with ties; with somebody twice, those of a curve with copies', () => {
		const people = 5;
		const random = new Random(8);
		const list = Array.from({ length: 400 }, () => {
			const [own, other] = [random.below(people), random.below(people)];
			return {
				own,
				other,
				same: Number(own === other),
				similarity: (random.below(12) + 5 * Number(own === other)) / 20,
			};
		}).sort((a, b) => b.similarity - a.similarity);
		const ordered = {
			own: Int32Array.from(list, ({ own }) => own),
			other: Int32Array.from(list, ({ other }) => other),
			same: Uint8Array.from(list, ({ same }) => same),
			isLast: Uint8Array.from(list, ({ similarity }, i) => Number(similarity !== list[i + 1]?.similarity)),
		};
		for (const drawn of [
			[1, 1, 1, 1, 1],
			[2, 0, 1, 3, 1],
		]) {
			const copies = list.flatMap(({ own, other, same, similarity }) => {
				const times = same === 1 ? drawn[own]! : drawn[own]! * drawn[other]!;
				return Array<{ similarity: number; same: number }>(times).fill({ similarity, same });
			});
			const roc = rocCurve({
				similarities: copies.map(({ similarity }) => similarity),
				same: copies.map(({ same }) => same),
			});
			const [eer, area, ...tars] = weightedRates(ordered, drawn);
			expect(eer).toBeCloseTo(equalErrorRate(roc), 12);
			expect(area).toBeCloseTo(areaUnder(roc), 12);
			expect(tars).toEqual([0.1, 0.01, 0.001].map((far) => trueAcceptRateAt(roc, far)));
		}
		expect(weightedRates(ordered, [4, 0, 0, 0, 0])[0]).toBeNaN();
	});

	test('too few pairs of two people for a rate are warned of, and fewer than one are no rate at all', () => {
		const { figures } = verify(evidence)!;
		expect(figures.tarAtFarTenth.warnings).toEqual([]);
		expect(figures.tarAtFarHundredth.warnings).toEqual([]);
		expect(figures.tarAtFarThousandth.warnings.join()).toContain(
			'Of 1584 pairs of two people this rate lets 1 pass: so few that chance decides.',
		);
		const small = verify(crowd(4, { photos: 1, portraits: 5 }))!.figures;
		expect(small.tarAtFarHundredth).toMatchObject({
			value: null,
			missing: 'That rate takes at least 100 pairs of two people; there are 60.',
		});
		expect(small.accuracy.warnings.join()).toContain('A fold has 4 pairs');
	});

	test('an accuracy below what one threshold would reach says why, and no other', () => {
		const why =
			'Each fold is judged by the threshold of the other nine, so that it is below what one threshold for all pairs would reach.';
		const accuracies = [1, 2, 3, 4, 5, 6].map((seed) => {
			const { accuracy, eer } = verify(crowd(4, { photos: 2, portraits: 3, seed }))!.figures;
			return { isBelow: accuracy.value! < 1 - eer.value!, isTold: accuracy.warnings.includes(why) };
		});
		expect(accuracies.map(({ isTold }) => isTold)).toEqual(accuracies.map(({ isBelow }) => isBelow));
		expect(new Set(accuracies.map(({ isTold }) => isTold)).size).toBe(2);
	});

	test('more pairs than allowed are drawn, the same ones for a seed, some of either kind', () => {
		const pairs = pairUp(evidence, 200);
		expect([pairs.genuine, pairs.similarities.length]).toEqual([100, 200]);
		expect(pairs.all).toEqual({ genuine: 144, impostor: 1584 });
		for (let i = 0; i < 200; i++) expect(pairs.portraitOf[i] === pairs.photoOf[i]).toBe(i < 100);
		expect(pairUp(evidence, 200)).toEqual(pairs);
		expect(pairUp({ ...evidence, seed: 10 }, 200)).not.toEqual(pairs);
		// Where one kind has few, the other has what they leave.
		expect(pairUp(evidence, 1000)).toMatchObject({ genuine: 144, all: { impostor: 1584 } });
		expect(verify(evidence, 200)!.pairs.genuine).toEqual({ counted: 100, all: 144 });
	});

	test('folds hold as many pairs of either kind, in an order of people', () => {
		const pairs = pairUp(evidence);
		const chosen = balanced(pairs, evidence);
		expect(chosen).toHaveLength(2 * 144);
		expect(chosen.filter((pair) => pair < pairs.genuine)).toHaveLength(144);
		expect(new Set(chosen).size).toBe(2 * 144);
		const order = [...chosen].map((pair) => pairs.portraitOf[pair]!);
		expect(order.filter((person, at) => person !== order[at - 1])).toHaveLength(12);
	});

	test('people who are told apart without fault have no interval, since that says little of others', () => {
		const clear = { ...crowd(12, { photos: 2, portraits: 2 }) };
		const alike = {
			...clear,
			portraits: facesOf(Array.from(clear.portraits.person, (person): Face => [person, 30 * person])),
		};
		const apart = {
			...alike,
			photos: facesOf(Array.from(clear.photos.person, (person): Face => [person, 30 * person])),
		};
		const { figures } = verify(apart)!;
		expect(figures.auc).toMatchObject({ value: 1, interval: null });
	});
});

/** Features around a point of each person, by a seed. */
function featuresOf(
	people: number,
	each: number,
	{ length = 6, shift = 0, seed }: { length?: number; shift?: number; seed: number },
): Features {
	const random = new Random(seed);
	const unit = () => random.below(1000) / 1000;
	const centres = Array.from({ length: people }, () => Array.from({ length }, unit));
	const person = Int32Array.from({ length: people * each }, (_, i) => Math.floor(i / each));
	const data = Float32Array.from([...person].flatMap((who) => centres[who]!.map((at) => at + shift + 0.3 * unit())));
	return { person, vectors: { data, length } };
}
const momentsOf = (vectors: Vectors) => Moments.of(Array.from({ length: count(vectors) }, (_, i) => row(vectors, i)));

describe('distances of features', () => {
	const photos = featuresOf(8, 3, { seed: 1 });
	const portraits = featuresOf(8, 5, { seed: 2, shift: 0.1 });
	const evidence: Evidence = { ...known, people: 8, features: { photos, portraits } };

	test.each([
		['fewer than their numbers', 5, 4, 16],
		['as many', 8, 8, 8],
		['more', 40, 30, 8],
		['two', 2, 2, 16],
	])('the Fréchet distance of vectors is that of their moments: %s', (_, n, m, length) => {
		const [a, b] = [featuresOf(n, 1, { length, seed: 3 }).vectors, featuresOf(m, 1, { length, seed: 4 }).vectors];
		const expected = frechetDistance(momentsOf(a), momentsOf(b));
		// Both are of float64; roots of rounding errors remain.
		expect(Math.abs(frechetDistanceOf(a, b) - expected)).toBeLessThan(1e-7 * Math.max(1, expected));
	});

	test('FID is of all images, its interval of all but a group of people each', () => {
		const tasks = frechetTasks(evidence, evidence.features!);
		expect(tasks).toHaveLength(1 + 8);
		expect(
			tasks
				.slice(1)
				.flatMap(({ without }) => [...(without ?? [])])
				.sort(),
		).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
		const distances = tasks.map(frechetOf);
		expect(distances[0]).toBeCloseTo(frechetDistance(momentsOf(photos.vectors), momentsOf(portraits.vectors)), 8);
		const [left] = tasks[1]!.without!;
		const kept = ({ person, vectors }: Features) =>
			Moments.of([...person.keys()].filter((i) => person[i] !== left).map((i) => row(vectors, i)));
		expect(distances[1]).toBeCloseTo(frechetDistance(kept(photos), kept(portraits)), 8);
		const figure = fidFigure(evidence.features!, distances);
		expect(figure.value).toBe(distances[0]);
		expect(figure.interval![0]).toBeLessThan(figure.value!);
		expect(figure.intervalBy).toBe('jackknife over 8 groups of people');
		expect(figure.sample).toBe('40 portraits, 24 photos');
	});

	test('KID, precision and recall are those of the metrics', () => {
		const { kid, precision, recall } = neighbourFigures(evidence);
		expect(kid.value).toBeCloseTo(kernelDistance(photos.vectors, portraits.vectors), 10);
		const expected = precisionRecall(photos.vectors, portraits.vectors);
		expect(precision.value).toBeCloseTo(expected.precision, 12);
		expect(recall.value).toBeCloseTo(expected.recall, 12);
		expect(kid.interval![0]).toBeLessThan(kid.value!);
		expect(kid.interval![1]).toBeGreaterThan(kid.value!);
	});

	test('of few images all of them are warned of', () => {
		const { kid, precision } = neighbourFigures(evidence);
		expect(kid.warnings.join()).toContain('Of 24 images: published ones are means over subsets of 1000.');
		expect(precision.warnings.join()).toContain('Of 24 images: it depends on their number.');
		expect(fidFigure(evidence.features!, [1, 2, 3]).warnings.join()).toContain('Of 24 images it comes out too large.');
		const wide = {
			photos: featuresOf(8, 1, { length: 16, seed: 1 }),
			portraits: featuresOf(8, 1, { length: 16, seed: 2 }),
		};
		expect(fidFigure(wide, [1, 2, 3]).warnings.join()).toContain('fewer than the 16 features');
	});

	test.each([
		['one portrait', 1],
		['no portrait', 0],
	])('distances take two images of each kind: %s has none', async (_, number) => {
		const features = { photos: featuresOf(2, 2, { seed: 1 }), portraits: featuresOf(number, 1, { seed: 2 }) };
		const run = async (tasks: readonly Task[]) => tasks.map(compute);
		const { figures } = await figuresOf({ ...known, features }, { inception: '', lpips: '' }, run);
		const none = { value: null, interval: null, missing: 'It takes at least 2 images of each kind.' };
		expect([figures.fid, figures.kid]).toMatchObject([none, none]);
	});

	test('balls of three neighbours take four images', () => {
		const few = { photos: featuresOf(3, 1, { seed: 1 }), portraits: featuresOf(3, 3, { seed: 2 }) };
		const { precision, recall } = neighbourFigures({ ...known, people: 3, features: few });
		expect([precision.value, recall.value]).toEqual([null, null]);
		expect(precision.missing).toBe('The balls take at least 4 images of each kind.');
	});
});

describe('all figures', () => {
	const run = async (tasks: readonly Task[]) => tasks.map(compute);

	test('without features and distances say what to do, and all else is there', async () => {
		const { figures } = await figuresOf(known, { inception: 'No Inception.', lpips: 'No AlexNet.' }, run);
		expect(figures.fid).toMatchObject({ value: null, missing: 'No Inception.' });
		expect(figures.lpips).toMatchObject({ value: null, missing: 'No AlexNet.' });
		for (const name of ['kid', 'precision', 'recall'] as const) {
			expect(figures[name]).toMatchObject({ value: null, missing: 'As for FID.' });
		}
		expect(figures.id.value).toBeGreaterThan(0);
	});

	test('with them have values', async () => {
		const features = { photos: featuresOf(2, 6, { seed: 1 }), portraits: featuresOf(2, 6, { seed: 2 }) };
		const lpips = { person: Int32Array.of(0, 1), distances: Float64Array.of(0.2, 0.4) };
		const { figures } = await figuresOf({ ...known, features, lpips }, { inception: '', lpips: '' }, run);
		for (const name of ['fid', 'kid', 'precision', 'recall', 'lpips'] as const) {
			expect(figures[name].value, name).toBeTypeOf('number');
		}
	});
});
