// What a call is told that may not paint somebody. How alike somebody is to whom, no message tells: from such answers an embedding
// could be approached step by step.
import { Arc2FaceError, type ConsentReason } from '../errors.ts';
import type { Sentence, Wording } from '../messages/wording.ts';
import type { AskedConsent, Person } from '../options/consent.ts';

export function refused(
	reason: ConsentReason,
	{ index, photo, subject }: Omit<Person, 'embedding'>,
	{ purpose, scope }: AskedConsent,
	record?: string,
): Arc2FaceError {
	const [problem, remedy] = told[reason];
	const wordsFor = (wording: Wording): Words => ({
		who: subject === undefined ? whoIs(index, photo, wording) : `the subject "${subject}"`,
		purpose: `"${purpose}"`,
		part: scope === undefined ? 'and the call names none' : `and "${scope}" is none of it`,
	});
	return new Arc2FaceError('CONSENT_REQUIRED', (wording) => problem(wordsFor(wording)), {
		remedy,
		details: {
			...{ reason, purpose },
			...(subject !== undefined && { subject }),
			...(scope !== undefined && { scope }),
			...(record !== undefined && { record }),
			...(index !== undefined && { index }),
			...(photo !== undefined && { photo }),
		},
	});
}

export function denied({ index, photo }: Person): Arc2FaceError {
	const problem: Sentence = (wording) =>
		`May not paint ${whoIs(index, photo, wording)}: the deny list has them, or somebody who looks alike.`;
	return new Arc2FaceError('DENIED', problem, {
		details: { ...(index !== undefined && { index }), ...(photo !== undefined && { photo }) },
	});
}

function whoIs(index: number | undefined, photo: string | undefined, { option }: Wording): string {
	if (photo !== undefined) return `a person in the photo of ${option(photo)}`;
	return index === undefined ? 'this person' : `the person at index ${index}`;
}

type Words = { who: string; purpose: string; part: string };

const record: Sentence = ({ either }) =>
	`Record their consent with ${either('`add` of the ledger', '`arc2face consent add`')}, if they give it.`;

const told: Readonly<
	Record<ConsentReason, readonly [problem: (words: Words) => string, remedy: Sentence | undefined]>
> = {
	none: [
		({ who, purpose }) => `There is no consent to paint ${who} for ${purpose}: the ledger has no record of them.`,
		record,
	],
	expired: [
		({ who, purpose }) => `The consent to paint ${who} for ${purpose} has expired.`,
		'Ask again, and record the new consent.',
	],
	revoked: [({ who, purpose }) => `The consent to paint ${who} for ${purpose} was revoked.`, undefined],
	purpose: [
		({ who, purpose }) => `There is no consent to paint ${who} for ${purpose}: what is recorded is for other purposes.`,
		record,
	],
	scope: [
		({ who, purpose, part }) => `The consent to paint ${who} for ${purpose} is for a part of it only, ${part}.`,
		({ option }) => `Name the part with ${option('scope')}, if it is for that.`,
	],
	unlike: [
		({ who }) => `The identity to paint is unlike that which the ledger has of ${who}.`,
		'Name the subject whom it shows.',
	],
};
