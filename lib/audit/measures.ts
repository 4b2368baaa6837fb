// What is compared between groups, and of each person the numbers behind it.

import type { Measured } from '../evaluation/evaluate.ts';
import type { Evidence, Features } from '../evaluation/evidence.ts';
import { figureNames, type Naming } from '../evaluation/figure-names.ts';
import type { Person } from '../evaluation/people.ts';
import { angles } from '../evaluation/pose.ts';
import { Quotient } from '../evaluation/quotient.ts';
import { deviations, lpipsDistances, similaritiesToInput } from '../evaluation/similarity-figures.ts';
import type { Threshold } from './threshold.ts';

export const measureNames = ['detection', 'likeness', 'diversity', 'failures', 'frechet'] as const;
export type MeasureName = (typeof measureNames)[number];

export type Measure = Naming & Readonly<{ better: 'more' | 'less' }>;

/** Sums over people: by the places in the list, whether or not a photo is left of them. */
export type PersonNumbers = Readonly<{
	kind: 'mean' | 'root' | 'share';
	numbers: Quotient;
}>;

/** What a Fréchet distance is computed in; people are places, likewise. */
export type DistanceFeatures = Readonly<{ photos: Features; portraits: Features }>;

export type Numbers = Readonly<{
	measures: Readonly<Record<MeasureName, Measure>>;
	people: Readonly<Record<Exclude<MeasureName, 'frechet'>, PersonNumbers>>;
	features: DistanceFeatures;
}>;

/** @param threshold - undefined: only portraits without a face have failed */
export function numbersOf(
	{ survey, people, examination: { evidence } }: Measured,
	listed: readonly Person[],
	threshold: Threshold | undefined,
): Numbers {
	const places = people.map(({ place }) => place);
	const placed = (own: Quotient) => {
		const all = new Quotient(listed.length);
		for (const [i, place] of places.entries()) all.add(place, own.sums[i]!, own.counts[i]!);
		return all;
	};
	const { lpips, features } = evidence;
	return {
		measures: {
			detection: {
				title: 'Photos with a face',
				how: 'Share of photos in which the detector finds a face, of those that can be read.',
				...{ digits: 3, better: 'more' },
			},
			likeness: { ...figureNames.id, title: 'Likeness', better: 'more' },
			diversity: {
				...(lpips ? figureNames.lpips : figureNames.yawSpread),
				title: lpips ? 'Diversity: LPIPS' : 'Diversity: spread of yaw',
				better: 'more',
			},
			failures: {
				title: 'Failed portraits',
				how: `Share of portraits in which the detector finds no face${threshold === undefined ? '.' : `, or whose similarity to the photo they were painted from is below ${threshold.value.toFixed(3)}${byOf[threshold.by]}.`}`,
				...{ digits: 3, better: 'less' },
			},
			frechet: {
				title: 'Fréchet distance',
				how: `Fréchet distance between portraits and photos of a group, in ${
					features
						? 'the 2048 features of the Inception network that FID uses'
						: 'the embeddings of the recogniser that judges'
				}. From few images it comes out too large, so that in each column every group is measured by as many people, drawn by the seed; it does not compare with one of more or fewer. Its gap is to the mean of the other groups.`,
				...{ digits: features ? 1 : 3, better: 'less' },
			},
		},
		people: {
			detection: { kind: 'share', numbers: detection(listed, survey, people) },
			likeness: { kind: 'mean', numbers: placed(likeness(evidence)) },
			diversity: lpips
				? { kind: 'mean', numbers: placed(lpipsDistances({ ...evidence, lpips })) }
				: { kind: 'root', numbers: placed(deviations(evidence.portraits, evidence.people, angles.indexOf('yaw'))) },
			failures: { kind: 'share', numbers: placed(failures(evidence, threshold)) },
		},
		features: {
			photos: placedFeatures(features?.photos ?? featuresOf(evidence.photos), places),
			portraits: placedFeatures(features?.portraits ?? featuresOf(evidence.portraits), places),
		},
	};
}

const byOf: Readonly<Record<Threshold['by'], string>> = {
	photos: ', which tells best whether two photos show one person',
	user: '',
};

/** Photos that can't be read say nothing of the detector. */
function detection(
	listed: readonly Person[],
	{ failed }: Measured['survey'],
	people: readonly Readonly<{ place: number; photos: readonly unknown[] }>[],
): Quotient {
	const unreadable = new Set(failed.filter(({ error }) => error.code !== 'NO_FACE').map(({ name }) => name));
	const quotient = new Quotient(listed.length);
	for (const [place, { images }] of listed.entries()) {
		quotient.add(place, 0, images.filter(({ name }) => !unreadable.has(name)).length);
	}
	for (const { place, photos } of people) quotient.add(place, photos.length, 0);
	return quotient;
}

function likeness(evidence: Evidence): Quotient {
	const quotient = new Quotient(evidence.people);
	const toInput = similaritiesToInput(evidence);
	for (const [i, person] of evidence.portraits.person.entries()) quotient.add(person, toInput[i]!);
	return quotient;
}

function failures(evidence: Evidence, threshold: Threshold | undefined): Quotient {
	const quotient = new Quotient(evidence.people);
	for (const [person, number] of evidence.painted.entries()) quotient.add(person, number, number);
	const least = threshold?.value ?? Number.NEGATIVE_INFINITY;
	const toInput = similaritiesToInput(evidence);
	for (const [i, person] of evidence.portraits.person.entries()) if (toInput[i]! >= least) quotient.add(person, -1, 0);
	return quotient;
}

function featuresOf({ person, embeddings }: Evidence['photos']): Features {
	return { person, vectors: embeddings };
}

function placedFeatures({ person, vectors }: Features, places: readonly number[]): Features {
	return { person: person.map((i) => places[i]!), vectors };
}
