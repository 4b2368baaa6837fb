// `dataset merge`: checks the parts of a data set and joins them.
import { defineCommand, UsageError } from '../cli/command.ts';
import { distinct } from '../cli/inputs.ts';
import { localPath } from '../cli/path.ts';
import { exitCodeOfSet, noteMissing, summaryLines, tallyJson } from '../cli/tally.ts';

export default defineCommand({
	arguments: ['<folder...>'],
	options: {
		out: {
			type: 'path',
			value: 'DIR',
			help: 'a new folder for the whole set, or that of this merge, if it was interrupted',
		},
	},
	example: 'arc2face dataset merge part1 part2 --out faces',
	json: {
		out: 'the folder of the whole set',
		data: 'within it, what trainers read',
		shards: 'how many there are',
		...tallyJson,
	},

	async run({ values, positionals }, context) {
		const { out } = values;
		if (out === undefined) throw new UsageError('Expected a folder for --out but received none.');
		const folders = distinct(positionals, context).map((folder) => localPath(folder, 'folders'));
		const { mergeDatasets } = await import('../dataset/merge.ts');
		const merged = await mergeDatasets(folders, out, {
			signal: context.signal,
			onProgress: (done, total) => context.progress('checking', { done, total, unit: 'shards' }),
			onStage: () => context.note('Joining the shards.'),
		});
		noteMissing(merged.tally, context);
		return { out, ...merged };
	},

	text: ({ data, ...merged }) => [...summaryLines(merged), `The data set is in ${data}`].join('\n'),

	exitCode: ({ tally }) => exitCodeOfSet(tally),
});
