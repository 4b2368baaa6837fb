// The options of data sets.
import { check, describe, integer, invalid, listOf, number, oneOf, type Rule, rules } from './check.ts';
import { checkGenerateOptions, type GenerateOptions } from './generate.ts';
import { pathRule } from './path.ts';
import { type Presets, usualPresets } from './presets.ts';

/** How trainers are to read a data set. For `recordio`, it needs crops. */
export type Format = 'folders' | 'webdataset' | 'recordio';
export const formatNames = ['folders', 'webdataset', 'recordio'] as const satisfies readonly Format[];

/** Which files it has of an image: the aligned crop of the face, the whole portrait, or both. */
export type Contents = 'crops' | 'images' | 'both';
export const contentsNames = ['crops', 'images', 'both'] as const satisfies readonly Contents[];

/** Of its files: without loss, or JPEG of quality 95. */
export type ImageFormat = 'png' | 'jpg';
export const imageFormatNames = ['png', 'jpg'] as const satisfies readonly ImageFormat[];

/** How images are painted: options of `generate`, which says what they are. */
type Manner = Pick<
	GenerateOptions,
	'preset' | 'steps' | 'guidanceScale' | 'guidanceInterval' | 'sampler' | 'eta' | 'width' | 'height'
>;

/** The options of a data set. */
export interface DatasetOptions extends Manner {
	/** The folder: a new one, or that of the same data set, which is continued. */
	out: string;
	/** People, 1–1,000,000. */
	identities: number;
	/** Images of each, 1–10,000. */
	images: number;
	/** What everything random comes from, a non-negative integer (default 0). */
	seed?: number | undefined;
	/** A file of embeddings that new identities are to be typical of. */
	from?: string | undefined;
	/** Instead: a file of the identities themselves, in their order. */
	list?: string | undefined;
	/** Instead, and by default: identities in any direction alike. */
	sphere?: boolean | undefined;
	/** With `from`: how many principal components are kept, 1–512 (default: all). */
	components?: number | undefined;
	/** The largest cosine of two identities, −1 to 1 (default 0.3). */
	maxCosine?: number | undefined;
	/** Files of embeddings that no identity may be like. */
	exclude?: readonly string[] | undefined;
	/** Default `"folders"`. */
	format?: Format | undefined;
	/** Default `"crops"`. */
	contents?: Contents | undefined;
	/** Default `"png"`. */
	imageFormat?: ImageFormat | undefined;
	/** The most that heads turn, nod and lean to either side, in degrees (default 30, 10, 5 where the bundle has a ControlNet); zeros: no pose. */
	poses?: readonly number[] | undefined;
	/** How strongly poses steer, 0–2 (default 1). */
	controlScale?: number | undefined;
	/** Names that the bundle knows (default: all, where it has the adapter); none: an empty list. */
	expressions?: readonly string[] | undefined;
	/** How strongly they show, 0–2 (default 1). */
	expressionScale?: number | undefined;
	/** Least similarity of an image to its identity, −1 to 1 (default 0.3). */
	minSimilarity?: number | undefined;
	/** How often an image is painted at most, 1–100 (default 3). */
	tries?: number | undefined;
	/** People in a shard, which is the unit that is kept when a run ends early (default: 20, and fewer with more than 50 images of each). */
	peoplePerShard?: number | undefined;
	/** Which part of the shards this run paints (default: all of them). */
	part?: Readonly<{ index: number; of: number }> | undefined;
	/** Models that paint side by side, 1–64 (default 1). */
	workers?: number | undefined;
	/** Images that each paints at once, 1–1024 (default 8). */
	batch?: number | undefined;
}

export const mostPeople = 1_000_000;
/** Each image has as many seeds, one for each of its tries. */
export const mostTries = 100;
/** Seeds are numbers of 32 bits. */
const mostImages = Math.floor(2 ** 32 / mostTries);
const usualShardImages = 1000;
const usualShardPeople = 20;

