// `detect`: where the faces are in photos.
import { defineCommand } from '../cli/command.ts';
import { exitCodes, worst } from '../cli/exit-codes.ts';
import { detectOptions } from '../cli/face.ts';
import { distinct, exitCodeOfAll, forEachPhoto, hasFailed, hasResult, resultsJson } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { nameOf } from '../cli/path.ts';
import { table } from '../cli/table.ts';
import { resolveDetectOptions } from '../options/faces.ts';

export default defineCommand({
	arguments: ['<photo...>'],
	options: { ...detectOptions, ...modelOptions },
	example: 'arc2face detect group.jpg --json',
	json: {
		...resultsJson('photo'),
		'results[].faces': 'largest first; a photo without faces has none',
		'results[].faces[].box': 'x, y, width and height, in pixels of the upright photo',
		'results[].faces[].keypoints': 'x and y of eyes, nose and corners of the mouth',
		'results[].faces[].score': '0 to 1',
		'results[].faces[].rotation': 'by how many degrees the photo was turned clockwise to find it',
	},

	async run({ values, positionals }, context) {
		const { threshold } = values;
		resolveDetectOptions({ threshold });
		const photos = distinct(positionals, context);
		const { results, warnings } = await forEachPhoto(photos, { values, context }, async (model, { photo }) => ({
			faces: await model.detect(photo, { threshold, signal: context.signal }),
		}));
		return { results: results.map((result, i) => ({ source: photos[i]!, ...result })), warnings };
	},

	text: ({ results }) =>
		results
			.filter(hasResult)
			.map(({ source, faces }) => {
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
				return `${nameOf(source)}\n${found}`;
			})
			.join('\n\n'),

	exitCode: ({ results }) => {
		const isFaceless = results.some((result) => !hasFailed(result) && result.faces.length === 0);
		return worst([exitCodeOfAll(results), isFaceless ? exitCodes.noFace : exitCodes.done]);
	},
});
