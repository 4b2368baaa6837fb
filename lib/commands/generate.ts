// `generate`: from photos or a saved identity to portraits.
import { randomInt } from 'node:crypto';
import type { Arc2Face } from '../arc2face.ts';
import { openBundle } from '../bundle/bundle.ts';
import { type Context, defineCommand, type OptionValues, UsageError } from '../cli/command.ts';
import { editedSides, editOptions } from '../cli/edit.ts';
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
import { nameOf } from '../cli/path.ts';
import { PortraitNames } from '../cli/portrait-names.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { checkSteering, steeringFeatures, steeringOf, steeringOptions } from '../cli/steering.ts';
import { table } from '../cli/table.ts';
import { flagOf, warningsOf } from '../cli/wording.ts';
import type { Size } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import type { Feature } from '../options/features.ts';
import { checkGenerateOptions, lcmDefaults, type NoiseMode, usualDefaults } from '../options/generate.ts';
import { type ImageFormat, imageFormats } from '../options/image-formats.ts';
import { type SamplerName, samplerNames } from '../samplers/samplers.ts';
import type { Warning } from '../warnings.ts';

type Portrait = { file: string; seed: number; width: number; height: number; warnings: Warning[] };

const options = {
	identity: {
		type: 'path',
		value: 'FILE',
		help: 'a saved identity (.json, or - for stdin) instead of photos (see arc2face encode)',
	},
	count: { type: 'number', value: 'N', help: 'portraits of each person (default: 1)' },
	steps: {
		type: 'number',
		value: 'N',
		help: `network evaluations per portrait (default: ${usualDefaults.steps}, with --lcm ${lcmDefaults.steps})`,
	},
	guidanceScale: {
		type: 'number',
		value: 'X',
		help: `how strongly the identity steers (default: ${usualDefaults.guidanceScale}, with --lcm ${lcmDefaults.guidanceScale})`,
	},
	seed: { type: 'number', value: 'N', help: 'seed of the first portrait, the next has N + 1 (default: random)' },
	sampler: {
		type: 'string',
		value: 'NAME',
		help: `${samplerNames.join(', ')} (default: ${usualDefaults.sampler}, with --lcm ${lcmDefaults.sampler})`,
	},
	eta: { type: 'number', value: 'X', help: 'share of fresh noise in each step, 0 to 1, for ddim (default: 0)' },
	noise: { type: 'string', value: 'MODE', help: 'per-image, or batch as diffusers draws it (default: per-image)' },
	width: { type: 'number', value: 'PIXELS', help: "width (default: the model's, with --image alone that photo's)" },
	height: { type: 'number', value: 'PIXELS', help: 'height, likewise' },
	...editOptions,
	...steeringOptions,
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
		'results[].portraits[].width': 'in pixels',
		'results[].portraits[].height': 'in pixels',
		'results[].portraits[].warnings': 'what may be wrong with the image: code and message of each',
		'results[].portraits[].error': 'instead of these, where it could not be written',
	},

	async run({ values: given, positionals }, context) {
		const edit: Feature[] = given.image === undefined ? [] : ['edit'];
		const values = { ...given, features: [...edit, ...steeringFeatures(given)] };
		const sources = sourcesOf(distinct(positionals, context), values);
		const face = faceChoice(values);
		const request = requestOf(values);
		checkGenerateOptions(request, values.lcm ? lcmDefaults : usualDefaults);
		await checkSteering(request, values.bundle);
		const { count = 1 } = request;
		const geometry = async () => (await openBundle(values.bundle)).geometry;
		const sides = await editedSides(values, geometry);
		const size = await chosenSize(sides, chosenShapes(values).imageSizes, geometry);
		const names = new PortraitNames(
			{ out: values.out, format: values.format, batch: values.noise === 'batch' },
			sources.length * count,
		);
		if (names.isStdout) requireBareStdout(values.json);
		// Drawn here, not by the library: file names contain them and are checked before the work.
		const seeds = new Map(sources.map((source) => [source, values.seed ?? randomInt(2 ** 32)]));
		names.requireDistinct(seeds, count);
		const check = (source: string) => {
			const inputs = [
				...sources,
				...[values.image, values.mask, values.control, values.reference].filter((path) => path !== undefined),
			];
			const kept = { inputs, force: values.force === true };
			return names.requireFree(source, { seed: seeds.get(source)!, count, ...kept });
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
			const { seed, width, height } = image;
			return { file, seed, width, height, warnings: warningsOf(image) };
		};
		const paint = async (model: Arc2Face, source: string, identity: Identity) => {
			const images = await model.generate(identity, {
				...{ ...request, seed: seeds.get(source), signal: context.signal },
				onStep: ({ step, steps }) => context.progress(nameOf(source), { done: step, total: steps, unit: 'steps' }),
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
		const rows = painted.map(({ file, seed, width, height }) => [file, seed, `${width}×${height}`]);
		return table(['portrait', 'seed', 'size'], rows);
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

function requestOf({ sampler, noise, ...values }: Values) {
	const { count, steps, guidanceScale, seed, eta, width, height, image, strength, mask, overlay } = values;
	return {
		...{ count, steps, guidanceScale, seed, eta, width, height, image, strength, mask, overlay },
		...steeringOf(values),
		sampler: sampler as SamplerName | undefined,
		noise: noise as NoiseMode | undefined,
	};
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
