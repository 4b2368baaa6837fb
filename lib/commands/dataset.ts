// `dataset`: a set of portraits of people who do not exist, for training face recognition.
import { openBundle } from '../bundle/bundle.ts';
import { type Context, defineCommand, type OptionValues, UsageError } from '../cli/command.ts';
import { decoderOptions } from '../cli/decoder.ts';
import { loraOptions } from '../cli/loras.ts';
import { checkLoadOptions, loadModel, modelOptions } from '../cli/model.ts';
import { paintingOptions } from '../cli/painting.ts';
import { localPath } from '../cli/path.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { SideBySide } from '../cli/side-by-side.ts';
import { exitCodeOfSet, noteMissing, summaryLines, tallyJson } from '../cli/tally.ts';
import { parseNumber } from '../cli/values.ts';
import type { MakeContext } from '../dataset/dataset.ts';
import { loadNative } from '../native.ts';
import {
	type Contents,
	contentsNames,
	type DatasetOptions,
	type Format,
	formatNames,
	type ImageFormat,
	imageFormatNames,
	resolveDatasetOptions,
} from '../options/dataset.ts';
import { resolveLoadOptions } from '../options/load.ts';
import { lcmPresets, type PresetName, usualPresets } from '../options/presets.ts';
import { detectionSizeUnit, usualDetectionSize } from '../options/sizes.ts';
import type { SamplerName } from '../samplers/samplers.ts';

const { preset, steps, guidanceScale, guidanceInterval, sampler, eta } = paintingOptions;

const options = {
	identities: { type: 'number', value: 'N', help: 'how many people' },
	images: { type: 'number', value: 'N', help: 'how many images of each' },
	out: { type: 'path', value: 'DIR', help: 'a new folder, or that of the same data set, which is continued' },
	seed: { type: 'number', value: 'N', help: 'what everything random comes from (default: 0)' },
	from: {
		type: 'path',
		value: 'FILE',
		help: 'embeddings [n, 512] (.npy, see arc2face encode) of real people, that new ones are to be typical of',
	},
	list: { type: 'path', value: 'FILE', help: 'the identities themselves, instead' },
	sphere: {
		type: 'boolean',
		help: 'identities in any direction alike, instead; most are far from any face (the default)',
	},
	components: {
		type: 'number',
		value: 'N',
		help: 'with --from, how many principal components are kept (default: all)',
	},
	maxCosine: {
		type: 'number',
		value: 'X',
		help: 'the largest cosine of two people, or of one with an excluded one (default: 0.3)',
	},
	exclude: { type: 'repeated', value: 'FILE', help: 'embeddings that nobody may be like; may be repeated' },
	poses: {
		type: 'list',
		value: 'YAW,PITCH,ROLL',
		help: 'how far heads turn at most, in degrees; 0,0,0: no pose (default: 30,10,5 where the model has a ControlNet)',
	},
	controlScale: { type: 'number', value: 'X', help: 'how strongly poses steer, 0 to 2 (default: 1)' },
	expressions: {
		type: 'list',
		value: 'LIST',
		help: 'expressions by name, or none (default: all that the model knows)',
	},
	expressionScale: { type: 'number', value: 'X', help: 'how strongly they show, 0 to 2 (default: 1)' },
	minSimilarity: {
		type: 'number',
		value: 'X',
		help: 'least similarity of an image to its person, -1 to 1 (default: 0.3)',
	},
	tries: { type: 'number', value: 'N', help: 'how often an image is painted at most, until it is fit (default: 3)' },
	format: {
		type: 'string',
		value: 'FORMAT',
		choices: formatNames,
		help: `${formatNames.join(', ')} (default: folders)`,
	},
	contents: {
		type: 'string',
		value: 'WHAT',
		choices: contentsNames,
		help: 'crops (aligned, 112x112), images, or both (default: crops)',
	},
	imageFormat: {
		type: 'string',
		value: 'FORMAT',
		choices: imageFormatNames,
		help: 'png, or jpg of quality 95 (default: png)',
	},
	peoplePerShard: {
		type: 'number',
		value: 'N',
		help: 'people in a shard, which is what an early end leaves whole (default: 20, or of 1000 images)',
	},
	shard: { type: 'string', value: 'I/N', help: 'paint only the Ith of N parts, for dataset merge (default: all)' },
	...{ preset, steps, guidanceScale, guidanceInterval, sampler, eta },
	width: { type: 'number', value: 'PIXELS', help: "of the portraits (default: the model's)" },
	height: { type: 'number', value: 'PIXELS', help: 'likewise' },
	batch: { type: 'number', value: 'N', help: 'images that a model paints at once (default: 8); changes none of them' },
	workers: {
		type: 'number',
		value: 'N',
		help: 'models side by side, on as many GPUs of one kind as there are (default: 1); changes no image',
	},
	...loraOptions,
	...decoderOptions,
	...modelOptions,
	batchSizes: {
		type: 'list',
		value: 'ROWS',
		help: "rows of the UNet's batches on a GPU, of which an image takes two with guidance (default: 16); images depend on it",
	},
	detectionSize: {
		type: 'number',
		value: 'PIXELS',
		help: 'side of the square that portraits are read in (default: their own, at most 640)',
	},
} as const;
type Values = OptionValues<typeof options>;

