// `keys remove`: takes an API key from a client of the server.
import { defineCommand } from '../cli/command.ts';
import { keysFile, keysOptions } from '../cli/keys.ts';
import { removeKey } from '../server/clients/key-file.ts';

export default defineCommand({
	arguments: ['<name>'],
	options: keysOptions,
	example: 'arc2face keys remove anna --keys server.keys',
	json: { name: 'whose key is gone' },

	async run({ values, positionals: [name = ''] }) {
		await removeKey(keysFile(values, 'keys remove'), name);
		return { name };
	},

	text: ({ name }) => `The key of ${name} is gone; a server that runs lets it in for another second at most.`,
});
