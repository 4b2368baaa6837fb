// The options about consent: of ledgers and deny lists, and of calls that paint under them.
import { isDate, isUint8Array } from './brands.ts';
import { check, invalid, listOf, number, type Rule, rules } from './check.ts';
import { pathOf, pathRule } from './path.ts';
import type { Recipe } from './recipe.ts';

/** What a call that paints says of the consent it has. With a model that was loaded with `consent` alone. */
export interface ConsentOptions {
	/** What the images are for, as the records of the ledger say it; needed. */
	purpose?: string | undefined;
	/** Under whose record: their reference in the ledger, or one for each identity (default: found by similarity). */
	subject?: string | readonly string[] | undefined;
	/** For which part of the purpose, needed for records that have a `scope`. */
	scope?: string | undefined;
}

/** What is asked for one image. */
export type AskedConsent = Readonly<{
	/** What it is for. */
	purpose: string;
	/** For which part of that. */
	scope: string | undefined;
}>;

/** The option `consent` of `load`: a `ConsentLedger`. */
export interface Consents {
	/**
	 * Looks for a valid record of each person.
	 *
	 * @param people - an embedding of each, and the subject if it is known; `photo` where they are shown in one
	 * @param asked - what for
	 * @param threshold - least similarity of one person's embeddings, unless the ledger has its own
	 * @returns the record of each
	 * @throws {Arc2FaceError} `CONSENT_REQUIRED`; `LEDGER_DAMAGED`; `FILE_FAILED`
	 */
	permit(people: readonly Person[], asked: AskedConsent, threshold: number): Promise<string[]>;
	/**
	 * Writes down that images are about to be shown while they are painted.
	 *
	 * @param records - under which
	 * @param asked - what for
	 * @throws {Arc2FaceError} as {@link permit}
	 */
	logPreviews(records: readonly string[], asked: AskedConsent): Promise<void>;
	/**
	 * Writes down an image that is about to be handed out, if all its records are still valid.
	 *
	 * @param records - under which: of who is painted, and of who is shown in photos that it was painted from
	 * @param asked - what for
	 * @param recipe - undefined for an image that no recipe tells
	 * @throws {Arc2FaceError} as {@link permit}
	 */
	logPainted(records: readonly string[], asked: AskedConsent, recipe: Recipe | undefined): Promise<void>;
	/**
	 * Writes down that a person was encoded, under the record that has the same identity, if there is one.
	 *
	 * @param embedding - 512 numbers of length 1
	 * @param threshold - as for {@link permit}
	 * @throws {Arc2FaceError} `LEDGER_DAMAGED`; `FILE_FAILED`
	 */
	logEncoded(embedding: Float32Array, threshold: number): Promise<void>;
}

/** The option `denyList` of `load`: a `DenyList`, which tells nobody but models who is on it. */
export interface Denials {
	/** Absolute path. */
	readonly file: string;
}

/**
 * @param people - an embedding of each, and the photo where they are shown in one
 * @param threshold - least similarity of one person's embeddings, unless the list has its own
 * @throws {Arc2FaceError} `DENIED` if one is on the list; `LEDGER_DAMAGED`; `FILE_FAILED`
 * @internal
 */
export type RequireNone = (people: readonly Person[], threshold: number) => Promise<void>;

/**
 * What models ask of each open deny list. No list has it as a method: asking with ever other thresholds tells how alike somebody is, and so
 * in the end the embeddings.
 *
 * @internal
 */
export const denials = new WeakMap<Denials, RequireNone>();

/** Somebody who is about to be painted, or shown in a photo that is painted from. */
export type Person = Readonly<{
	/** 512 numbers of length 1. */
	embedding: Float32Array;
	/** Index among the identities of the call, if it has several; absent for who is shown in a photo. */
	index?: number;
	/** Reference in the ledger, where the call names it. */
	subject?: string | undefined;
	/** The option whose photo shows them: `image` or `reference.photo`. */
	photo?: string;
}>;

/** How a ledger or a deny list is opened. */
export interface OpenOptions {
	/**
	 * 32 random bytes, or the text of them in base64 or hexadecimal. Identities are encrypted with it, and the log is sealed with it. A ledger
	 * that was made without a key holds no identities.
	 */
	key?: string | Uint8Array | undefined;
	/** Path or `file:` URL of a file that has the key, as bytes or text. */
	keyFile?: string | URL | undefined;
	/** Make the file if it is missing (default false: a mistyped name would be a ledger without records). */
	create?: boolean | undefined;
	/** Least similarity by which somebody is recognised, 0–1 (default: by the model's bundle, see the guide to consent). */
	threshold?: number | undefined;
}

/** What a person consented to. */
export interface ConsentTerms {
	/** How you call the person elsewhere, such as a customer's number. Stays in the log when all else is erased: not a name. */
	subject: string;
	/** What the images are for. */
	purpose: string;
	/** For which parts of the purpose alone, such as campaigns (default: all of it). */
	scope?: readonly string[] | undefined;
	/** When consent ends: a `Date`, or an ISO date, of which a day alone counts to its end in UTC (default: when it is revoked). */
	expires?: Date | string | undefined;
	/** SHA-256, in hexadecimal, of what proves the consent, such as a signed form. */
	evidence?: string | undefined;
	/** Path or `file:` URL of that, to be digested. */
	evidenceFile?: string | URL | undefined;
}

