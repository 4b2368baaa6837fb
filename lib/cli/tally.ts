// What a data set has and lacks, for people and in `--json`.
import type { Tally } from '../dataset/shard-record.ts';

export const tallyJson = {
	people: 'how many the set is of',
	'tally.kept': 'images that are there',
	'tally.missing': 'images that none of their tries made',
	'tally.painted': 'images that were painted for them',
	'tally.refused': 'and of these left out: those without a face, unlike their person, or copies of another image',
} as const;

export function summaryLines({ people, tally }: { people: number; tally: Tally }): string[] {
	const { kept, missing, painted, refused } = tally;
	const left = `${refused['no face']} without a face, ${refused.unlike} unlike their person, ${refused.copy} copies`;
	return [
		`${kept} images of ${people} people, from ${painted} that were painted; left out: ${left}.`,
		...(missing > 0 ? [`${missing} images are missing: none of their tries was fit.`] : []),
	];
}
