// Whether an audit finds the gaps that are there, and none where there is none: on people who are made up.
import { describe, expect, test } from 'vitest';
import type { ColumnResult, Comparison, GroupResult } from '../../lib/audit/comparison.ts';
import { meanEstimate, shareEstimate, Units } from '../../lib/audit/estimates.ts';
import { type MeasureName, measureNames } from '../../lib/audit/measures.ts';
import { type Contrast, simultaneousIntervals } from '../../lib/audit/simultaneous.ts';
import { thresholdOf } from '../../lib/audit/threshold.ts';
import { Quotient } from '../../lib/evaluation/quotient.ts';
import { auditedPeople, compared, divisions, type Fate } from '../audited-people.ts';
import { normalNumbers, randomNumbers } from '../random-numbers.ts';

const groupsOf = ({ columns }: { columns: readonly ColumnResult[] }) => columns.flatMap(({ groups }) => groups);
const found = ({ measures }: Comparison): string[] =>
	measureNames.flatMap((name) =>
		groupsOf(measures[name]).flatMap(({ label, gap }) => (gap?.isFound ? `${name} of ${label}` : [])),
	);

describe('where there is no gap', () => {
	test('95 % of audits find none, in five measures of seven groups together', async () => {
		const trials = 30;
		let [finding, gaps] = [0, 0];
		for (let trial = 0; trial < trials; trial++) {
			const comparison = await compared(auditedPeople(50, trial), divisions(50, [3, 4]), trial);
			gaps += measureNames.flatMap((name) => groupsOf(comparison.measures[name]).filter(({ gap }) => gap)).length;
			finding += Number(found(comparison).length > 0);
		}
		expect(gaps).toBe(trials * 5 * 7);
		// 1.5 are expected; three standard deviations of the count are 3.6.
		expect(finding).toBeLessThanOrEqual(5);
	});

	test('all intervals hold the truth at once in 95 % of the cases, and are no wider than that takes', () => {
		const [trials, people] = [150, 50];
		let [inside, alone] = [0, 0];
		for (let trial = 0; trial < trials; trial++) {
			const [normal, uniform] = [normalNumbers(trial), randomNumbers(trial)];
			const numbers = [new Quotient(people), new Quotient(people)];
			for (let person = 0; person < people; person++) {
				const own = normal();
				for (let i = 0; i < 5; i++) {
					numbers[0]!.add(person, own + 0.5 * normal());
					numbers[1]!.add(person, Math.exp(0.5 * own) * normal() ** 2);
				}
			}
			const contrasts = Array.from({ length: 4 }).flatMap(() => {
				const first = Array.from({ length: people }, (_, person) => ({ person, isFirst: uniform() < 0.35 }));
				const members = (isFirst: boolean) => first.flatMap((one) => (one.isFirst === isFirst ? one.person : []));
				return numbers.map(
					(quotient, k): Contrast => [
						{ estimate: meanEstimate(quotient, members(true), k === 1), weight: 1 },
						{ estimate: meanEstimate(quotient, members(false), k === 1), weight: -1 },
					],
				);
			});
			const holds = (interval: readonly [number, number] | undefined) => interval![0] <= 0 && 0 <= interval![1];
			inside += Number(simultaneousIntervals(contrasts, trial).intervals.every(holds));
			alone += Number(contrasts.every((one) => holds(simultaneousIntervals([one], trial).intervals[0])));
		}
		// Three standard deviations of 150 trials are 5.3 %.
		expect(inside / trials).toBeGreaterThan(0.896);
		expect(inside / trials).toBeLessThan(0.99);
		// Intervals for one look each, at eight gaps.
		expect(alone / trials).toBeLessThan(0.85);
	});

	test('a group in which nobody failed has an interval, too, which a gap of some per cent does not leave', () => {
		const quotient = new Quotient(50);
		for (let person = 0; person < 50; person++) quotient.add(person, Number(person === 40), 5);
		const units = new Units(50);
		const share = (from: number, to: number) =>
			shareEstimate(
				quotient,
				Array.from({ length: to - from }, (_, i) => from + i),
				units,
			);
		const [none, one] = [share(0, 20), share(20, 50)];
		// (0 + 1) / 22 and, with a fifth of one person's portraits, (0.2 + 1) / 32.
		expect([none.value, one.value]).toEqual([expect.closeTo(1 / 22, 12), expect.closeTo(1.2 / 32, 12)]);
		const gap: Contrast = [
			{ estimate: none, weight: 1 },
			{ estimate: one, weight: -1 },
		];
		const [interval] = simultaneousIntervals([gap], 1).intervals;
		expect(interval![0]).toBeLessThan(-0.05);
		expect(interval![1]).toBeGreaterThan(0.05);
	});
});

