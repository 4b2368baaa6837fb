// What decides the images of a data set: written down before them, and compared before more are painted.
import { networks } from '../bundle/networks.ts';
import { Arc2FaceError, shortened } from '../errors.ts';
import { type Sentence, say, type Wording } from '../messages/wording.ts';
import type { Contents, Format, ImageFormat } from '../options/dataset.ts';
import type { Recipe, RecipeModel, RecipeOptions } from '../options/recipe.ts';
import type { Spread } from './spread.ts';

/** How all images are painted. */
export type Painting = Readonly<Omit<RecipeOptions, 'seed' | 'noise'>>;

/** What is known of a run before a model is loaded. Digests are SHA-256, in lower-case hexadecimal. */
export type Asked = Readonly<{
	/** The version of this package. */
	package: string;
	seed: number;
	people: number;
	images: number;
	/** Where identities come from; digests are of the files. */
	source: Readonly<{ kind: 'fitted' | 'list'; sha256: string; components?: number } | { kind: 'sphere' }>;
	maxCosine: number;
	exclude: readonly string[];
	format: Format;
	contents: Contents;
	imageFormat: ImageFormat;
	minSimilarity: number;
	tries: number;
	peoplePerShard: number;
}>;

/** All of it: runs of the same have the same images. */
export type Run = Asked &
	Readonly<{
		painting: Painting;
		spread: Spread;
		/** Of the numbers of its expressions. */
		expressions?: string;
		/** What painted, as recipes tell it. */
		model: RecipeModel;
		/** The digests of what reads the images, and the size that it reads them in. */
		readers: Readonly<{ detector: string; recognizer: string; detectionSize: number }>;
		/** On a GPU, whose networks round otherwise in other batches: the rows of each. */
		batchRows?: readonly number[];
		/** Of the identities' numbers, float32 and little-endian. */
		identities: string;
	}>;

/** Which of the shards a folder is for: those whose index leaves `index` − 1 when it is divided by `of`. */
export type Part = Readonly<{ index: number; of: number }>;

/** What lies in a data set's folder besides images, as `dataset.json`. */
export type Recorded = Readonly<{ format: 1; run: Run; part?: Part }>;

/** The beginning of every image's recipe: `identity` and the row's `recipe` are the rest. */
export function recipeHead({ package: version, model }: Run): Pick<Recipe, 'format' | 'package' | 'model'> {
	return { format: 1, package: version, model };
}

/** A shard: `people` of them from `firstPerson` on; all images of a person are in one. */
export type ShardPlan = Readonly<{ index: number; firstPerson: number; people: number }>;

/** All shards of a run, in order. */
export function shardsOf({ people, peoplePerShard }: Asked): ShardPlan[] {
	return Array.from({ length: Math.ceil(people / peoplePerShard) }, (_, index) => {
		const firstPerson = index * peoplePerShard;
		return { index, firstPerson, people: Math.min(peoplePerShard, people - firstPerson) };
	});
}

export function isOfPart({ index }: ShardPlan, part: Part | undefined): boolean {
	return part === undefined || index % part.of === part.index - 1;
}

/**
 * @param now - all of a run, or what is known of it so far
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` where the two differ, naming what
 */
export function requireSameRun(folder: string, { run, part }: Recorded, now: Partial<Run>, nowPart?: Part): void {
	const parts = [tellPart(part), tellPart(nowPart)] as const;
	const others: Sentence[] = [
		...(parts[0] === parts[1] ? [] : [otherwise('shard', parts[0], parts[1])]),
		...differences(run, now),
	];
	if (others.length === 0) return;
	const problem: Sentence = (wording) =>
		`The data set in ${folder} was begun otherwise: ${others.map((one) => say(one, wording)).join('; ')}.`;
	throw new Arc2FaceError('INVALID_ARGUMENT', problem, {
		remedy: ({ option }) =>
			`Continue it as it was begun (its dataset.json tells how), or choose another folder with ${option('out')}. Nothing was changed.`,
		details: { option: 'out' },
	});
}

