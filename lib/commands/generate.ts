// `generate`: from photos or a saved identity to portraits.
import { randomInt } from 'node:crypto';
import type { Arc2Face } from '../arc2face.ts';
import { openBundle } from '../bundle/bundle.ts';
import { type Context, defineCommand, type OptionValues, UsageError } from '../cli/command.ts';
import { decoderOptions } from '../cli/decoder.ts';
import { editedSides } from '../cli/edit.ts';
import { encodeFace, faceChoice, faceOptions } from '../cli/face.ts';
import { keyOptions, openGuards } from '../cli/guards.ts';
import { readIdentity } from '../cli/identity-file.ts';
import {
	attempt,
	distinct,
	exitCodeOfAll,
	type Failed,
	forEachPhoto,
	hasFailed,
	hasResult,
	readInput,
	resultsJson,
} from '../cli/inputs.ts';
import { loraOptions } from '../cli/loras.ts';
import { markOptions, provenanceOf } from '../cli/marks.ts';
import { checkLoadOptions, loadModel, modelOptions } from '../cli/model.ts';
import { makeFolderOf } from '../cli/new-file.ts';
import { paintingOptions, requestOf } from '../cli/painting.ts';
import { nameOf } from '../cli/path.ts';
import { PortraitNames } from '../cli/portrait-names.ts';
import { PreviewFiles } from '../cli/preview-files.ts';
import { readRecipe, writeRecipe } from '../cli/recipe-file.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { checkSteering } from '../cli/steering.ts';
import { table } from '../cli/table.ts';
import { flagOf, warningsOf } from '../cli/wording.ts';
import type { Size } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import { resolveConsent } from '../options/consent.ts';
import { usedFeatures } from '../options/features.ts';
import { checkGenerateOptions, type GenerateOptions } from '../options/generate.ts';
import { type ImageFormat, imageFormats } from '../options/image-formats.ts';
import { resolveLikeness } from '../options/likeness.ts';
import { lcmPresets, usualPresets } from '../options/presets.ts';
import { resolvePreview } from '../options/preview.ts';
import { withRecipe } from '../options/with-recipe.ts';
import type { RecipeCall } from '../painting/arguments.ts';
import type { Warning } from '../warnings.ts';

type Portrait = {
	file: string;
	/** Absent unless it was to be saved. */
	recipe?: string;
	seed: number;
	/** Absent unless it was asked for, null where the portrait shows no face. */
	similarity?: number | null;
	width: number;
	height: number;
	warnings: Warning[];
};

const options = {
	identity: {
		type: 'path',
		value: 'FILE',
		help: 'a saved identity (.json, or - for stdin) instead of photos (see arc2face encode)',
	},
	recipe: {
		type: 'path',
		value: 'FILE',
		help: 'a saved recipe, whose portrait is painted again; or others by it, with other options, photos or --identity',
	},
	...paintingOptions,
	...faceOptions,
	out: {
		type: 'path',
		value: 'PLACE',
		help: 'folder, for <photo>-<seed>.<format> (default: .); for one portrait also its file, or - for stdout',
	},
	format: { type: 'string', value: 'FORMAT', help: `${imageFormats.join(', ')} (default: png)`, choices: imageFormats },
	saveRecipe: {
		type: 'boolean',
		help: 'write how each portrait was made, and of whom, beside it: <portrait>.recipe.json, for --recipe',
	},
	force: { type: 'boolean', help: 'overwrite files that exist' },
	consent: {
		type: 'path',
		value: 'LEDGER',
		help: 'paint only people with a valid record in this ledger, and log it there (see arc2face consent)',
	},
	purpose: { type: 'string', value: 'PURPOSE', help: 'what the portraits are for, needed with --consent' },
	subject: { type: 'string', value: 'REF', help: 'under whose record (default: found by similarity)' },
	scope: { type: 'string', value: 'PART', help: 'for which part of the purpose' },
	denyList: { type: 'path', value: 'FILE', help: 'paint nobody who is on this list (see arc2face deny)' },
	...keyOptions,
	...markOptions,
	...loraOptions,
	...decoderOptions,
	...modelOptions,
} as const;
type Values = OptionValues<typeof options>;

