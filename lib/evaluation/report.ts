// The report of an evaluation: its figures, and all that somebody needs to compare them.
import { packageVersion } from '../package.ts';
import type { FigureName, Figures } from './figures.ts';
import type { ModelRecord } from './model-record.ts';
import { type Condition, paperRow } from './paper.ts';
import { someOf } from './some.ts';
import type { Survey } from './survey.ts';

/** A portrait and its similarity to the photo it was painted from. */
export type Case = Readonly<{ person: string; portrait: string; input: string; similarity: number }>;

export type Protocol = Readonly<{
	portraits: 'painted' | 'given';
	/** Null for portraits that others made, as all that follows up to `size`. */
	perIdentity: number | null;
	steps: number | null;
	guidanceScale: number | null;
	sampler: string | null;
	decoder: string | null;
	size: string | null;
	seed: number;
	alignment: string;
	/** Side of the images that are compared as a whole, in pixels. */
	comparedSide: number;
}>;

/** What a report is made of; plain JSON. */
export type Report = Readonly<{
	format: 1;
	package: string;
	/** When: ISO 8601. */
	made: string;
	protocol: Protocol;
	model: ModelRecord & Readonly<{ device: string; provider: string; version: string; precision: string }>;
	/** The networks of FID and LPIPS. */
	judges: readonly Readonly<{ file: string; sha256: string }>[];
	photos: Readonly<{
		source: string;
		/** Of whom a photo shows a face. */
		people: number;
		/** Photos, with and without a face. */
		listed: number;
		withFace: number;
		severalFaces: Survey['severalFaces'];
		/** SHA-256 of lines of digest and name, in the order of names. */
		digest: string;
		failed: Survey['failed'];
		lost: Survey['lost'];
		/** Folders without a photo. */
		empty: readonly string[];
	}>;
	portraits: Readonly<{
		count: number;
		/** Of whom there are any. */
		people: number;
		withFace: number;
		faceless: readonly string[];
		failed: Survey['failed'];
		unknown: readonly string[];
	}>;
	figures: Figures['figures'];
	similarities: NonNullable<Figures['similarities']> | null;
	impostors: NonNullable<Figures['impostors']> | null;
	verification: NonNullable<Figures['verification']> | null;
	people: readonly Readonly<{
		name: string;
		input: string;
		photos: number;
		portraits: number;
		similarity: number | null;
	}>[];
	worst: readonly Case[];
	best: readonly Case[];
	paper: typeof paperRow & Readonly<{ conditions: readonly Condition[] }>;
	/** About the whole; those about a figure are with it. */
	warnings: readonly string[];
}>;

/** How many of the worst and of the best are shown. */
const shownCases = 6;
/** Intervals come from resampling people, which takes some. */
const leastPeople = 20;

/** What figures are of. */
export type Circumstances = Pick<Report, 'protocol' | 'model' | 'judges' | 'photos' | 'portraits'>;

export type Known = Circumstances &
	Readonly<{
		figures: Figures;
		conditions: readonly Condition[];
		people: readonly Readonly<{ name: string; input: string; photos: number; portraits: number }>[];
		/** The portraits that show a face, in the order of `figures.toInput`. */
		found: readonly Readonly<{ person: number; portrait: string }>[];
		made: Date;
	}>;

export function reportOf({ figures: all, conditions, people, found, made, ...known }: Known): Report {
	const { figures, similarities = null, impostors = null, verification = null, toInput } = all;
	const cases = found
		.map(({ person, portrait }, i): Case => {
			return { person: people[person]!.name, portrait, input: people[person]!.input, similarity: toInput[i]! };
		})
		.sort((a, b) => a.similarity - b.similarity);
	const sums = people.map(() => ({ sum: 0, count: 0 }));
	for (const [i, { person }] of found.entries()) {
		sums[person]!.sum += toInput[i]!;
		sums[person]!.count++;
	}
	// Nothing is both.
	const best = cases.slice(Math.max(cases.length - shownCases, Math.ceil(cases.length / 2))).reverse();
	return {
		...{ format: 1, package: packageVersion(), made: made.toISOString() },
		...known,
		figures: Object.fromEntries(
			Object.entries(figures).map(([name, figure]) => [name, { ...figure, value: figure.value ?? null }]),
		) as Record<FigureName, (typeof figures)[FigureName]>,
		...{ similarities, impostors, verification },
		people: people.map((person, i) => {
			const { sum, count } = sums[i]!;
			return { ...person, similarity: count === 0 ? null : sum / count };
		}),
		worst: cases.slice(0, Math.min(shownCases, Math.ceil(cases.length / 2))),
		best,
		paper: { ...paperRow, conditions },
		warnings: warningsAbout(known, people, conditions),
	};
}

function warningsAbout(
	{ photos, portraits, protocol }: Omit<Known, 'figures' | 'conditions' | 'people' | 'found' | 'made'>,
	people: Known['people'],
	conditions: Known['conditions'],
): string[] {
	const single = people.filter((person) => person.photos === 1).length;
	const unpainted = people.filter((person) => person.portraits === 0).length;
	const compared = protocol.alignment === 'both' ? ', which are compared uncut' : '';
	const named = (names: readonly string[]) => `${names.length} (${someOf(names)})`;
	const told: [number, string, string?][] = [
		[single, 'People of whom there is one photo, so that nothing else says what they look like:'],
		[unpainted, 'People of whom there are no portraits, whose photos are compared all the same:'],
		[photos.failed.length, 'Photos that could not be used, and were left out:'],
		[photos.lost.length, 'People of whom no photo could be used, and who were left out:', named(photos.lost)],
		[photos.empty.length, 'Folders without a photo:', named(photos.empty)],
		[
			photos.severalFaces.length,
			'Photos with several faces, of which the largest was taken:',
			named(photos.severalFaces),
		],
		[portraits.faceless.length, `Portraits without a face${compared}:`],
		[portraits.failed.length, "Portraits that can't be read, and were left out:"],
	];
	const few = `The intervals come from drawing only ${portraits.people} people again and again: they may be far too narrow.`;
	const others = conditions.filter(({ same }) => same === false).map(({ what }) => what.toLowerCase());
	return [
		...(others.length > 0
			? [`Not comparable with the paper's figures, because these differ: ${others.join(', ')}.`]
			: []),
		...(portraits.people < leastPeople ? [few] : []),
		...told.filter(([number]) => number > 0).map(([number, text, shown = number]) => `${text} ${shown}.`),
	];
}
