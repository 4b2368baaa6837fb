// Chooses identities of people who do not exist, none too much like another, nor like any of those who must not leak.
import type { NativeIdentityIndex } from '../../addon/identities.ts';
import { awaitNative } from '../../call.ts';
import { Arc2FaceError } from '../../errors.ts';
import type { Vectors } from '../../evaluation/vectors.ts';
import { embeddingLength } from '../../identity.ts';
import type { Sentence } from '../../messages/wording.ts';
import { loadNative } from '../../native.ts';
import { check, integer, number, oneOf } from '../../options/check.ts';
import { type Candidates, drawn, listed } from './candidates.ts';
import { fitDistribution } from './distribution.ts';
import { rowsAtATime, unitVectors } from './unit.ts';

/** Where identities come from. Embeddings are [n, 512], of any length but 0: only their directions count. */
export type IdentitySource =
	/**
	 * New ones, from the normal distribution that the embeddings would be typical of, by as many of its principal components as asked for (default: all). What
	 * it is fitted to decides what people look like; every embedding should be of another person.
	 */
	| { kind: 'fitted'; embeddings: Vectors; components?: number }
	/** New ones, in any direction alike. Most of these are far from any face that a model was trained on. */
	| { kind: 'sphere' }
	/** These, in their order. */
	| { kind: 'list'; embeddings: Vectors };

export type ChooseOptions = {
	/** How many, 1 to 4,194,304. */
	count: number;
	/** Of the numbers that identities are drawn by: a non-negative integer, of which the low 32 bits count. */
	seed: number;
	/** The largest cosine that two of them may have, and one of them with one of `exclude`, −1 to 1. */
	maxCosine: number;
	/** Identities that none may be like, [n, 512]. */
	exclude?: Vectors;
	signal?: AbortSignal;
	/** From time to time: how many were found, among how many candidates. */
	onProgress?: (done: number, tried: number) => void;
	/** Candidates that are compared at a time; changes the time that it takes, nothing else (default 256). */
	batchSize?: number;
};

export type ChosenIdentities = {
	/** [count, 512], each of length 1. */
	embeddings: Float32Array;
	/** Candidates that it took. */
	tried: number;
	/** The largest cosine of any two, and of any with one of `exclude`: undefined where there are no two to compare. */
	nearest: { among: number | undefined; excluded: number | undefined };
};

/**
 * Takes candidate after candidate, and of these whoever is no more like one taken before, or one of `exclude`, than `maxCosine` allows. The same ones on every
 * machine: whoever is too similar is told by sums in float64 in a fixed order, among all of them. Memory: 2 KB an identity, in all three places.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also when a thousand candidates in a row are too similar, or the list is at its end; `OUT_OF_MEMORY`
 */
export async function chooseIdentities(source: IdentitySource, options: ChooseOptions): Promise<ChosenIdentities> {
	const { count, seed, maxCosine, exclude, signal, onProgress, batchSize = 256 } = options;
	const components = source.kind === 'fitted' ? source.components : undefined;
	check('chooseIdentities', { kind: source.kind, components, count, seed, maxCosine, batchSize }, rules);
	signal?.throwIfAborted();
	const native = loadNative();
	const taken = native.openIdentityIndex();
	const excluded = native.openIdentityIndex();
	try {
		if (exclude !== undefined) await addAll(excluded, exclude, signal);
		const candidates = await candidatesOf(source, seed, signal);
		const embeddings = new Float32Array(count * embeddingLength);
		let [done, tried, refusedInARow] = [0, 0, 0];
		let nearest = { taken: Number.NEGATIVE_INFINITY, excluded: Number.NEGATIVE_INFINITY };
		while (done < count) {
			const vectors = await candidates(batchSize, signal);
			if (vectors.length === 0) throw tooFew(done, `all ${tried} of the list`, source, options);
			const compared = await compare(vectors, { taken, excluded, maxCosine }, signal);
			for (const [i, found] of compared.entries()) {
				tried++;
				if (Math.max(found.taken, found.excluded) > maxCosine) {
					if (++refusedInARow === mostInARow) throw tooFew(done, `${tried} candidates`, source, options);
					continue;
				}
				refusedInARow = 0;
				embeddings.set(vectorAt(vectors, i), done++ * embeddingLength);
				nearest = {
					taken: Math.max(nearest.taken, found.taken),
					excluded: Math.max(nearest.excluded, found.excluded),
				};
				if (done === count) break;
			}
			onProgress?.(done, tried);
		}
		return { embeddings, tried, nearest: { among: cosine(nearest.taken), excluded: cosine(nearest.excluded) } };
	} finally {
		taken.dispose();
		excluded.dispose();
	}
}

