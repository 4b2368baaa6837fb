// `deny add`: puts a person on a deny list.
import { defineCommand } from '../cli/command.ts';
import { readIdentity } from '../cli/identity-file.ts';
import { readInput } from '../cli/inputs.ts';
import { denyListOptions, openDenyList, required } from '../cli/ledger.ts';

export default defineCommand({
	arguments: [],
	options: {
		subject: { type: 'string', value: 'REF', help: 'how you call the person elsewhere' },
		identity: {
			type: 'path',
			value: 'FILE',
			help: 'whom they look like: a saved identity (.json, or - for stdin; see arc2face encode); several photos make several',
		},
		...denyListOptions,
	},
	example: 'arc2face deny add --deny-list people.deny --key-file key --subject p-7 --identity ben.json',
	json: { subject: 'who is on the list now' },

	async run({ values }, context) {
		const { subject, identity } = required(values, 'deny add', 'subject', 'identity');
		const person = await readIdentity(identity, await readInput(identity, context));
		await using list = await openDenyList({ denyList: values.denyList, keyFile: values.keyFile }, 'deny add', true);
		await list.add(subject, person);
		return { subject };
	},

	text: ({ subject }) => `${subject} is on the deny list.`,
});
