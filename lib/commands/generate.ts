import { defineCommand, UsageError } from '../cli/command.ts';
import { encodePhoto, faceChoice, faceOptions } from '../cli/face.ts';
import { readIdentity, requireIdentityName } from '../cli/identity-file.ts';
import { loadModel, modelOptions } from '../cli/model.ts';
import { requireFolder } from '../cli/new-file.ts';
import { PortraitNames } from '../cli/portrait-names.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { table } from '../cli/table.ts';
import type { Size } from '../geometry.ts';
import { checkGenerateOptions, type NoiseMode } from '../options/generate.ts';
import { imageFormats } from '../options/image-formats.ts';
import { type SamplerName, samplerNames } from '../samplers/samplers.ts';

export default defineCommand({
	name: 'generate',
	summary: 'Paint new portraits of the person in each photo',
	positionals: { name: '<photo…>', least: 0, most: Number.POSITIVE_INFINITY },
	options: {
		identity: {
			type: 'string',
			value: 'FILE',
			help: 'a saved identity (.json) instead of photos (see arc2face encode)',
		},
		count: { type: 'number', value: 'N', help: 'portraits of each person (default: 1)' },
		steps: { type: 'number', value: 'N', help: 'network evaluations per portrait (default: 25)' },
		'guidance-scale': { type: 'number', value: 'X', help: 'how strongly the identity steers (default: 3)' },
		seed: { type: 'number', value: 'N', help: 'seed of the first portrait, the next has N + 1 (default: random)' },
		sampler: { type: 'string', value: 'NAME', help: `${samplerNames.join(', ')} (default: ${samplerNames[0]})` },
		eta: { type: 'number', value: 'X', help: 'share of fresh noise in each step, 0 to 1, for ddim (default: 0)' },
		noise: { type: 'string', value: 'MODE', help: 'per-image, or batch as diffusers draws it (default: per-image)' },
		width: { type: 'number', value: 'PIXELS', help: "width (default: the model's)" },
		height: { type: 'number', value: 'PIXELS', help: "height (default: the model's)" },
		...faceOptions,
		out: { type: 'string', value: 'DIR', help: 'where the portraits go, as <photo>-<seed>.<format> (default: .)' },
		format: { type: 'string', value: 'FORMAT', help: `${imageFormats.join(', ')} (default: png)` },
		force: { type: 'boolean', help: 'overwrite files that exist' },
		...modelOptions,
	},
	example: 'arc2face generate anna.jpg --count 4 --seed 42 --out portraits',

	async run({ values, positionals: photos }, context) {
		const { signal } = context;
		const sources = sourcesOf(photos, values);
		const face = faceChoice(values);
		const { seed, count = 1, format = 'png', force = false } = values;
		const options = {
			count,
			seed,
			steps: values.steps,
			guidanceScale: values['guidance-scale'],
			sampler: values.sampler as SamplerName | undefined,
			eta: values.eta,
			noise: values.noise as NoiseMode | undefined,
			width: values.width,
			height: values.height,
		};
		checkGenerateOptions(options);
		const size = await chosenSize(options, chosenShapes(values).imageSizes, () => sizeOf(values.bundle));
		if (!imageFormats.includes(format)) {
			throw new UsageError(`Expected ${imageFormats.join(', ')} for --format but received "${format}".`);
		}
		const folder = values.out ?? '.';
		const names = new PortraitNames({ folder, format, batch: values.noise === 'batch' });
		if (seed !== undefined) await names.requireFree(sources, { seed, count, force });
		await requireFolder(folder);

		const saved = values.identity === undefined ? undefined : await readIdentity(values.identity);
		await using model = await loadModel(values, photos, context, size);
		const portraits = [];
		for (const source of sources) {
			const identity = saved ?? (await encodePhoto(model, source, { face, signal }));
			const images = await model.generate(identity, {
				...options,
				signal,
				onStep: ({ step, steps }) => context.progress(source, { done: step, total: steps, unit: 'steps' }),
			});
			for (const image of images) {
				const file = names.of(source, image);
				await image.toFile(file);
				portraits.push({ source, file, seed: image.seed, width: image.width, height: image.height });
			}
		}
		return { portraits };
	},

	text: ({ portraits }) =>
		table(
			['portrait', 'seed', 'size'],
			portraits.map(({ file, seed, width, height }) => [file, seed, `${width}×${height}`]),
		),
});

/** The size of the images that a bundle paints unless told otherwise. */
async function sizeOf(bundle: string | undefined): Promise<Size> {
	// Imported here, because bundles bring all network definitions with them, which `--help` does not need.
	const { openBundle } = await import('../bundle/bundle.ts');
	return (await openBundle(bundle)).geometry;
}

/** @throws {UsageError} unless there are photos or a saved identity, but not both, and the choice of a face fits them */
function sourcesOf(
	photos: readonly string[],
	{ identity, face, keypoints }: Partial<Record<'identity' | 'face' | 'keypoints', string | undefined>>,
): readonly string[] {
	if (identity === undefined) {
		if (photos.length === 0) throw new UsageError('Expected <photo…> or --identity for generate but received neither.');
		if (keypoints === undefined || photos.length === 1) return photos;
		throw new UsageError(`Expected one photo with --keypoints but received ${photos.length}.`);
	}
	if (photos.length > 0) throw new UsageError('Expected either <photo…> or --identity for generate but received both.');
	if (face !== undefined || keypoints !== undefined) {
		const option = face === undefined ? '--keypoints' : '--face';
		throw new UsageError(`Expected a photo with ${option} but received --identity.`);
	}
	requireIdentityName(identity, '--identity');
	return [identity];
}
