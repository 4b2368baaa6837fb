// `encode`: saves the identities in photos.
import { join } from 'node:path';
import { defineCommand, UsageError } from '../cli/command.ts';
import { encodeFace, faceChoice, faceOptions, faceText } from '../cli/face.ts';
import { requireIdentityName } from '../cli/identity-file.ts';
import { distinct, exitCodeOfAll, forEachPhoto, hasResult, resultsJson } from '../cli/inputs.ts';
import { modelOptions } from '../cli/model.ts';
import { makeFolderOf, privateMode, requireFree, writeTextFile } from '../cli/new-file.ts';
import { nameOf, standardStream, stemOf } from '../cli/path.ts';
import { warningsOf } from '../cli/wording.ts';
import { writeEmbeddings } from '../dataset/identities/file.ts';
import { embeddingLength } from '../identity.ts';

export default defineCommand({
	arguments: ['<photo...>'],
	options: {
		...faceOptions,
		out: {
			type: 'path',
			value: 'PLACE',
			help: 'file, as .json; for several photos their folder; or an .npy of all [n, 512], for dataset; - for stdout (default: <photo>.json; with --json: nowhere)',
		},
		force: { type: 'boolean', help: 'overwrite files that exist' },
		...modelOptions,
	},
	example: 'arc2face encode anna.jpg --out anna.json',
	json: {
		...resultsJson('photo'),
		'results[].file': 'where the identity was written, with --out',
		'results[].row': 'which row of it, from 0, if that is an array of all',
		'results[].identity': 'what a file of an identity holds',
		'results[].identity.photo': 'the photo, as named on the command line',
		'results[].identity.face': 'which face it is and where: index, count, box, keypoints, score, rotation',
		'results[].identity.warnings': 'what may be wrong with the face: code and message of each',
		'results[].identity.embedding': '512 numbers',
	},

	async run({ values, positionals }, context) {
		const photos = distinct(positionals, context);
		const face = faceChoice(values);
		const array = isArray(values.out) ? values.out : undefined;
		const mayOverwrite = { inputs: photos, force: values.force === true };
		if (array !== undefined) await requireFree(array, mayOverwrite);
		const files = filesFor(photos, values);
		const fileOf = (source: string) => files[photos.indexOf(source)];
		const check = async (source: string) => {
			const file = fileOf(source);
			if (file !== undefined) await requireFree(file, mayOverwrite);
		};
		const { results, warnings } = await forEachPhoto(
			photos,
			{ values, context, check },
			async (model, { source, photo }) => {
				const encoded = await encodeFace(model, photo, { face, threshold: values.threshold, context });
				const { face: found } = encoded;
				const identity = { photo: source, face: found!, warnings: warningsOf(encoded), ...encoded.toJSON() };
				const file = fileOf(source);
				if (file !== undefined) await writeTextFile(file, `${JSON.stringify(identity)}\n`);
				return { ...(file === undefined ? {} : { file }), identity };
			},
		);
		const rows = results.filter(hasResult);
		// Not of some, when it was interrupted.
		const isWritten = array !== undefined && rows.length > 0 && results.length === photos.length;
		if (isWritten)
			await writeArray(
				array,
				rows.map(({ identity }) => identity.embedding),
			);
		const place = (result: (typeof results)[number]) =>
			isWritten && hasResult(result) ? { file: array, row: rows.indexOf(result) } : {};
		return { results: results.map((result, i) => ({ source: photos[i]!, ...place(result), ...result })), warnings };
	},

	text: ({ results }) =>
		results
			.filter(hasResult)
			.map(({ source, file, row, identity }) => {
				if (file === undefined) return JSON.stringify(identity);
				const place = row === undefined ? file : `row ${row} of ${file}`;
				return `The identity of the person in ${nameOf(source)} is in ${place} (${faceText(identity.face)})`;
			})
			.join('\n'),

	exitCode: ({ results }) => exitCodeOfAll(results),
});

/** NumPy's: one file for all identities. */
function isArray(out: string | undefined): out is string {
	return out?.toLowerCase().endsWith('.npy') === true;
}

async function writeArray(file: string, embeddings: readonly ArrayLike<number>[]): Promise<void> {
	const data = new Float32Array(embeddings.length * embeddingLength);
	for (const [row, embedding] of embeddings.entries()) data.set(embedding, row * embeddingLength);
	await makeFolderOf(file);
	await writeEmbeddings(file, { data, length: embeddingLength }, privateMode);
}

/**
 * The file for each identity; none when they are printed, or all in one.
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
	if (out === standardStream || isArray(out) || (out === undefined && json)) return [];
	if (out !== undefined && photos.length === 1) {
		requireIdentityName(out, '--out');
		return [out];
	}
	const files = photos.map((photo) => join(out ?? '.', `${stemOf(photo)}.json`));
	const twice = files.find((file, i) => files.indexOf(file) < i);
	if (twice === undefined) return files;
	throw new UsageError(`Two identities would be written to ${twice}.`, 'Rename one of the photos, or run them apart.');
}
