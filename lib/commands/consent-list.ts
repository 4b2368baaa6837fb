// `consent list`: shows the records of a ledger.
import { defineCommand } from '../cli/command.ts';
import { choiceOptions, ledgerOptions, openLedger, recordJson, recordTable } from '../cli/ledger.ts';

export default defineCommand({
	arguments: [],
	options: { ...choiceOptions, ...ledgerOptions },
	example: 'arc2face consent list --ledger consent.ledger --key-file key --subject c-1042',
	json: recordJson,

	async run({ values: { subject, purpose, record, ...values } }) {
		await using ledger = await openLedger(values, 'consent list');
		return { records: await ledger.list({ subject, purpose, record }) };
	},

	text: ({ records }) => (records.length === 0 ? 'No records.' : recordTable(records)),
});
