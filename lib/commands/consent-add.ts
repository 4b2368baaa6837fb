// `consent add`: records that a person consented.
import { defineCommand } from '../cli/command.ts';
import { readIdentity } from '../cli/identity-file.ts';
import { readInput } from '../cli/inputs.ts';
import { ledgerOptions, openLedger, recordJson, required } from '../cli/ledger.ts';

export default defineCommand({
	arguments: [],
	options: {
		subject: {
			type: 'string',
			value: 'REF',
			help: "how you call the person elsewhere, such as a customer's number: it stays in the log, so not a name",
		},
		purpose: { type: 'string', value: 'PURPOSE', help: 'what the images are for' },
		scope: { type: 'list', value: 'A,B', help: 'for these parts of the purpose alone (default: all of it)' },
		expires: {
			type: 'string',
			value: 'DATE',
			help: 'when consent ends: an ISO date; a day alone counts to its end, in UTC (default: when it is revoked)',
		},
		evidenceFile: { type: 'path', value: 'FILE', help: 'what proves the consent: its SHA-256 is kept' },
		evidence: { type: 'string', value: 'SHA256', help: 'or that digest itself' },
		identity: {
			type: 'path',
			value: 'FILE',
			help: 'whom it is about: a saved identity (.json, or - for stdin; see arc2face encode), kept encrypted',
		},
		...ledgerOptions,
	},
	example:
		'arc2face consent add --ledger consent.ledger --key-file key --subject c-1042 --purpose ads --identity anna.json',
	json: Object.fromEntries(Object.entries(recordJson).map(([path, what]) => [path.replace('records[].', ''), what])),

	async run({ values }, context) {
		const { scope, expires, evidence, evidenceFile, identity, ledger, keyFile } = values;
		const named = required(values, 'consent add', 'subject', 'purpose');
		const person =
			identity === undefined ? undefined : await readIdentity(identity, await readInput(identity, context));
		await using opened = await openLedger({ ledger, keyFile }, 'consent add', true);
		const record = await opened.add({
			subject: named.subject,
			purpose: named.purpose,
			scope,
			expires,
			evidence,
			evidenceFile,
			identity: person,
		});
		if (record.state === 'expired') {
			context.note(`Nobody may be painted under this record: it expired at ${record.expires}.`);
		}
		return record;
	},

	text: ({ id, subject, purpose, hasIdentity }) =>
		`Recorded as ${id}: ${subject} consents to ${purpose}${hasIdentity ? '; the identity is kept, encrypted' : ''}.`,
});
