import { defineCommand } from '../cli/command.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { loadModel, modelOptions } from '../cli/model.ts';
import { table } from '../cli/table.ts';

export default defineCommand({
	name: 'detect',
	summary: 'List the faces in each photo, largest first',
	positionals: { name: '<photo…>', least: 1, most: Number.POSITIVE_INFINITY },
	options: modelOptions,
	example: 'arc2face detect group.jpg --json',

	async run({ values, positionals }, context) {
		await using model = await loadModel(values, positionals, context);
		const photos = [];
		for (const photo of positionals) {
			photos.push({ photo, faces: await model.detect(photo, { signal: context.signal }) });
		}
		return { photos };
	},

	text: ({ photos }) =>
		photos
			.map(({ photo, faces }) => {
				const rows = faces.map(({ box, score }, index) => [
					index,
					Number(score.toFixed(3)),
					Math.round(box.x),
					Math.round(box.y),
					Math.round(box.width),
					Math.round(box.height),
				]);
				const found = rows.length === 0 ? 'no face' : table(['face', 'score', 'x', 'y', 'width', 'height'], rows);
				return `${photo}\n${found}`;
			})
			.join('\n\n'),

	exitCode: ({ photos }) => (photos.some(({ faces }) => faces.length === 0) ? exitCodes.noFace : exitCodes.done),
});
