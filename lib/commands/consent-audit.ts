// `consent audit`: whether a ledger is whole.
import { defineCommand, UsageError } from '../cli/command.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { ledgerOptions, many, openLedger } from '../cli/ledger.ts';
import type { LedgerFault } from '../consent/audit.ts';
import type { LogHead } from '../consent/log.ts';

export default defineCommand({
	arguments: [],
	options: {
		head: {
			type: 'string',
			value: 'ROW:SHA256',
			help: 'the last row that an earlier audit told: the log has to have it still',
		},
		...ledgerOptions,
	},
	example: 'arc2face consent audit --ledger consent.ledger --key-file key',
	json: {
		rows: 'how many the log has',
		records: 'how many there are',
		'head.row': 'the last row of the log; keep it elsewhere, for --head',
		'head.hash': 'its SHA-256',
		isSealed: 'whether the log is sealed with a key',
		'faults[].row': 'of the log, where something is wrong',
		'faults[].record': 'of which it is',
		'faults[].problem': 'what is wrong; without faults the exit code is 0, else 1',
	},

	async run({ values: { head, ...values } }) {
		const known = head === undefined ? undefined : parseHead(head);
		await using ledger = await openLedger(values, 'consent audit');
		return await ledger.audit({ head: known });
	},

	text: ({ rows, records, head, isSealed, faults }) =>
		[
			...(faults.length === 0
				? [`The ledger is whole: ${many(records, 'record')}, and ${many(rows, 'row')} in its log.`]
				: ['The ledger is damaged:', ...faults.map(faultText)]),
			`Its last row is ${head.row}:${head.hash}`,
			...(isSealed ? [] : ['It has no key: whoever can write the file could have written another log.']),
		].join('\n'),

	exitCode: ({ faults }) => (faults.length === 0 ? exitCodes.done : exitCodes.failed),
});

function faultText({ row, record, problem }: LedgerFault): string {
	const place = [row === undefined ? [] : [`row ${row}`], record === undefined ? [] : [`record ${record}`]].flat();
	return `  ${place.join(', ')}: ${problem}`;
}

function parseHead(text: string): LogHead {
	const [, row, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
	if (row !== undefined && hash !== undefined) return { row: Number(row), hash };
	throw new UsageError(`Expected ROW:SHA256, as an audit tells it, for --head but received ${JSON.stringify(text)}.`);
}
