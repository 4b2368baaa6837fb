// `encode`: saves the identities in photos.
import { join } from 'node:path';
import { defineCommand, UsageError } from '../cli/command.ts';
import { encodeFace, faceChoice, faceOptions, faceText } from '../cli/face.ts';
import { requireIdentityName } from '../cli/identity-file.ts';
import { exitCodeOfAll, forEachPhoto, hasResult } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { requireFree, writeTextFile } from '../cli/new-file.ts';
import { standardStream, stemOf } from '../cli/path.ts';

export default defineCommand({
	arguments: ['<photo...>'],
	options: {
		...faceOptions,
		out: {
			type: 'path',
			value: 'PLACE',
			help: 'file, as .json; for several photos their folder; - for stdout (default: <photo>.json; with --json: nowhere)',
		},
		force: { type: 'boolean', help: 'overwrite files that exist' },
		...modelOptions,
		json: { type: 'boolean', help: 'print the identity as JSON; of several photos a list' },
	},
	example: 'arc2face encode anna.jpg --out anna.json',

	async run({ values, positionals: photos }, context) {
		const face = faceChoice(values);
		const files = filesFor(photos, values);
		const fileOf = (source: string) => files[photos.indexOf(source)];
		const check = async (source: string) => {
			const file = fileOf(source);
			if (file !== undefined) await requireFree(file, values.force === true);
		};
		const results = await forEachPhoto(photos, { values, context, check }, async (model, { source, photo }) => {
			const identity = await encodeFace(model, photo, { face, context });
			const { face: found, warnings } = identity;
			const saved = { face: found!, warnings, ...identity.toJSON() };
			const file = fileOf(source);
			if (file !== undefined) await writeTextFile(file, `${JSON.stringify({ photo: source, ...saved })}\n`);
			return { ...(file === undefined ? {} : { file }), ...saved };
		});
		const identities = results.map((result, i) => ({ photo: photos[i]!, ...result }));
		// A single one as in a file of `encode`, so that stdout can be saved.
		return photos.length === 1 ? identities[0]! : identities;
	},

	text: (result) => {
		const identities = [result].flat().filter(hasResult);
		return identities
			.map(({ file, ...saved }) =>
				file === undefined
					? JSON.stringify(saved)
					: `The identity of the person in ${saved.photo} is in ${file} (${faceText(saved.face)})`,
			)
			.join('\n');
	},

	exitCode: (result) => exitCodeOfAll([result].flat()),
});

/**
 * The file for each identity; none when they are printed.
 *
 * @throws {UsageError} for a name that does not suit an identity
 */
function filesFor(
	photos: readonly string[],
	{ out, json, keypoints }: { out?: string | undefined; json?: boolean | undefined; keypoints?: string | undefined },
): string[] {
	if (keypoints !== undefined && photos.length > 1) {
		throw new UsageError(`Expected one photo with --keypoints but received ${photos.length}.`);
	}
	if (out === standardStream || (out === undefined && json)) return [];
	if (out !== undefined && photos.length === 1) {
		requireIdentityName(out, '--out');
		return [out];
	}
	const files = photos.map((photo) => join(out ?? '.', `${stemOf(photo)}.json`));
	const twice = files.find((file, i) => files.indexOf(file) < i);
	if (twice === undefined) return files;
	throw new UsageError(`Two identities would be written to ${twice}. Rename one of the photos, or run them apart.`);
}
