// `consent export`: all that a ledger has of somebody, or of everybody, but for identities.
import { defineCommand } from '../cli/command.ts';
import { choiceOptions, ledgerOptions, openLedger, recordJson } from '../cli/ledger.ts';
import { requireFree, writeTextFile } from '../cli/new-file.ts';

export default defineCommand({
	arguments: [],
	options: {
		...choiceOptions,
		out: { type: 'path', value: 'FILE', help: 'write it there, as JSON (default: stdout)' },
		force: { type: 'boolean', help: 'overwrite a file that exists' },
		...ledgerOptions,
	},
	example: 'arc2face consent export --ledger consent.ledger --key-file key --subject c-1042 --out c-1042.json',
	json: {
		format: 'the form of this: 1',
		ledger: 'random, for ever the same',
		'head.row': 'the last row of the log',
		'head.hash': 'its SHA-256',
		...recordJson,
		'log[]':
			'the rows of the log: row, at, kind (add, revoke, erase, encode, preview or paint), record, and what belongs to it',
		file: 'instead of these, with --out: where it was written',
	},

	async run({ values: { subject, purpose, record, out, force = false, ...values } }) {
		if (out !== undefined)
			await requireFree(out, { inputs: values.ledger === undefined ? [] : [values.ledger], force });
		await using ledger = await openLedger(values, 'consent export');
		const all = await ledger.export({ subject, purpose, record });
		if (out === undefined) return all;
		await writeTextFile(out, `${JSON.stringify(all, undefined, '\t')}\n`);
		return { file: out };
	},

	text: (result) => ('file' in result ? `Exported to ${result.file}` : JSON.stringify(result, undefined, '\t')),
});
