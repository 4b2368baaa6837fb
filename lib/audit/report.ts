// The report of an audit: numbers of groups, and none of persons.
import type { Circumstances } from '../evaluation/report.ts';
import { packageVersion } from '../package.ts';
import { type Comparison, leastPeople } from './comparison.ts';
import type { Groups } from './groups.ts';
import type { MeasureName } from './measures.ts';
import type { Threshold } from './threshold.ts';

/** Plain JSON. It names nobody, and no file of anybody: labels of a person may be as delicate as the person's face. */
export type AuditReport = Readonly<{
	format: 1;
	package: string;
	/** When: ISO 8601. */
	made: string;
	protocol: Circumstances['protocol'];
	model: Circumstances['model'];
	judges: Circumstances['judges'];
	photos: Omit<Circumstances['photos'], Named> & Readonly<Record<Named, number>>;
	portraits: Readonly<Record<'count' | 'people' | 'withFace' | 'failed', number>>;
	groups: Readonly<{
		/** The file's name. */
		source: string;
		/** SHA-256 of the file. */
		digest: string;
		columns: readonly Readonly<{
			name: string;
			groups: readonly Readonly<{ label: string; people: number; isSmall: boolean }>[];
		}>[];
		/** Smaller ones are not compared. */
		leastPeople: number;
	}>;
	/** Least similarity of a portrait that has not failed; null where none could be told. */
	threshold: Threshold | null;
	measures: Comparison['measures'];
	intervals: Comparison['intervals'];
	warnings: readonly string[];
}>;

/** What an evaluation names, and an audit only counts. */
type Named = 'failed' | 'lost' | 'empty' | 'severalFaces';

/** Below, a gap that many would mind may well go unnoticed. */
const manyPeople = 100;

export function auditReportOf(
	{ photos, portraits, ...others }: Circumstances,
	groups: Groups,
	{ threshold, comparison, made }: { threshold: Threshold | undefined; comparison: Comparison; made: Date },
): AuditReport {
	const columns = groups.divisions.map(({ name, labels, labelOf }) => ({
		name,
		groups: labels.map((label, i) => {
			const people = labelOf.filter((one) => one === i).length;
			return { label, people, isSmall: people < leastPeople };
		}),
	}));
	return {
		...{ format: 1, package: packageVersion(), made: made.toISOString(), ...others },
		photos: {
			...{ ...photos, failed: photos.failed.length, lost: photos.lost.length },
			...{ empty: photos.empty.length, severalFaces: photos.severalFaces.length },
		},
		portraits: {
			...{ count: portraits.count, people: portraits.people, withFace: portraits.withFace },
			failed: portraits.failed.length,
		},
		groups: { source: groups.source, digest: groups.digest, columns, leastPeople },
		threshold: threshold ?? null,
		...comparison,
		warnings: warningsAbout({ photos, portraits }, columns, { threshold, comparison }),
	};
}

function warningsAbout(
	{ photos, portraits }: Pick<Circumstances, 'photos' | 'portraits'>,
	columns: AuditReport['groups']['columns'],
	{ threshold, comparison }: { threshold: Threshold | undefined; comparison: Comparison },
): string[] {
	const smallest = Math.min(...columns.flatMap((column) => column.groups.map(({ people }) => people)));
	const small = columns.flatMap(({ name, groups }) =>
		groups.filter(({ isSmall }) => isSmall).map(({ label, people }) => `${name}: ${label} (${people})`),
	);
	const { likeness } = comparison.measures;
	const reach = Math.max(
		...likeness.columns.flatMap((column) =>
			column.groups.map(({ gap }) => (gap?.interval ? (gap.interval[1] - gap.interval[0]) / 2 : 0)),
		),
	);
	const few =
		`These are ${photos.people + photos.lost.length} people, and the smallest group is of ${smallest}: that says little.` +
		(reach > 0
			? ` A gap in likeness of less than ${reach.toFixed(2)} could go unnoticed; that no gap is found does not say that there is none.`
			: '');
	const told: [boolean, string][] = [
		[smallest < manyPeople, few],
		[
			small.length > 0,
			`Groups of fewer than ${leastPeople} people, which say too little to be compared: ${small.join(', ')}.`,
		],
		[
			threshold === undefined,
			'Nobody has two photos with a face, so that it can’t be told how alike a portrait has to be: only portraits without a face count as failed. Name a similarity with --min-similarity.',
		],
		[
			photos.failed.length > 0,
			`Photos that could not be used, for lack of a face or otherwise: ${photos.failed.length}.`,
		],
		[photos.lost.length > 0, `People of whom no photo is left, who count in detection alone: ${photos.lost.length}.`],
		[photos.empty.length > 0, `Folders without a photo: ${photos.empty.length}.`],
		[
			photos.severalFaces.length > 0,
			`Photos with several faces, of which the largest was taken: ${photos.severalFaces.length}.`,
		],
		[portraits.failed.length > 0, `Portraits that can't be read, and were left out: ${portraits.failed.length}.`],
	];
	return told.filter(([isSo]) => isSo).map(([, text]) => text);
}

export type FoundGap = Readonly<{
	measure: MeasureName;
	column: string;
	label: string;
	value: number;
	interval: readonly [number, number];
	/** Whether the group is worse off than the others. */
	isWorse: boolean;
}>;

/** Groups whose gap to all others chance does not explain. */
export function foundGaps({ measures }: Pick<AuditReport, 'measures'>): FoundGap[] {
	return Object.entries(measures).flatMap(([measure, { better, columns }]) =>
		columns.flatMap(({ name, groups }) =>
			groups.flatMap(({ label, gap }) => {
				if (gap?.interval == null || !gap.isFound) return [];
				const { value, interval } = gap;
				const isWorse = interval[0] > 0 === (better === 'less');
				return [{ measure: measure as MeasureName, column: name, label, value, interval, isWorse }];
			}),
		),
	);
}