/** Candidates that may be refused in a row: fewer than one in a hundred would be taken then, and the next ones with ever more effort. */
const mostInARow = 1000;

const rules = {
	kind: oneOf(['fitted', 'sphere', 'list']),
	components: integer(1, embeddingLength),
	count: integer(1, 2 ** 22),
	seed: integer(0, Number.MAX_SAFE_INTEGER),
	maxCosine: number(-1, 1),
	batchSize: integer(1, 2 ** 16),
};

async function candidatesOf(source: IdentitySource, seed: number, signal?: AbortSignal): Promise<Candidates> {
	if (source.kind === 'sphere') return drawn({ seed });
	const vectors = await unitVectors(source.embeddings, 'embeddings', signal);
	if (source.kind === 'list') return listed(vectors);
	return drawn({ seed, ...(await fitDistribution(vectors, source.components, signal)) });
}

async function addAll(index: NativeIdentityIndex, identities: Vectors, signal?: AbortSignal): Promise<void> {
	const { data } = await unitVectors(identities, 'exclude', signal);
	const piece = rowsAtATime * embeddingLength;
	for (let at = 0; at < data.length; at += piece) {
		await awaitNative(() => index.add(data.subarray(at, at + piece)), signal);
	}
}

/** How similar a candidate is to the nearest of those excluded, and of those taken before; −Infinity: to none. */
type Found = { taken: number; excluded: number };

/** Takes those that are not too similar. */
async function compare(
	vectors: Float32Array,
	{ taken, excluded, maxCosine }: { taken: NativeIdentityIndex; excluded: NativeIdentityIndex; maxCosine: number },
	signal?: AbortSignal,
): Promise<Found[]> {
	const { similarities } = await awaitNative(() => excluded.find(vectors), signal);
	const found = Array.from(similarities, (similarity) => ({ taken: Number.NEGATIVE_INFINITY, excluded: similarity }));
	const allowed = found.map(({ excluded }, i) => ({ excluded, i })).filter(({ excluded }) => excluded <= maxCosine);
	const rest = new Float32Array(allowed.length * embeddingLength);
	for (const [at, { i }] of allowed.entries()) rest.set(vectorAt(vectors, i), at * embeddingLength);
	const nearest = await awaitNative(() => taken.addDistinct(rest, maxCosine), signal);
	for (const [at, { i }] of allowed.entries()) found[i]!.taken = nearest.similarities[at]!;
	return found;
}

function vectorAt(vectors: Float32Array, i: number): Float32Array {
	return vectors.subarray(i * embeddingLength, (i + 1) * embeddingLength);
}

function cosine(similarity: number): number | undefined {
	return similarity === Number.NEGATIVE_INFINITY ? undefined : similarity;
}

function tooFew(
	found: number,
	among: string,
	{ kind }: IdentitySource,
	{ count, maxCosine, exclude }: ChooseOptions,
): Arc2FaceError {
	const kinship = `a cosine above ${maxCosine} with another${exclude === undefined ? '' : ', or with one that is excluded'}`;
	const why = kind === 'list' ? `the others have ${kinship}` : `the last ${mostInARow} all had ${kinship}`;
	const problem = `Expected ${count} identities but found ${found} among ${among}: ${why}.`;
	const remedy: Sentence = (wording) =>
		`Ask for fewer, or allow a higher cosine (${wording.option('maxCosine')})${more[kind]}.`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'count' } });
}

/** What else gives more identities. */
const more = {
	fitted: '; or fit to embeddings of more people, with more components',
	sphere: '',
	list: '; or pass a longer list',
} as const;