/** Which records of a `ConsentLedger`. */
export interface RecordChoice {
	/** The record's `id`. */
	record?: string | undefined;
	/** All of this subject. */
	subject?: string | undefined;
	/** Of these, only those for this purpose. */
	purpose?: string | undefined;
}

/** The environment variable that holds the key on the command line. @internal */
export const keyVariable = 'ARC2FACE_CONSENT_KEY';

/** Control characters would let a line of a log look like another. */
export const referenceRule: Rule = {
	expected: 'a text of 1 to 200 characters, without control characters',
	fits: (value) => typeof value === 'string' && /^\P{Cc}{1,200}$/u.test(value),
};

const hexDigest: Rule = {
	expected: 'a SHA-256 in hexadecimal',
	fits: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value),
};
const key: Rule = {
	expected: '32 bytes, or their text in base64 or hexadecimal',
	fits: (value) => typeof value === 'string' || isUint8Array(value),
};
const dateRule: Rule = {
	expected: ({ either }) =>
		`${either('a Date, or an ISO date', 'an ISO date')} such as 2027-12-31 or 2027-12-31T12:00:00Z`,
	fits: (value) => momentOf(value) !== undefined,
};

/** @internal */
export const consentRules = {
	purpose: referenceRule,
	subject: {
		expected: `${referenceRule.expected as string}, or one for each identity`,
		fits: (value: unknown) => referenceRule.fits(value) || listOf(referenceRule).fits(value),
	},
	scope: referenceRule,
};

/** @internal */
export const guardRules = {
	consent: guard('a ConsentLedger', 'permit', 'logPreviews', 'logPainted', 'logEncoded'),
	denyList: {
		expected: 'a DenyList, opened',
		fits: (value: unknown) => denials.has(value as Denials),
	},
};

function guard(expected: string, ...methods: readonly string[]): Rule {
	return {
		expected: `${expected}, opened`,
		fits: (value) =>
			typeof value === 'object' &&
			value !== null &&
			methods.every((name) => typeof Reflect.get(value, name) === 'function'),
	};
}

/**
 * What a call says of its consent; undefined if its model has no ledger.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a call without a purpose, and for one that says something where there is no ledger
 * @internal
 */
export function resolveConsent(
	{ purpose, subject, scope }: ConsentOptions,
	identities: number,
	hasLedger: boolean,
): (AskedConsent & { subjects: readonly (string | undefined)[] }) | undefined {
	if (!hasLedger) {
		const [option] = Object.entries({ purpose, subject, scope }).find(([, value]) => value !== undefined) ?? [];
		if (option === undefined) return undefined;
		throw invalid((wording) => `a model with a ledger (${wording.option('consent')})`, option, 'one without');
	}
	if (purpose === undefined) {
		throw invalid('what the images are for, as the ledger has it,', 'purpose', 'nothing');
	}
	const subjects = typeof subject === 'object' ? subject : Array.from({ length: identities }, () => subject);
	if (subjects.length !== identities) {
		throw invalid(`one text, or ${identities} of them`, 'subject', `${subjects.length} of them`);
	}
	return { purpose, scope, subjects: [...subjects] };
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` @internal */
export function checkOpenOptions(call: string, options: OpenOptions): void {
	check(call, options, { key, keyFile: pathRule, create: rules.flag, threshold: number(0, 1) });
	if (options.key !== undefined && options.keyFile !== undefined) {
		throw invalid('none beside `keyFile`', 'key', 'both');
	}
}

/**
 * @param extra - rules of further options
 * @returns with the moment at which consent ends, as an ISO date
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function resolveTerms(terms: ConsentTerms, extra: Readonly<Record<string, Rule>>) {
	check('add', terms, {
		...{ subject: referenceRule, purpose: referenceRule, scope: listOf(referenceRule), expires: dateRule },
		...{ evidence: hexDigest, evidenceFile: pathRule, ...extra },
	});
	const { subject, purpose, scope, expires, evidence, evidenceFile } = terms;
	for (const [name, value] of Object.entries({ subject, purpose })) {
		if (value === undefined) throw invalid(referenceRule.expected, name, 'nothing');
	}
	if (evidence !== undefined && evidenceFile !== undefined) {
		throw invalid('none beside `evidenceFile`', 'evidence', 'both');
	}
	return {
		...{ subject, purpose, scope: scope && [...new Set(scope)], expires: expires && momentOf(expires) },
		...{ evidence: evidence?.toLowerCase(), evidenceFile: evidenceFile && pathOf(evidenceFile, 'evidenceFile') },
	};
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` @internal */
export function checkChoice(call: string, choice: RecordChoice): void {
	check(call, choice, { record: rules.text, subject: referenceRule, purpose: referenceRule });
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for a choice of everything @internal */
export function requireChoice(call: string, choice: RecordChoice): void {
	checkChoice(call, choice);
	if (choice.record !== undefined || choice.subject !== undefined) return;
	throw invalid('a record or a subject', 'subject', 'neither');
}

function momentOf(value: unknown): string | undefined {
	if (isDate(value)) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
	if (typeof value !== 'string') return undefined;
	const [, day, time] = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(value) ?? [];
	if (day === undefined) return undefined;
	const start = new Date(time === undefined ? `${day}T00:00:00Z` : value);
	// JavaScript takes the 30th of February for the 2nd of March.
	const isDay = !Number.isNaN(start.getTime()) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
	if (!isDay) return undefined;
	const dayMs = 86_400_000;
	return (time === undefined ? new Date(start.getTime() + dayMs) : start).toISOString();
}