/** Of what `now` has; for people: options by their names, files without their digests. The name of a bundle's folder is nobody's concern. */
export function differences(run: Run, now: Partial<Run>): Sentence[] {
	const before: Partial<Run> = Object.fromEntries(Object.entries(run).filter(([name]) => name in now));
	const differing = (of: (run: Partial<Run>) => Traits) => {
		const [a, b] = [of(before), of(now)];
		return Object.keys({ ...a, ...b })
			.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
			.map((name) => [name, a[name], b[name]] as const);
	};
	const isListedOtherwise = JSON.stringify(before.exclude) !== JSON.stringify(now.exclude);
	return [
		...differing(wordsOf).map(([name, a, b]) => `${name} ${tell(a)}, not ${tell(b)}`),
		...sourceDifferences(before.source, now.source),
		...(isListedOtherwise ? [({ option }: Wording) => `other files for ${option('exclude')}`] : []),
		...differing(optionsOf).map(([name, a, b]) => otherwise(name, a, b)),
		...differing(contentsOf).map(([name]) => `other ${name}`),
	];
}

type Traits = Readonly<Record<string, unknown>>;

/** What no option decides by itself. */
function wordsOf({ package: version, model }: Partial<Run>): Traits {
	return { 'version of this package': version, runtime: model && `${model.provider} ${model.version}` };
}

/** By the names of the options. */
function optionsOf(run: Partial<Run>): Traits {
	const { package: _, source, exclude: __, people, painting, spread, expressions: ___, ...others } = run;
	const { model, readers, batchRows, identities: ____, ...plain } = others;
	const { poses, expressions } = spread ?? {};
	return {
		...plain,
		identities: people,
		components: source?.kind === 'fitted' ? source.components : undefined,
		...painting,
		poses: poses && [poses.yaw, poses.pitch, poses.roll],
		controlScale: poses?.scale,
		expressions: expressions?.names,
		expressionScale: expressions?.scale,
		device: model?.device,
		precision: model?.precision,
		detectionSize: readers?.detectionSize,
		batchSizes: batchRows,
	};
}

/** By words, values that tell nothing to people: digests for the most part. */
function contentsOf({ model, readers, expressions, identities }: Partial<Run>): Traits {
	const { loras, ...adapters } = model?.variant ?? {};
	const weights = Object.entries(model?.weights ?? {}).map(([name, digests]) => [
		`weights of the ${labelOf(name)}`,
		digests,
	]);
	return {
		...Object.fromEntries(weights),
		'noise schedule or prompt': model?.settings,
		LoRAs: loras,
		...Object.fromEntries(Object.entries(adapters).map(([name, digest]) => [`${name} adapter`, digest])),
		'weights of the detector': readers?.detector,
		'weights of the recognizer': readers?.recognizer,
		'numbers of the expressions': expressions,
		identities,
	};
}

function labelOf(name: string): string {
	return Object.hasOwn(networks, name) ? networks[name as keyof typeof networks].label : name;
}

const sourceOptions = { fitted: 'from', list: 'list', sphere: 'sphere' } as const;

function sourceDifferences(before: Asked['source'] | undefined, now: Asked['source'] | undefined): Sentence[] {
	if (before === undefined || now === undefined) return [];
	const [a, b] = [sourceOptions[before.kind], sourceOptions[now.kind]];
	if (a !== b) return [({ option }) => `${option(a)}, not ${option(b)}`];
	const [one, other] = [before, now].map((source) => 'sha256' in source && source.sha256);
	return one === other ? [] : [({ option }) => `another file for ${option(a)}`];
}

function otherwise(name: string, before: unknown, now: unknown): Sentence {
	return ({ option }) => `${option(name)} ${tell(before)}, not ${tell(now)}`;
}

/** As the command line takes it. */
function tell(value: unknown): string {
	return value === undefined ? 'none' : shortened(String(value), 60);
}

function tellPart(part: Part | undefined): string | undefined {
	return part === undefined || part.of === 1 ? undefined : `${part.index}/${part.of}`;
}
