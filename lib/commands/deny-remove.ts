// `deny remove`: takes a person off a deny list.
import { defineCommand } from '../cli/command.ts';
import { denyListOptions, openDenyList, required } from '../cli/ledger.ts';

export default defineCommand({
	arguments: [],
	options: { subject: { type: 'string', value: 'REF', help: 'who' }, ...denyListOptions },
	example: 'arc2face deny remove --deny-list people.deny --key-file key --subject p-7',
	json: { subject: 'who is not on the list any more' },

	async run({ values: { denyList, keyFile, ...values } }) {
		const { subject } = required(values, 'deny remove', 'subject');
		await using list = await openDenyList({ denyList, keyFile }, 'deny remove');
		await list.remove(subject);
		return { subject };
	},

	text: ({ subject }) => `${subject} is not on the deny list any more.`,
});
