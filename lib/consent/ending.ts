// The end of consent: what is removed, and what was painted until then.
import type { Run } from '../database/connection.ts';
import type { Entry, Event } from './log.ts';
import type { ConsentRecord } from './records.ts';

/** What ended with `revoke` or `erase`. */
export interface EndedConsent {
	/** The ids of the records. */
	readonly records: readonly string[];
	/** Digests of the recipes of all images that were painted under them: see `recipeDigest`. */
	readonly recipes: readonly string[];
	/** How many images were painted under them, also those that no recipe tells. */
	readonly painted: number;
}

/** Removes what a record no longer needs. */
export async function endRecord(
	run: Run,
	log: (event: Event) => Promise<void>,
	kind: 'revoke' | 'erase',
	{ id, revoked, erased }: ConsentRecord,
): Promise<void> {
	if ((kind === 'erase' ? erased : revoked) === undefined) await log({ kind, record: id });
	await run('DELETE FROM identities WHERE id = ?', [id]);
	if (kind === 'erase') await run('DELETE FROM evidence WHERE id = ?', [id]);
}

/** What the log tells of records. */
export async function paintedUnder(run: Run, records: readonly string[]): Promise<EndedConsent> {
	const recipes: string[] = [];
	let painted = 0;
	for (const record of records) {
		for (const { entry } of await run('SELECT entry FROM log WHERE record = ? ORDER BY row', [record])) {
			const known: Entry = JSON.parse(String(entry));
			if (known.kind !== 'paint') continue;
			painted++;
			if (known.recipe !== undefined) recipes.push(known.recipe);
		}
	}
	return { records, recipes, painted };
}