describe('a gap that is there', () => {
	test.each<[string, Partial<Fate>, MeasureName, 'below' | 'above']>([
		['fewer faces are detected', { blind: 0.4 }, 'detection', 'below'],
		['portraits are less alike', { stray: 0.55 }, 'likeness', 'below'],
		['portraits turn less', { turn: 7 }, 'diversity', 'below'],
		['more portraits have no face', { faceless: 0.45 }, 'failures', 'above'],
		['portraits drift to one look', { bias: 0.5 }, 'frechet', 'above'],
	])(
		'is found where %s, in that group, and not in columns that have nothing to do with it',
		async (_, fate, name, where) => {
			const people = 60;
			const comparison = await compared(
				auditedPeople(people, 7, (person) => (person % 3 === 1 ? fate : {})),
				[...divisions(people, [3]), { ...divisions(people, [2])[0]!, name: 'unrelated' }],
			);
			const [own, unrelated] = comparison.measures[name].columns;
			const { gap } = own!.groups[1]!;
			expect(gap!.isFound).toBe(true);
			expect(Math.sign(gap!.value)).toBe(where === 'below' ? -1 : 1);
			expect(gap!.interval![0]).toBeLessThan(gap!.value);
			expect(gap!.interval![1]).toBeGreaterThan(gap!.value);
			expect(unrelated!.groups.map((group) => group.gap!.isFound)).toEqual([false, false]);
			expect(own!.largest).toMatchObject({ isFound: true, [where === 'below' ? 'low' : 'high']: '1 of 3' });
		},
	);

	test('of known size lies in its interval', async () => {
		const [trials, people] = [24, 60];
		let inside = 0;
		for (let trial = 0; trial < trials; trial++) {
			const sample = auditedPeople(people, trial, (person) => ({ apart: person % 2 === 0 ? 0.5 : 0.42 }));
			const { measures } = await compared(sample, divisions(people, [2]), trial);
			const { gap } = measures.diversity.columns[0]!.groups[0]!;
			expect(gap!.isFound).toBe(true);
			inside += Number(gap!.interval![0] <= 0.08 && 0.08 <= gap!.interval![1]);
		}
		// One of several that hold at once: alone more often than in 95 %.
		expect(inside).toBeGreaterThanOrEqual(22);
	});
});

