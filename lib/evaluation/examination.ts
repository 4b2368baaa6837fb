// Looks at photos and portraits with all that judges, and collects the numbers that figures are computed from.
import { embeddingLength } from '../identity.ts';
import type { Alignment } from '../options/evaluation.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import { cutFace, stretched } from './alignment.ts';
import type { Evidence, Faces, Features } from './evidence.ts';
import type { Eyes, Seen } from './eyes.ts';
import type { Judges } from './judges.ts';
import type { ListedImage } from './people.ts';
import { portraitPairs } from './portrait-pairs.ts';
import { angles, estimatePose } from './pose.ts';
import { Random } from './random.ts';
import type { Attempt, KnownPerson, Survey } from './survey.ts';

/** A person with portraits. */
export type Sitter = KnownPerson & Readonly<{ portraits: readonly ListedImage[] }>;

export type Examination = Readonly<{
	evidence: Evidence;
	/** The portraits that show a face, as `evidence.portraits` has them. */
	found: readonly Readonly<{ person: number; image: ListedImage }>[];
	/** The names of those that show none. */
	faceless: readonly string[];
	failed: Survey['failed'];
}>;

/** Numbers of an Inception feature. */
const featureLength = 2048;

export async function examine(
	people: readonly Sitter[],
	{
		eyes,
		judges,
		alignment,
		side,
		seed,
		attempt,
		signal,
		onProgress,
	}: {
		eyes: Eyes;
		judges: Judges;
		alignment: Alignment;
		/** Of the images that are compared as a whole, in pixels. */
		side: number;
		seed: number;
		attempt: Attempt;
		signal: AbortSignal;
		onProgress: (what: 'photos' | 'portraits', done: number, total: number) => void;
	},
): Promise<Examination> {
	const photos = new FaceList();
	const inputs: number[] = [];
	for (const [person, { photos: known }] of people.entries()) {
		inputs.push(photos.count);
		for (const { seen } of known) photos.add(person, seen);
	}

	const compare = async (image: Pixels, seen: Seen | undefined, isCut: boolean) =>
		isCut && seen ? await cutFace(image, seen.keypoints, side) : await stretched(image, side);
	const faces = new FaceList();
	const painted = new Int32Array(people.length);
	const found: Examination['found'][number][] = [];
	const faceless: string[] = [];
	const failed: Survey['failed'][number][] = [];
	const portraitFeatures = new FeatureList(people.reduce((sum, { portraits }) => sum + portraits.length, 0));
	const lpips: { person: number; distance: number }[] = [];
	const random = new Random(seed);
	let done = 0;
	for (const [person, { portraits }] of people.entries()) {
		const drawn = judges.has.lpips ? portraitPairs(portraits.length, random) : [];
		const wanted = new Set(drawn.flat());
		const compared = new Map<number, Pixels>();
		for (const [i, image] of portraits.entries()) {
			const result = await attempt(image.file, async () => {
				signal.throwIfAborted();
				const pixels = await readPhoto(image.file);
				const seen = await eyes.see(pixels, signal);
				const whole = judges.has.inception || judges.has.lpips;
				return { seen, shown: whole ? await compare(pixels, seen, alignment === 'both') : undefined };
			});
			onProgress('portraits', ++done, portraitFeatures.length);
			if ('error' in result) {
				failed.push({ name: image.name, ...result });
				continue;
			}
			painted[person]!++;
			const { seen, shown } = result;
			if (seen === undefined) faceless.push(image.name);
			else {
				faces.add(person, seen);
				found.push({ person, image });
			}
			if (shown === undefined) continue;
			if (judges.has.inception) portraitFeatures.add(person, await judges.inceptionFeatures(shown, signal));
			if (wanted.has(i)) compared.set(i, shown);
		}
		for (const [i, j] of drawn) {
			const [one, other] = [compared.get(i), compared.get(j)];
			if (one && other) lpips.push({ person, distance: await judges.lpipsDistance(one, other, signal) });
		}
	}

	const features = judges.has.inception
		? {
				photos: await photoFeatures(people, { judges, compare, signal, onProgress }),
				portraits: portraitFeatures.done(),
			}
		: undefined;
	return {
		evidence: {
			...{ people: people.length, photos: photos.done(), inputs: Int32Array.from(inputs) },
			...{ portraits: faces.done(), painted, seed },
			...(judges.has.lpips && {
				lpips: {
					person: Int32Array.from(lpips, (one) => one.person),
					distances: Float64Array.from(lpips, (one) => one.distance),
				},
			}),
			...(features && { features }),
		},
		...{ found, faceless, failed },
	};
}

async function photoFeatures(
	people: readonly Sitter[],
	{
		judges,
		compare,
		signal,
		onProgress,
	}: {
		judges: Judges;
		compare: (image: Pixels, seen: Seen, isCut: boolean) => Promise<Pixels>;
		signal: AbortSignal;
		onProgress: (what: 'photos', done: number, total: number) => void;
	},
): Promise<Features> {
	const features = new FeatureList(people.reduce((sum, { photos }) => sum + photos.length, 0));
	for (const [person, { photos }] of people.entries()) {
		for (const { file, seen } of photos) {
			signal.throwIfAborted();
			const shown = await compare(await readPhoto(file), seen, true);
			features.add(person, await judges.inceptionFeatures(shown, signal));
			onProgress('photos', features.count, features.length);
		}
	}
	return features.done();
}

class FaceList {
	readonly #seen: { person: number; seen: Seen }[] = [];

	get count(): number {
		return this.#seen.length;
	}

	add(person: number, seen: Seen): void {
		this.#seen.push({ person, seen });
	}

	done(): Faces {
		const data = new Float32Array(this.count * embeddingLength);
		const poses = new Float64Array(this.count * angles.length);
		for (const [i, { seen }] of this.#seen.entries()) {
			data.set(seen.embedding, i * embeddingLength);
			const pose = estimatePose(seen.keypoints);
			poses.set(
				angles.map((angle) => pose[angle]),
				i * angles.length,
			);
		}
		return {
			person: Int32Array.from(this.#seen, ({ person }) => person),
			embeddings: { data, length: embeddingLength },
			poses,
		};
	}
}

/** In memory that threads share: it may be hundreds of megabytes. */
class FeatureList {
	readonly length: number;
	readonly #person: Int32Array;
	#data: Float32Array | undefined;
	count = 0;

	/** @param length - how many there may be */
	constructor(length: number) {
		this.length = length;
		this.#person = new Int32Array(length);
	}

	add(person: number, features: Float32Array): void {
		this.#data ??= new Float32Array(
			new SharedArrayBuffer(this.length * featureLength * Float32Array.BYTES_PER_ELEMENT),
		);
		this.#data.set(features, this.count * featureLength);
		this.#person[this.count++] = person;
	}

	done(): Features {
		const data = (this.#data ?? new Float32Array()).subarray(0, this.count * featureLength);
		return { person: this.#person.slice(0, this.count), vectors: { data, length: featureLength } };
	}
}
