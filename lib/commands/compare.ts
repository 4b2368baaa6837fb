import type { Arc2Face } from '../arc2face.ts';
import type { Identity } from '../identity.ts';
import { type Context, defineCommand } from './command.ts';
import { encodePhoto } from './face.ts';
import { isIdentityFile, readIdentity } from './identity-file.ts';
import { loadModel, modelOptions } from './model.ts';

export default defineCommand({
	name: 'compare',
	summary: 'Tell how similar two people are: cosine of their identities, -1 to 1',
	positionals: { name: '<a> <b>', least: 2, most: 2 },
	options: modelOptions,
	example: 'arc2face compare anna.jpg portraits/anna-42.png',

	async run({ values, positionals }, context) {
		const [a, b] = positionals as [string, string];
		const [one, other] = [a, b].every(isIdentityFile)
			? [await readIdentity(a), await readIdentity(b)]
			: await encodeBoth(a, b, values, context);
		return { a, b, similarity: one.similarity(other) };
	},

	text: ({ similarity }) => `similarity ${similarity.toFixed(3)}`,
});

async function encodeBoth(
	a: string,
	b: string,
	values: Parameters<typeof loadModel>[0],
	context: Context,
): Promise<[Identity, Identity]> {
	await using model = await loadModel(values, context);
	return [await identityOf(model, a, context), await identityOf(model, b, context)];
}

function identityOf(model: Arc2Face, path: string, { signal }: Context): Promise<Identity> {
	return isIdentityFile(path) ? readIdentity(path) : encodePhoto(model, path, { signal });
}
