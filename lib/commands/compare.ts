import { defineCommand } from '../cli/command.ts';
import { encodePhoto } from '../cli/face.ts';
import { isIdentityFile, readIdentity } from '../cli/identity-file.ts';
import { loadModel, modelOptions } from '../cli/model.ts';
import type { Identity } from '../identity.ts';

export default defineCommand({
	name: 'compare',
	summary: 'Tell how similar two people are (-1 to 1), by photo (largest face) or saved identity (.json)',
	positionals: { name: '<a> <b>', least: 2, most: 2 },
	options: modelOptions,
	example: 'arc2face compare anna.jpg portraits/anna-42.png',

	async run({ values, positionals }, context) {
		const [a, b] = positionals as [string, string];
		const identities = new Map<string, Identity>();
		for (const path of positionals.filter(isIdentityFile)) identities.set(path, await readIdentity(path));
		const photos = positionals.filter((path) => !isIdentityFile(path));
		if (photos.length > 0) {
			await using model = await loadModel(values, photos, context);
			for (const photo of photos) {
				identities.set(photo, await encodePhoto(model, photo, { signal: context.signal }));
			}
		}
		return { a, b, similarity: identities.get(a)!.similarity(identities.get(b)!) };
	},

	text: ({ similarity }) => `similarity ${similarity.toFixed(3)}`,
});