export default defineCommand({
	arguments: [],
	options,
	example: 'arc2face dataset --identities 10000 --images 50 --from webface.npy --out faces',
	json: {
		out: 'the folder of the data set',
		data: 'within it, what trainers read; absent for a part',
		...tallyJson,
		'shards.painted': 'by this call',
		'shards.whole': 'of this part, in the end',
		'shards.total': 'of the whole set',
		painted: 'images that this call has painted',
		seconds: 'how long that took, without loading the model',
	},

	async run({ values }, context) {
		const presets = values.lcm ? lcmPresets : usualPresets;
		const resolved = resolveDatasetOptions(optionsOf(values), presets);
		const { imageSizes, ...shapes } = chosenShapes(values);
		const { folder: bundle, geometry } = await openBundle(values.bundle);
		const size = await chosenSize({ width: values.width, height: values.height }, imageSizes, async () => geometry);
		const { decoder, loras, cacheDir } = resolveLoadOptions(checkLoadOptions(values, size));
		const { width, height } = size ?? imageSizes?.[0] ?? geometry;
		const detectionSize = shapes.detectionSize ?? readingSize(Math.max(width, height));
		const batchRows = shapes.batchSizes ?? usualRows;
		if (new Set(batchRows).size > 1) {
			throw new UsageError(
				'Expected one number for --batch-sizes but received several: images would depend on chance.',
			);
		}
		const { makeDataset } = await import('../dataset/dataset.ts');
		const devices = new SideBySide(values.device, () => loadNative().findGpus().gpus);
		const made = await makeDataset(resolved, {
			bundle,
			reading: { detectionSize, batchRows },
			usual: { geometry: { width, height, pixelsPerLatent: geometry.pixelsPerLatent }, presets },
			loading: { decoder, loras, cacheDir },
			load: async (index, features, signal) => {
				const device = devices.deviceOf(index);
				const chosen = { ...values, device, detectionSize, batchSizes: batchRows.map(String), features };
				const model = await loadModel(chosen, { ...context, signal }, size);
				devices.isOn(model.info.device);
				return model;
			},
			...displayOf(context),
			signal: context.signal,
		});
		noteMissing(made.tally, context);
		return { out: resolved.out, ...made };
	},

	text: ({ out, data, shards, painted, seconds, ...made }) => {
		const rate =
			painted === 0
				? []
				: [`${painted} images painted in ${seconds.toFixed(0)} s: ${(painted / seconds).toFixed(2)} a second.`];
		const where =
			data === undefined
				? `${shards.whole} of ${shards.total} shards are in ${out}: arc2face dataset merge joins all parts.`
				: `The data set is in ${data}`;
		return [...summaryLines(made), ...rate, where].join('\n');
	},

	exitCode: ({ tally }) => exitCodeOfSet(tally),
});

/**
 * Rows of the UNet's batches on a GPU, always the same, so that images do not depend on which were painted together: eight images with guidance.
 */
const usualRows = [16];

/** Portraits are looked at as they are, up to the size that detectors expect. */
function readingSize(side: number): number {
	return Math.min(usualDetectionSize, detectionSizeUnit * Math.ceil(side / detectionSizeUnit));
}

function optionsOf(values: Values): DatasetOptions {
	const { out, identities, images, guidanceInterval, poses, expressions, shard, preset, sampler } = values;
	const { seed, from, list, sphere, components, maxCosine, exclude, controlScale, expressionScale } = values;
	const { minSimilarity, tries, peoplePerShard, batch, workers, steps, guidanceScale, eta, width, height } = values;
	const { format, contents, imageFormat } = values;
	const needed = { out, identities, images } as Pick<DatasetOptions, 'out' | 'identities' | 'images'>; // the library checks
	return {
		...{ ...needed, seed, from, list, sphere, components, maxCosine, controlScale, expressionScale },
		...{ minSimilarity, tries, peoplePerShard, batch, workers, steps, guidanceScale, eta, width, height },
		exclude: exclude?.map((file) => localPath(file, 'exclude')),
		preset: preset as PresetName | undefined,
		sampler: sampler as SamplerName | undefined,
		format: format as Format | undefined,
		contents: contents as Contents | undefined,
		imageFormat: imageFormat as ImageFormat | undefined,
		guidanceInterval: guidanceInterval?.map((level) => parseNumber(level, '--guidance-interval')) as
			| [number, number]
			| undefined,
		poses: poses?.map((angle) => parseNumber(angle, '--poses')),
		expressions: expressions?.join() === 'none' ? [] : expressions,
		part: shard === undefined ? undefined : parsePart(shard),
	};
}

function parsePart(text: string): { index: number; of: number } {
	const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
	if (index === undefined) throw new UsageError(`Expected a part such as 1/4 for --shard but received "${text}".`);
	return { index: Number(index), of: Number(of) };
}

/** The label tells the rate, too, from which the time left follows. */
function displayOf({ progress, note, continuable }: Context): Pick<MakeContext, 'onProgress' | 'onStage'> {
	const units = { choosing: 'people', trying: 'images', painting: 'images' } as const;
	return {
		onProgress: (stage, done, total) => {
			if (stage === 'painting') continuable();
			progress(stage, { done, total, unit: units[stage] });
		},
		onStage: () => note('Joining the shards.'),
	};
}
