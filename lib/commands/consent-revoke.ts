// `consent revoke`: ends consent.
import { defineCommand } from '../cli/command.ts';
import { distinct } from '../cli/inputs.ts';
import { choiceOptions, endConsent, endedJson, endedText, ledgerOptions, openLedger } from '../cli/ledger.ts';

export default defineCommand({
	arguments: ['[recipe...]'],
	options: { ...choiceOptions, ...ledgerOptions },
	example: 'arc2face consent revoke --ledger consent.ledger --key-file key --subject c-1042 portraits/*.recipe.json',
	json: endedJson,

	async run({ values: { subject, purpose, record, ...values }, positionals }, context) {
		await using ledger = await openLedger(values, 'consent revoke');
		const files = distinct(positionals, context);
		const end = () => ledger.revoke({ subject, purpose, record });
		return await endConsent(ledger, end, files, context);
	},

	text: (ended) => endedText('Revoked', ended),
});
