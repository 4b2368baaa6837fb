// `generate`: from photos or a saved identity to portraits.
import { randomInt } from 'node:crypto';
import type { Arc2Face } from '../arc2face.ts';
import { openBundle } from '../bundle/bundle.ts';
import { type Context, defineCommand, type OptionValues, UsageError } from '../cli/command.ts';
import { encodeFace, faceChoice, faceOptions } from '../cli/face.ts';
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
import { checkLoadOptions, loadModel, modelOptions } from '../cli/model.ts';
import { makeFolderOf } from '../cli/new-file.ts';
import { paintingOptions, requestOf } from '../cli/painting.ts';
import { nameOf } from '../cli/path.ts';
import { PortraitNames } from '../cli/portrait-names.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { table } from '../cli/table.ts';
import { flagOf, warningsOf } from '../cli/wording.ts';
import type { Size } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import { checkGenerateOptions, lcmDefaults, usualDefaults } from '../options/generate.ts';
import { type ImageFormat, imageFormats } from '../options/image-formats.ts';
import { resolveLikeness } from '../options/likeness.ts';
import type { Warning } from '../warnings.ts';

type Portrait = {
	file: string;
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
	...paintingOptions,
	...faceOptions,
	out: {
		type: 'path',
		value: 'PLACE',
		help: 'folder, for <photo>-<seed>.<format> (default: .); for one portrait also its file, or - for stdout',
	},
	format: { type: 'string', value: 'FORMAT', help: `${imageFormats.join(', ')} (default: png)`, choices: imageFormats },
	force: { type: 'boolean', help: 'overwrite files that exist' },
	...loraOptions,
	...modelOptions,
} as const;
type Values = OptionValues<typeof options>;

export default defineCommand({
	arguments: ['[photo...]'],
	options,
	example: 'arc2face generate anna.jpg --count 4 --seed 42 --out portraits',
	json: {
		...resultsJson('photo or saved identity'),
		'results[].warnings': 'what may be wrong with the face in the photo: code and message of each',
		'results[].portraits[].file': 'where it was written',
		'results[].portraits[].seed': 'gives the same portrait again',
		'results[].portraits[].similarity': 'to the person, with --check; null where the portrait shows no face',
		'results[].portraits[].width': 'in pixels',
		'results[].portraits[].height': 'in pixels',
		'results[].portraits[].warnings': 'what may be wrong with the image: code and message of each',
		'results[].portraits[].error': 'instead of these, where it could not be written',
	},

	async run({ values, positionals }, context) {
		const sources = sourcesOf(distinct(positionals, context), values);
		const face = faceChoice(values);
		const request = requestOf(values);
		checkGenerateOptions(request, values.lcm ? lcmDefaults : usualDefaults);
		const { count = 1 } = request;
		const drawn = { count, tries: resolveLikeness(request.check)?.tries ?? 1 };
		const size = await chosenSize(values, chosenShapes(values).imageSizes, async () => {
			return (await openBundle(values.bundle)).geometry;
		});
		const names = new PortraitNames(
			{ out: values.out, format: values.format, batch: values.noise === 'batch' },
			sources.length * count,
		);
		if (names.isStdout) requireBareStdout(values.json);
		// Drawn here, not by the library: file names contain them and are checked before the work.
		const seeds = new Map(sources.map((source) => [source, values.seed ?? randomInt(2 ** 32)]));
		names.requireDistinct(seeds, drawn);
		const check = (source: string) => {
			const kept = { inputs: sources, force: values.force === true };
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
			for (const { code, message } of warnings) if (code === 'LOW_SIMILARITY') context.note(`${file}: ${message}`);
			return { file, seed, ...(request.check && { similarity }), width, height, warnings };
		};
		const paint = async (model: Arc2Face, source: string, identity: Identity) => {
			const images = await model.generate(identity, {
				...{ ...request, seed: seeds.get(source), signal: context.signal },
				onStep: ({ step, steps, round }) => {
					const label = round === 1 ? nameOf(source) : `${nameOf(source)}, try ${round}`;
					context.progress(label, { done: step, total: steps, unit: 'steps' });
				},
			});
			const portraits: (Portrait | Failed)[] = [];
			for (const image of images) portraits.push(await attempt(source, context, () => keep(source, image)));
			return { warnings: warningsOf(identity), portraits };
		};
		const { identity: saved } = values;
		const { results, warnings } =
			saved === undefined
				? await forEachPhoto(sources, { values, context, size, check }, async (model, { source, photo }) => {
						const identity = await encodeFace(model, photo, { face, threshold: values.threshold, context });
						return await paint(model, source, identity);
					})
				: await paintSaved(saved, { values, context, size, check }, paint);
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

/** Paints from a saved identity, so without the networks that read faces. */
async function paintSaved<T>(
	file: string,
	{
		values,
		context,
		size,
		check,
	}: { values: Values; context: Context; size: Size | undefined; check: (source: string) => Promise<void> },
	paint: (model: Arc2Face, source: string, identity: Identity) => Promise<T>,
): Promise<{ results: (T | Failed)[]; warnings: Warning[] }> {
	let warnings: Warning[] = [];
	const result = await attempt(file, context, async () => {
		await check(file);
		checkLoadOptions(values, size);
		const identity = await readIdentity(file, await readInput(file, context));
		await using model = await loadModel(values, context, size);
		warnings = warningsOf(model.info);
		return await paint(model, file, identity);
	});
	return { results: [result], warnings };
}

/** @throws {UsageError} unless there are either photos or a saved identity, and the choice of a face fits them */
function sourcesOf(photos: readonly string[], { identity, face, keypoints, threshold }: Values): readonly string[] {
	if (identity === undefined) {
		if (photos.length === 0) throw new UsageError('Expected <photo…> or --identity for generate but received neither.');
		if (keypoints === undefined || photos.length === 1) return photos;
		throw new UsageError(`Expected one photo with --keypoints but received ${photos.length}.`);
	}
	if (photos.length > 0) throw new UsageError('Expected either <photo…> or --identity for generate but received both.');
	const [unfit] = Object.entries({ face, keypoints, threshold }).find(([, value]) => value !== undefined) ?? [];
	if (unfit !== undefined) throw new UsageError(`Expected a photo with ${flagOf(unfit)} but received --identity.`);
	return [identity];
}

/** @throws {UsageError} where an image would mix with other output or go to a terminal */
function requireBareStdout(json: boolean | undefined): void {
	if (json) throw new UsageError('Expected --json or --out - but received both: each needs stdout for itself.');
	if (process.stdout.isTTY) {
		throw new UsageError('Expected a file or a pipe on stdout for --out - but it is a terminal.');
	}
}
