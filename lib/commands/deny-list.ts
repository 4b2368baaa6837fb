// `deny list`: shows who is on a deny list.
import { defineCommand } from '../cli/command.ts';
import { denyListOptions, openDenyList } from '../cli/ledger.ts';
import { table } from '../cli/table.ts';

export default defineCommand({
	arguments: [],
	options: denyListOptions,
	example: 'arc2face deny list --deny-list people.deny --key-file key',
	json: {
		'people[].subject': 'how the person is called elsewhere',
		'people[].identities': 'how many of them there are; none is given out',
		'people[].added': 'when the first was added, as an ISO date',
	},

	async run({ values }) {
		await using list = await openDenyList(values, 'deny list');
		return { people: await list.list() };
	},

	text: ({ people }) =>
		people.length === 0
			? 'Nobody.'
			: table(
					['subject', 'identities', 'added (UTC)'],
					people.map(({ subject, identities, added }) => [subject, identities, added.slice(0, 16).replace('T', ' ')]),
				),
});