describe('numbers', () => {
	test('of groups and of all are means over images, and a gap is to all others together', async () => {
		const sample = auditedPeople(40, 3);
		const { measures } = await compared(sample, divisions(40, [4]));
		const { evidence } = sample.measured.examination;
		const places = sample.measured.people.map(({ place }) => place);
		const mean = (of: (place: number) => boolean) => {
			const own = [...evidence.painted.keys()].filter((person) => of(places[person]!));
			const painted = own.reduce((sum, person) => sum + evidence.painted[person]!, 0);
			const least = thresholdOf(evidence)!.value;
			const { data, length } = evidence.portraits.embeddings;
			const alike = [...evidence.portraits.person].filter((person, i) => {
				const input = evidence.inputs[person]! * length;
				let similarity = 0;
				for (let k = 0; k < length; k++)
					similarity += data[i * length + k]! * evidence.photos.embeddings.data[input + k]!;
				return own.includes(person) && similarity >= least;
			}).length;
			return (painted - alike) / painted;
		};
		const [group] = measures.failures.columns[0]!.groups;
		expect(group!.value).toBeCloseTo(
			mean((place) => place % 4 === 0),
			10,
		);
		expect(group!.gap!.value).toBeCloseTo(mean((place) => place % 4 === 0) - mean((place) => place % 4 !== 0), 10);
		expect(measures.failures.everyone!.value).toBeCloseTo(
			mean(() => true),
			10,
		);
	});

	test('of few people are told, and not compared', async () => {
		const people = 33;
		const labelOf = Array.from({ length: people }, (_, person) => (person < 9 ? 0 : person < 21 ? 1 : 2));
		const few = { name: 'size', labels: ['nine', 'twelve', 'twelve more'], labelOf };
		const { measures, intervals } = await compared(auditedPeople(people, 5), [few]);
		for (const name of measureNames) {
			const [nine, ...others] = measures[name].columns[0]!.groups as [GroupResult, ...GroupResult[]];
			expect(nine).toMatchObject({ gap: null, interval: null });
			expect(typeof nine.value).toBe(name === 'frechet' ? 'object' : 'number');
			expect(others.every(({ gap }) => gap !== null)).toBe(true);
			expect(measures[name].columns[0]!.largest!.high).not.toBe('nine');
		}
		// Of each measure: two groups against the others, and the two against each other.
		expect(intervals.gaps).toBe(5 * 3);
	});

	test('of groups that are all small are told without any gap', async () => {
		const { measures, intervals } = await compared(auditedPeople(12, 5), divisions(12, [2]));
		expect(intervals).toEqual({ confidence: 0.95, gaps: 0, critical: null });
		expect(measures.likeness.columns[0]).toMatchObject({ largest: null });
		expect(groupsOf(measures.likeness).every(({ gap, value }) => gap === null && value! > 0.5)).toBe(true);
	});

	test('of a distance are of as many people in each group of a column', async () => {
		const people = 45;
		const labelOf = Array.from({ length: people }, (_, person) => Number(person >= 12));
		const { measures } = await compared(
			auditedPeople(people, 9, () => ({ blind: 0, faceless: 0 })),
			[{ name: 'size', labels: ['twelve', 'others'], labelOf }],
		);
		expect(groupsOf(measures.frechet).map((group) => group.people)).toEqual([12, 12]);
		expect(groupsOf(measures.likeness).map((group) => group.people)).toEqual([12, 33]);
	});

	test('people of whom no photo is left count in detection alone', async () => {
		// The first three, after whom everybody else has another number among those who are left.
		const fate = (person: number) => ({ blind: person < 3 ? 1 : 0, apart: person % 2 === 0 ? 0.5 : 0.3 });
		const { measures } = await compared(auditedPeople(44, 2, fate), divisions(44, [2]));
		expect(measures.detection.everyone).toMatchObject({ people: 44, value: 41 / 44 });
		expect(groupsOf(measures.detection).map(({ value }) => value)).toEqual([20 / 22, 21 / 22]);
		const [even, odd] = groupsOf(measures.diversity);
		expect([even!.people, odd!.people]).toEqual([20, 21]);
		expect(even!.value).toBeCloseTo(0.5, 1);
		expect(odd!.value).toBeCloseTo(0.3, 1);
		expect(measures.likeness.everyone!.people).toBe(41);
	});

	test('where nothing differs, nothing is found, and no interval is made up', async () => {
		const { measures } = await compared(
			auditedPeople(40, 2, () => ({ apart: 0.5 })),
			divisions(40, [2]),
		);
		expect(measures.diversity.title).toBe('Diversity: LPIPS');
		const same = new Quotient(40);
		for (let person = 0; person < 40; person++) same.add(person, 0.5);
		const half = (from: number) => ({
			estimate: meanEstimate(
				same,
				Array.from({ length: 20 }, (_, i) => from + i),
				false,
			),
			weight: from === 0 ? 1 : -1,
		});
		expect(simultaneousIntervals([[half(0), half(20)]], 1)).toEqual({ critical: undefined, intervals: [undefined] });
	});

	test('the threshold tells photos of one person from those of two, and takes two of somebody', () => {
		const { evidence } = auditedPeople(50, 4).measured.examination;
		const { value, by } = thresholdOf(evidence)!;
		expect(by).toBe('photos');
		expect(value).toBeGreaterThan(0.4);
		expect(value).toBeLessThan(0.95);
		const lone = auditedPeople(50, 4).measured.examination.evidence;
		const first = {
			person: lone.photos.person.slice(0, 1),
			embeddings: lone.photos.embeddings,
			poses: lone.photos.poses,
		};
		expect(thresholdOf({ ...lone, people: 1, photos: first, inputs: Int32Array.of(0) })).toBeUndefined();
	});
});