export default defineCommand({
	arguments: ['[photo...]'],
	options,
	example: 'arc2face generate anna.jpg --count 4 --seed 42 --out portraits',
	json: {
		...resultsJson('photo, saved identity or recipe'),
		'results[].warnings': 'what may be wrong with the face in the photo: code and message of each',
		'results[].portraits[].file': 'where it was written',
		'results[].portraits[].recipe': 'where it was written how it was made, with --save-recipe',
		'results[].portraits[].seed': 'gives the same portrait again',
		'results[].portraits[].similarity': 'to the person, with --check; null where the portrait shows no face',
		'results[].portraits[].width': 'in pixels',
		'results[].portraits[].height': 'in pixels',
		'results[].portraits[].warnings': 'what may be wrong with the image: code and message of each',
		'results[].portraits[].error': 'instead of these, where it could not be written',
	},

	async run({ values: given, positionals }, context) {
		const sources = sourcesOf(distinct(positionals, context), given);
		const face = faceChoice(given);
		const recipe = given.recipe === undefined ? undefined : await readRecipe(given.recipe, context);
		const { purpose, subject, scope } = given;
		const provenance = await provenanceOf(given);
		const request = { ...requestOf(given), recipe, purpose, subject, scope, provenance };
		const { options: whole } = withRecipe(request);
		checkGenerateOptions(whole, given.lcm ? lcmPresets : usualPresets);
		if (given.preview !== undefined) resolvePreview({ onPreview() {}, preview: { every: given.preview } });
		await checkSteering(whole, given.bundle);
		resolveConsent(request, 1, given.consent !== undefined);
		await using opened = await openGuards(given);
		const values = { ...given, features: usedFeatures(whole), guards: opened.guards };
		const { count = 1, width, height } = whole;
		const drawn = { count, tries: resolveLikeness(request.check)?.tries ?? 1 };
		const geometry = async () => (await openBundle(values.bundle)).geometry;
		const sides = await editedSides({ image: values.image, mask: values.mask, width, height }, geometry);
		const size = await chosenSize(sides, chosenShapes(values).imageSizes, geometry);
		const names = new PortraitNames(
			{
				out: values.out,
				format: values.format,
				batch: whole.noise === 'batch',
				recipes: values.saveRecipe === true,
				previews: values.preview !== undefined,
			},
			sources.length * count,
		);
		if (names.isStdout) requireBareStdout(values);
		// Drawn here, not by the library: file names contain them and are checked before the work.
		const seeds = new Map(sources.map((source) => [source, (whole.seed as number | undefined) ?? randomInt(2 ** 32)]));
		names.requireDistinct(seeds, drawn);
		const check = (source: string) => {
			const { recipe, image, mask, control, reference } = values;
			const inputs = [...sources, ...[recipe, image, mask, control, reference].filter((path) => path !== undefined)];
			const kept = { inputs, force: values.force === true };
			return names.requireFree(source, { seed: seeds.get(source)!, ...drawn, ...kept });
		};

		let bytes: Uint8Array = new Uint8Array();
		const keep = async (source: string, image: GeneratedImage): Promise<Portrait> => {
			const file = names.of(source, image);
			if (names.isStdout) {
				bytes = await image.toBuffer(names.format as ImageFormat);
			} else {
				await makeFolderOf(file);
				await image.toFile(file);
			}
			const { seed, similarity = null, width, height } = image;
			const warnings = warningsOf(image);
			// Of the size, loading the model has told.
			for (const { code, message } of warnings) if (code !== 'UNUSUAL_SIZE') context.note(`${file}: ${message}`);
			const saved = values.saveRecipe ? { recipe: await writeRecipe(file, image) } : {};
			return { file, ...saved, seed, ...(request.check && { similarity }), width, height, warnings };
		};
		const paint = async (model: Arc2Face, source: string, identity: Identity | undefined) => {
			const shown = { ...(size ?? model.info.imageSize), isMarked: provenance !== false };
			const previews = new PreviewFiles(shown, context.note);
			const how: GenerateOptions = {
				...{ ...request, seed: seeds.get(source), signal: context.signal },
				...(values.preview !== undefined && {
					preview: { every: values.preview },
					onPreview: (preview) => previews.show(names.of(source, preview), preview),
				}),
				onStep: ({ step, steps, round }) => {
					const label = round === 1 ? nameOf(source) : `${nameOf(source)}, try ${round}`;
					context.progress(label, { done: step, total: steps, unit: 'steps' });
				},
			};
			const portraits: (Portrait | Failed)[] = [];
			try {
				// Without an identity there is a recipe.
				const images = await (identity ? model.generate(identity, how) : model.generate(how as RecipeCall));
				for (const image of images) portraits.push(await attempt(source, context, () => keep(source, image)));
			} finally {
				await previews.clear();
			}
			return { warnings: identity ? warningsOf(identity) : [], portraits };
		};
		const { results, warnings } =
			positionals.length > 0
				? await forEachPhoto(sources, { values, context, size, check }, async (model, { source, photo }) => {
						const identity = await encodeFace(model, photo, { face, threshold: values.threshold, context });
						return await paint(model, source, identity);
					})
				: await paintSaved(sources[0]!, { values, context, size, check }, paint);
		return {
			results: results.map((result, i) => ({ source: sources[i]!, ...result })),
			warnings,
			bytes: names.isStdout ? bytes : undefined,
		};
	},

	text: ({ results, bytes }) => {
		if (bytes !== undefined) return bytes;
		const painted = portraitsOf(results).filter(hasResult);
		if (painted.length === 0) return '';
		const rows = painted.map(({ file, seed, similarity, width, height }) => [
			...[file, seed, `${width}×${height}`],
			...(similarity === undefined ? [] : [similarity?.toFixed(2) ?? 'no face']),
		]);
		const isChecked = painted[0]!.similarity !== undefined;
		return table(['portrait', 'seed', 'size', ...(isChecked ? ['similarity'] : [])], rows);
	},

	exitCode: ({ results }) => exitCodeOfAll(portraitsOf(results)),
});

