// Whether people may be painted: by the records that are theirs.

import type { Run } from '../database/connection.ts';
import type { AskedConsent, Person } from '../options/consent.ts';
import type { OpenedFile } from './file.ts';
import { compareAll, similarity } from './identities.ts';
import type { Records } from './records.ts';
import { refused } from './refusals.ts';

/**
 * @param records - up to date
 * @param asked.least - similarity from which on two embeddings are of one person
 * @returns the record of each; of who is shown in a photo and painted, too, that of the latter
 * @throws {Arc2FaceError} `CONSENT_REQUIRED`; `LEDGER_DAMAGED`
 */
export async function permit(
	run: Run,
	opened: OpenedFile,
	records: Records,
	people: readonly Person[],
	{ least, ...asked }: AskedConsent & { least: number },
): Promise<string[]> {
	const embeddings = people.map(({ embedding }) => embedding);
	const alike = await alikeTo(run, opened, embeddings, least);
	const permitted: string[] = [];
	for (const [i, person] of people.entries()) {
		const other = people.findIndex(
			({ photo, embedding }) => photo === undefined && similarity(embedding, person.embedding) >= least,
		);
		const isPainted = person.photo !== undefined && other >= 0;
		permitted.push(isPainted ? permitted[other]! : recordFor(person, records, alike[i]!, asked));
	}
	return permitted;
}

/** @param alike - records whose identity is alike, the most alike first */
function recordFor(person: Person, records: Records, alike: readonly string[], asked: AskedConsent): string {
	const { subject } = person;
	const own = subject === undefined ? undefined : records.all({ subject });
	const { valid, reason } = records.answer(own?.map(({ id }) => id) ?? alike, asked);
	if (valid.length === 0) throw refused(reason, person, asked, own === undefined ? alike[0] : undefined);
	const isAlike = (id: string) => alike.includes(id);
	if (own?.some(({ hasIdentity }) => hasIdentity) && !own.some(({ id }) => isAlike(id))) {
		throw refused('unlike', person, asked);
	}
	return valid.find(isAlike) ?? valid[0]!;
}

/** For each of the people: the records whose identity is alike, the most alike first. */
export async function alikeTo(
	run: Run,
	{ file, keys }: OpenedFile,
	people: readonly Float32Array[],
	least: number,
): Promise<string[][]> {
	const found = people.map((): { id: string; value: number }[] => []);
	const place = { file, keys, table: 'identities', bindingOf: ({ id }: { id?: unknown }) => String(id) };
	await compareAll(run, place, people, ({ id }, similarities) => {
		for (const [i, value] of similarities.entries()) {
			if (value >= least) found[i]!.push({ id: String(id), value });
		}
	});
	return found.map((some) => some.sort((a, b) => b.value - a.value).map(({ id }) => id));
}
