// `keys list`: shows who has an API key of the server.
import { defineCommand } from '../cli/command.ts';
import { keysFile, keysOptions } from '../cli/keys.ts';
import { table } from '../cli/table.ts';
import { readKeyFile } from '../server/clients/key-file.ts';

export default defineCommand({
	arguments: [],
	options: keysOptions,
	example: 'arc2face keys list --keys server.keys',
	json: {
		'keys[].name': 'of the client',
		'keys[].added': 'when, as an ISO date',
		'keys[].requestsPerMinute': 'how often it may ask, where it has a limit of its own',
		'keys[].imagesPerDay': 'how many images it may have, where it has a limit of its own',
	},

	async run({ values }) {
		const entries = await readKeyFile(keysFile(values, 'keys list'));
		return { keys: entries.map(({ name, added, limits }) => ({ name, added, ...limits })) };
	},

	text: ({ keys }) =>
		keys.length === 0
			? 'Nobody.'
			: table(
					['name', 'added (UTC)', 'requests a minute', 'images a day'],
					keys.map(({ name, added, requestsPerMinute, imagesPerDay }) => [
						...[name, added.slice(0, 16).replace('T', ' '), requestsPerMinute ?? '', imagesPerDay ?? ''],
					]),
				),
});
