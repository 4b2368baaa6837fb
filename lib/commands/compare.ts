// `compare`: how similar two people are.
import { defineCommand } from '../cli/command.ts';
import { detectOptions, encodeFace } from '../cli/face.ts';
import { isIdentity, readIdentity } from '../cli/identity-file.ts';
import { exitCodeOfAll, forEachPhoto, hasFailed } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { warningsOf } from '../cli/wording.ts';
import { resolveDetectOptions } from '../options/faces.ts';

export default defineCommand({
	arguments: ['<a>', '<b>'],
	options: { ...detectOptions, ...modelOptions },
	example: 'arc2face compare anna.jpg portraits/anna-42.png',
	json: {
		a: 'the first input, as named on the command line',
		b: 'the second',
		similarity: '-1 to 1',
		failed: 'instead, where an input failed: those that did',
		'failed[].source': 'the input, as named on the command line',
		'failed[].error': 'why it failed',
		warnings: 'what may be wrong with the model, or with the face of an input, the source: code and message of each',
	},

	async run({ values, positionals }, context) {
		const [a, b] = positionals as [string, string];
		const { threshold } = values;
		resolveDetectOptions({ threshold });
		const sources = [...new Set([a, b])];
		const withoutModel = async (source: string, content: string | Buffer) =>
			isIdentity(content) ? await readIdentity(source, content) : undefined;
		const { results, warnings: ofModel } = await forEachPhoto(
			sources,
			{ values, context, withoutModel },
			(model, { photo }) => encodeFace(model, photo, { threshold, context }),
		);
		const ofFaces = results.flatMap((result, i) =>
			hasFailed(result) ? [] : warningsOf(result).map((warning) => ({ source: sources[i]!, ...warning })),
		);
		const warnings = [...ofModel, ...ofFaces];
		const [one, other = one] = results;
		if (one && other && !hasFailed(one) && !hasFailed(other)) {
			return { a, b, similarity: one.similarity(other), warnings };
		}
		const failed = results.flatMap((result, i) => (hasFailed(result) ? { source: sources[i]!, ...result } : []));
		return { a, b, failed, warnings };
	},

	text: ({ similarity }) => (similarity === undefined ? '' : `similarity ${similarity.toFixed(3)}`),

	exitCode: ({ failed }) => exitCodeOfAll(failed ?? []),
});