const scale = number(0, 2);
const mostAngles = [90, 60, 60] as const;
const poseRule: Rule = {
	expected: `three numbers from 0 to ${mostAngles.join(', ')}`,
	fits: (value) =>
		Array.isArray(value) && value.length === 3 && value.every((angle, i) => number(0, mostAngles[i]!).fits(angle)),
};
const names: Rule = {
	expected: 'names of expressions',
	fits: (value) => Array.isArray(value) && value.every(rules.text.fits),
};
const ownRules = {
	out: pathRule,
	identities: integer(1, mostPeople),
	images: integer(1, 10_000),
	seed: integer(0, Number.MAX_SAFE_INTEGER),
	from: pathRule,
	list: pathRule,
	sphere: rules.flag,
	components: integer(1, 512),
	maxCosine: number(-1, 1),
	exclude: listOf(pathRule),
	format: oneOf(formatNames),
	contents: oneOf(contentsNames),
	imageFormat: oneOf(imageFormatNames),
	poses: poseRule,
	controlScale: scale,
	expressions: names,
	expressionScale: scale,
	minSimilarity: number(-1, 1),
	tries: integer(1, mostTries),
	peoplePerShard: integer(1, mostPeople),
	part: rules.object,
	workers: integer(1, 64),
	batch: integer(1, 1024),
} as const satisfies Record<string, Rule>;

const mannerNames = [
	...['preset', 'steps', 'guidanceScale', 'guidanceInterval'],
	...['sampler', 'eta', 'width', 'height'],
] as readonly (keyof Manner)[];

/**
 * Checked options with their defaults, those of a model's left open.
 *
 * @param presets - what presets the model will have
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolveDatasetOptions(options: DatasetOptions, presets: Presets = usualPresets) {
	const given = Object.entries(options);
	const manner = Object.fromEntries(given.filter(([name]) => mannerNames.some((one) => one === name))) as Manner;
	check('dataset', Object.fromEntries(given.filter(([name]) => !(name in manner))), ownRules);
	checkGenerateOptions(manner, presets);
	for (const name of ['out', 'identities', 'images'] as const) {
		if (options[name] === undefined) throw invalid(ownRules[name].expected, name, 'none');
	}
	const { out, identities: people, images, from, list, sphere, components, part } = options;
	if (people * images > mostImages) {
		throw invalid(`at most ${mostImages} images in all`, 'images', `${images} of each of ${people} people`);
	}
	const sources = Object.entries({ from, list, sphere: sphere || undefined }).filter(
		([, value]) => value !== undefined,
	);
	if (sources.length > 1) throw invalid('one source of identities', sources[1]![0], `it besides ${sources[0]![0]}`);
	if (components !== undefined && from === undefined)
		throw invalid(({ option }) => `${option('from')} beside it`, 'components', 'none');
	const { format = 'folders', contents = 'crops', imageFormat = 'png' } = options;
	if (format === 'recordio' && contents === 'images') throw invalid('crops or both for recordio', 'contents', contents);
	if (part !== undefined) checkPart(part);
	const { seed = 0, maxCosine = 0.3, exclude = [], minSimilarity = 0.3, tries = 3, workers = 1, batch = 8 } = options;
	const peoplePerShard =
		options.peoplePerShard ?? Math.min(usualShardPeople, Math.max(1, Math.floor(usualShardImages / images)));
	const { poses, controlScale = 1, expressions, expressionScale = 1 } = options;
	return {
		...{ out, people, images, seed, from, list, components, maxCosine, exclude, format, contents, imageFormat },
		...{ poses, controlScale, expressions, expressionScale, minSimilarity, tries, peoplePerShard },
		...{ part: part?.of === 1 ? undefined : part, workers, batch, manner },
	};
}

export type ResolvedDataset = ReturnType<typeof resolveDatasetOptions>;

function checkPart({ index, of }: { index: number; of: number }): void {
	if (integer(1, 10_000).fits(of) && integer(1, of).fits(index)) return;
	throw invalid('i/n, with i from 1 to n, and n up to 10000', 'shard', `${describe(index)}/${describe(of)}`);
}
