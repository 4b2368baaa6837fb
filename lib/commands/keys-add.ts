// `keys add`: makes an API key of the server, and shows it once.
import { defineCommand } from '../cli/command.ts';
import { keysFile, keysOptions } from '../cli/keys.ts';
import { addKey } from '../server/clients/key-file.ts';

export default defineCommand({
	arguments: ['<name>'],
	options: {
		...keysOptions,
		requestsPerMinute: { type: 'number', value: 'N', help: "how often it may ask (default: the server's own limit)" },
		imagesPerDay: {
			type: 'number',
			value: 'N',
			help: "how many images it may have; 0 for who only reads metrics (default: the server's own limit)",
		},
	},
	example: 'arc2face keys add anna --keys server.keys --images-per-day 1000',
	json: { name: 'whose key it is', key: 'the key; the file has only its digest, and nothing shows it again' },

	async run({ values, positionals: [name = ''] }) {
		const { requestsPerMinute, imagesPerDay } = values;
		const key = await addKey(keysFile(values, 'keys add'), name, { requestsPerMinute, imagesPerDay });
		return { name, key };
	},

	text: ({ name, key }) => `${key}\nThis is the key of ${name}. Keep it: it is not shown again.`,
});