/** The portraits of all inputs, and the errors where there are none. */
function portraitsOf(results: readonly ({ portraits: (Portrait | Failed)[] } | Failed)[]): (Portrait | Failed)[] {
	return results.flatMap((result) => (hasFailed(result) ? result : result.portraits));
}

/** Paints from a saved identity or a recipe, so without the networks that read faces. */
async function paintSaved<T>(
	file: string,
	{
		values,
		context,
		size,
		check,
	}: { values: Values; context: Context; size: Size | undefined; check: (source: string) => Promise<void> },
	paint: (model: Arc2Face, source: string, identity: Identity | undefined) => Promise<T>,
): Promise<{ results: (T | Failed)[]; warnings: Warning[] }> {
	let warnings: Warning[] = [];
	const result = await attempt(file, context, async () => {
		await check(file);
		checkLoadOptions(values, size);
		const isSaved = values.identity !== undefined;
		const identity = isSaved ? await readIdentity(file, await readInput(file, context)) : undefined;
		await using model = await loadModel(values, context, size);
		warnings = warningsOf(model.info);
		return await paint(model, file, identity);
	});
	return { results: [result], warnings };
}

/** @throws {UsageError} unless there are photos, a saved identity or else a recipe, and the choice of a face fits them */
function sourcesOf(photos: readonly string[], values: Values): readonly string[] {
	const { identity, recipe, face, keypoints, threshold } = values;
	if (photos.length > 0) {
		if (identity !== undefined) {
			throw new UsageError('Expected either <photo…> or --identity for generate but received both.');
		}
		if (keypoints === undefined || photos.length === 1) return photos;
		throw new UsageError(`Expected one photo with --keypoints but received ${photos.length}.`);
	}
	const saved = identity ?? recipe;
	if (saved === undefined) {
		throw new UsageError('Expected <photo…>, --identity or --recipe for generate but received none.');
	}
	const [unfit] = Object.entries({ face, keypoints, threshold }).find(([, value]) => value !== undefined) ?? [];
	const received = identity === undefined ? '--recipe' : '--identity';
	if (unfit !== undefined) throw new UsageError(`Expected a photo with ${flagOf(unfit)} but received ${received}.`);
	return [saved];
}

/** @throws {UsageError} where an image would mix with other output or go to a terminal */
function requireBareStdout({ json, saveRecipe, preview }: Values & { json: boolean | undefined }): void {
	if (json) throw new UsageError('Expected --json or --out - but received both: each needs stdout for itself.');
	if (saveRecipe) throw new UsageError('Expected a file or folder for --out with --save-recipe but received "-".');
	if (preview !== undefined) {
		throw new UsageError('Expected a file or folder for --out with --preview but received "-".');
	}
	if (process.stdout.isTTY) {
		throw new UsageError('Expected a file or a pipe on stdout for --out - but it is a terminal.');
	}
}
