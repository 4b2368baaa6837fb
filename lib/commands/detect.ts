// `detect`: where the faces are in photos.
import { defineCommand } from '../cli/command.ts';
import { exitCodes, worst } from '../cli/exit-codes.ts';
import { exitCodeOfAll, forEachPhoto, hasFailed, hasResult } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { table } from '../cli/table.ts';

export default defineCommand({
	arguments: ['<photo...>'],
	options: modelOptions,
	example: 'arc2face detect group.jpg --json',

	async run({ values, positionals }, context) {
		const results = await forEachPhoto(positionals, { values, context }, async (model, { photo }) => ({
			faces: await model.detect(photo, { signal: context.signal }),
		}));
		return { photos: results.map((result, i) => ({ photo: positionals[i]!, ...result })) };
	},

	text: ({ photos }) =>
		photos
			.filter(hasResult)
			.map(({ photo, faces }) => {
				const isTurned = faces.some(({ rotation }) => rotation !== 0);
				const rows = faces.map(({ box, score, rotation }, index) => [
					index,
					Number(score.toFixed(3)),
					Math.round(box.x),
					Math.round(box.y),
					Math.round(box.width),
					Math.round(box.height),
					...(isTurned ? [rotation] : []),
				]);
				const titles = ['face', 'score', 'x', 'y', 'width', 'height', ...(isTurned ? ['rotation'] : [])];
				const found = rows.length === 0 ? 'no face' : table(titles, rows);
				return `${photo}\n${found}`;
			})
			.join('\n\n'),

	exitCode: ({ photos }) => {
		const isFaceless = photos.some((result) => !hasFailed(result) && result.faces.length === 0);
		return worst([exitCodeOfAll(photos), isFaceless ? exitCodes.noFace : exitCodes.done]);
	},
});
