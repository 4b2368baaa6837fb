// What decides the images of a data set: written down before them, and compared before more are painted.
import { networks } from '../bundle/networks.ts';
import { Arc2FaceError, shortened } from '../errors.ts';
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
	const others = [
		...(parts[0] === parts[1] ? [] : [`the part ${parts[0]}, not ${parts[1]}`]),
		...differences(run, now),
	];
	if (others.length === 0) return;
	throw new Arc2FaceError('INVALID_ARGUMENT', `The data set in ${folder} was begun otherwise: ${others.join('; ')}.`, {
		remedy: ({ option }) =>
			`Continue it as it was begun (its dataset.json tells how), or choose another folder with ${option('out')}. Nothing was changed.`,
		details: { option: 'out' },
	});
}

/** Of what `now` has; for people. The name of a bundle's folder is nobody's concern. */
export function differences(before: object, now: object, path: readonly string[] = []): string[] {
	return Object.keys({ ...(path.length > 0 && before), ...now }).flatMap((name) => {
		const [a, b] = [before, now].map((side) => Reflect.get(side, name) as unknown);
		const where = [...path, name];
		if (where.join('.') === 'model.bundle') return [];
		if (isRecord(a) && isRecord(b)) return differences(a, b, where);
		return JSON.stringify(a) === JSON.stringify(b) ? [] : [`${nameOf(where)} ${tell(a)}, not ${tell(b)}`];
	});
}

function isRecord(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(path: readonly string[]): string {
	const [first, second, third = ''] = path;
	if (first === 'package') return 'version of this package';
	if (first === 'model' && second === 'weights' && Object.hasOwn(networks, third)) {
		return `weights of the ${networks[third as keyof typeof networks].label}`;
	}
	return path.join('.');
}

function tell(value: unknown): string {
	return value === undefined ? 'none' : shortened(JSON.stringify(value), 60);
}

function tellPart(part: Part | undefined): string {
	return part === undefined || part.of === 1 ? '1/1' : `${part.index}/${part.of}`;
}
