// Ledgers and deny lists on the command line: their options, opening them, and how records are shown.
import { DenyList } from '../consent/deny-list.ts';
import type { EndedConsent } from '../consent/ending.ts';
import { ConsentLedger } from '../consent/ledger.ts';
import type { ConsentRecord } from '../consent/records.ts';
import { type Context, type OptionValues, UsageError } from './command.ts';
import { keyOf, keyOptions } from './guards.ts';
import { nameOf } from './path.ts';
import { readRecipe } from './recipe-file.ts';
import { table } from './table.ts';

export const ledgerOptions = {
	ledger: { type: 'path', value: 'FILE', help: 'the ledger' },
	...keyOptions,
} as const;

export const denyListOptions = {
	denyList: { type: 'path', value: 'FILE', help: 'the deny list' },
	...keyOptions,
} as const;

/** Which records. */
export const choiceOptions = {
	subject: { type: 'string', value: 'REF', help: 'all records of this subject' },
	purpose: { type: 'string', value: 'PURPOSE', help: 'of these, those for this purpose' },
	record: { type: 'string', value: 'ID', help: 'one record, as list names it' },
} as const;

/** @throws {UsageError} without a ledger; {Arc2FaceError} as `ConsentLedger.open` does */
export async function openLedger(
	{ ledger, ...key }: OptionValues<typeof ledgerOptions>,
	command: string,
	create = false,
): Promise<ConsentLedger> {
	if (ledger === undefined) throw new UsageError(`Expected a file for --ledger of ${command} but received none.`);
	return await ConsentLedger.open(ledger, { ...keyOf(key), create });
}

/** @throws {UsageError} without a list; {Arc2FaceError} as `DenyList.open` does */
export async function openDenyList(
	{ denyList, ...key }: OptionValues<typeof denyListOptions>,
	command: string,
	create = false,
): Promise<DenyList> {
	if (denyList === undefined) throw new UsageError(`Expected a file for --deny-list of ${command} but received none.`);
	return await DenyList.open(denyList, { ...keyOf(key), create });
}

/** @throws {UsageError} for what is missing */
export function required<Name extends string>(
	values: Readonly<Record<string, unknown>>,
	command: string,
	...names: readonly Name[]
): Record<Name, string> {
	const missing = names.find((name) => values[name] === undefined);
	if (missing === undefined) return values as Record<Name, string>;
	throw new UsageError(`Expected --${missing} for ${command} but received none.`);
}

/** What `--json` prints of each record. */
export const recordJson = {
	'records[].id': 'of the record',
	'records[].subject': 'how the person is called elsewhere',
	'records[].purpose': 'what the images are for',
	'records[].scope': 'for which parts of the purpose alone',
	'records[].expires': 'when consent ends, as an ISO date',
	'records[].added': 'when it was recorded, as an ISO date',
	'records[].revoked': 'when it was revoked, if it was',
	'records[].erased': 'when all was erased but what the log has, if it was',
	'records[].state': 'valid, expired, revoked or erased',
	'records[].hasIdentity': 'whether an encrypted identity is kept',
	'records[].hasEvidence': 'whether the digest of what proves it is kept',
	'records[].painted': 'how many images were painted under it',
};

export function recordTable(records: readonly ConsentRecord[]): string {
	return table(
		['record', 'subject', 'purpose', 'scope', 'expires (UTC)', 'state', 'identity', 'painted'],
		records.map(({ id, subject, purpose, scope = [], expires = '', state, hasIdentity, painted }) => [
			...[id, subject, purpose, scope.join(','), expires.slice(0, 16).replace('T', ' '), state],
			...[hasIdentity ? 'kept' : 'none', painted],
		]),
	);
}

/** What `--json` prints of ended consent. */
export const endedJson = {
	'records[]': 'the ids of the records',
	painted: 'how many images were painted under them',
	'recipes[]': 'digests of the recipes of these, as the log has them',
	'files[]': 'those of the saved recipes that are among them',
};

type Ended = EndedConsent & { files: string[] };

/** Ends consent, and tells which of the saved recipes are of images that were painted under it. */
export async function endConsent(
	ledger: ConsentLedger,
	end: () => Promise<EndedConsent>,
	files: readonly string[],
	context: Context,
): Promise<Ended> {
	const digests = new Map<string, string>();
	for (const file of files) digests.set(file, ledger.recipeDigest(await readRecipe(file, context)));
	const ended = await end();
	const among = files.filter((file) => ended.recipes.includes(digests.get(file)!));
	if (files.length > 0 && among.length === 0) context.note('None of the recipes that you named is of these.');
	return { ...ended, files: among };
}

export function many(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function endedText(verb: string, { records, painted, recipes, files }: Ended): string {
	return [
		`${verb} ${many(records.length, 'record')}, under which ${many(painted, 'image')} ${painted === 1 ? 'was' : 'were'} painted.`,
		...(recipes.length === 0 ? [] : ['Digests of their recipes:', ...recipes.map((digest) => `  ${digest}`)]),
		...(files.length === 0
			? []
			: ['Of the recipes that you named, these are among them:', ...files.map((file) => `  ${nameOf(file)}`)]),
	].join('\n');
}
