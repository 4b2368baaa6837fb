// `engines list`: shows the engines in the cache.
import { formatBytes } from '../cli/bytes.ts';
import { defineCommand } from '../cli/command.ts';
import { engineJson, engineTable, rowOf } from '../cli/engine-table.ts';
import { modelOptions } from '../cli/model.ts';
import { EngineCache } from '../engines/cache.ts';

export default defineCommand({
	arguments: [],
	options: { cacheDir: modelOptions.cacheDir },
	example: 'arc2face engines list --json',
	json: {
		folder: 'where the engines are',
		...engineJson('engines[]'),
		leftoverBytes: 'what interrupted builds have left',
		timingsBytes: 'what builders have timed on GPUs, which makes later builds faster',
	},

	async run({ values }) {
		const cache = new EngineCache({ cacheDir: values.cacheDir });
		const { engines, ...bytes } = await cache.list();
		return { folder: cache.folder, engines: engines.map(rowOf), ...bytes };
	},

	text: ({ folder, engines, leftoverBytes, timingsBytes }) => {
		const leftovers = `Interrupted builds have left ${formatBytes(leftoverBytes)}; \`arc2face engines clean\` deletes them.`;
		return [
			...(engines.length === 0 ? ['No engines.'] : [engineTable(engines)]),
			'',
			...(leftoverBytes === 0 ? [] : [leftovers]),
			...(timingsBytes === 0 ? [] : [`What builders have timed is kept beside them: ${formatBytes(timingsBytes)}.`]),
			`The engines are in ${folder}`,
		].join('\n');
	},
});
