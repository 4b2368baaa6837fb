// What a data set has and lacks, for people and in `--json`.
import type { Tally } from '../dataset/shard-record.ts';
import type { Context } from './command.ts';
import { exitCodes } from './exit-codes.ts';

export const tallyJson = {
	people: 'how many the set is of',
	'tally.kept': 'images that are there',
	'tally.missing': 'images that none of their tries made',
	'tally.painted': 'images that were painted for them',
	'tally.refused': 'and of these left out: those without a face, unlike their person, or copies of another image',
	'tally.incomplete': 'people some of whose images are missing',
	'tally.absent': 'those of them who have none',
} as const;

export function summaryLines({ people, tally }: { people: number; tally: Tally }): string[] {
	const { kept, missing, painted, refused, incomplete, absent } = tally;
	const left = `${refused['no face']} without a face, ${refused.unlike} unlike their person, ${refused.copy} copies`;
	return [
		`${kept} images of ${people} people, from ${painted} that were painted; left out: ${left}.`,
		...(missing > 0
			? [
					`${missing} images are missing: none of their tries was fit.`,
					`People who have fewer than were asked for: ${incomplete}, of whom have none: ${absent}.`,
				]
			: []),
	];
}

/** Told besides the result: a set is made all the same. */
export function noteMissing({ missing }: Tally, { note }: Pick<Context, 'note'>): void {
	if (missing === 0) return;
	note(
		`Not complete: ${missing} images are missing. In another set, more --tries or a lower --min-similarity may bring more.`,
	);
}

/** A set without any image is none. */
export function exitCodeOfSet({ kept }: Tally): number {
	return kept === 0 ? exitCodes.failed : exitCodes.done;
}
