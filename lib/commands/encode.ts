import { parse } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import { encodePhoto, faceChoice, faceOptions } from '../cli/face.ts';
import { requireIdentityName } from '../cli/identity-file.ts';
import { loadModel, modelOptions } from '../cli/model.ts';
import { requireAbsent, writeTextFile } from '../cli/new-file.ts';

export default defineCommand({
	name: 'encode',
	summary: 'Save the identity of the person in a photo, for generate and compare',
	positionals: { name: '<photo>', least: 1, most: 1 },
	options: {
		...faceOptions,
		out: {
			type: 'string',
			value: 'FILE',
			help: 'where to save it, as .json (default: <photo>.json; with --json: nowhere)',
		},
		force: { type: 'boolean', help: 'overwrite a file that exists' },
		...modelOptions,
		json: { type: 'boolean', help: 'print the identity as JSON' },
	},
	example: 'arc2face encode anna.jpg --out anna.json',

	async run({ values, positionals }, context) {
		const [photo] = positionals as [string];
		const face = faceChoice(values);
		if (values.out !== undefined) requireIdentityName(values.out, '--out');
		const file = values.out ?? (values.json ? undefined : `${parse(photo).name}.json`);
		if (file !== undefined && !values.force) await requireAbsent(file);

		await using model = await loadModel(values, [photo], context);
		const identity = await encodePhoto(model, photo, { face, signal: context.signal });
		if (file !== undefined) await writeTextFile(file, `${JSON.stringify({ photo, ...identity.toJSON() })}\n`);
		return { photo, ...(file === undefined ? {} : { file }), ...identity.toJSON() };
	},

	text: ({ photo, file }) => `The identity of the person in ${photo} is in ${file}`,
});
