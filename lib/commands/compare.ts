// `compare`: how similar two people are.
import { defineCommand } from '../cli/command.ts';
import { encodeFace } from '../cli/face.ts';
import { isIdentityFile, readIdentity } from '../cli/identity-file.ts';
import { attempt, exitCodeOfAll, type Failed, forEachPhoto, hasFailed } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { localPath } from '../cli/path.ts';
import type { Identity } from '../identity.ts';

export default defineCommand({
	arguments: ['<a>', '<b>'],
	options: modelOptions,
	example: 'arc2face compare anna.jpg portraits/anna-42.png',

	async run({ values, positionals }, context) {
		const [a, b] = positionals as [string, string];
		const found = new Map<string, Identity | Failed>();
		for (const file of new Set(positionals.filter(isIdentityFile))) {
			found.set(file, await attempt(file, context, () => readIdentity(localPath(file))));
		}
		const photos = [...new Set(positionals.filter((path) => !isIdentityFile(path)))];
		if (photos.length > 0) {
			const identities = await forEachPhoto(photos, { values, context }, (model, { photo }) =>
				encodeFace(model, photo, { context }),
			);
			for (const [i, identity] of identities.entries()) found.set(photos[i]!, identity);
		}
		const [one, other] = [found.get(a), found.get(b)];
		if (one && other && !hasFailed(one) && !hasFailed(other)) return { a, b, similarity: one.similarity(other) };
		const failed = [...found].flatMap(([source, result]) => (hasFailed(result) ? { source, ...result } : []));
		return { a, b, failed };
	},

	text: ({ similarity }) => (similarity === undefined ? '' : `similarity ${similarity.toFixed(3)}`),

	exitCode: ({ failed }) => exitCodeOfAll(failed ?? []),
});
