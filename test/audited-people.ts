// People who were never photographed, with portraits of any quality: what an audit is given, made up.
import { compareGroups } from '../lib/audit/comparison.ts';
import type { Division } from '../lib/audit/groups.ts';
import { numbersOf } from '../lib/audit/measures.ts';
import { thresholdOf } from '../lib/audit/threshold.ts';
import type { Measured } from '../lib/evaluation/evaluate.ts';
import type { Evidence, Faces } from '../lib/evaluation/evidence.ts';
import { compute } from '../lib/evaluation/figures.ts';
import type { Person } from '../lib/evaluation/people.ts';
import { normalNumbers, randomNumbers } from './random-numbers.ts';

/** How a person's photos and portraits come out. */
export type Fate = Readonly<{
	/** How likely a photo has no face. */
	blind: number;
	/** How likely a portrait has none. */
	faceless: number;
	/** How far a portrait's embedding strays, and in one direction for all. */
	stray: number;
	bias: number;
	/** Deviation of the portraits' yaw, in degrees. */
	turn: number;
	/** Mean LPIPS of two portraits; undefined: there is no judge. */
	apart?: number;
}>;
const usual: Fate = { blind: 0.02, faceless: 0.02, stray: 0.35, bias: 0, turn: 18 };
const [photosEach, portraitsEach, length] = [3, 4, 16] as const;

/** @param fate - of each person, what is not as usual */
export function auditedPeople(
	people: number,
	seed: number,
	fate: (person: number) => Partial<Fate> = () => ({}),
): { measured: Measured; listed: Person[] } {
	const [normal, uniform] = [normalNumbers(seed), randomNumbers(seed + 1)];
	const unit = (vector: number[]) => vector.map((value) => value / Math.hypot(...vector));
	const listed: Person[] = [];
	const failed: { name: string; error: { code: string } }[] = [];
	const [photos, portraits] = [new Seen(), new Seen()];
	const [known, inputs, painted]: [{ place: number; photos: unknown[] }[], number[], number[]] = [[], [], []];
	const pairs: { person: number; distance: number }[] = [];
	for (let place = 0; place < people; place++) {
		const how = { ...usual, ...fate(place) };
		const who = unit(Array.from({ length }, normal));
		const near = (stray: number, bias: number) =>
			unit(who.map((value, k) => value + (stray * normal()) / Math.sqrt(length) + (k === 0 ? bias : 0)));
		const images = Array.from({ length: photosEach }, (_, i) => ({ name: `${place}/${i}`, file: '' }));
		listed.push({ name: String(place), images });
		const shown = images.filter(() => uniform() >= how.blind);
		for (const { name } of images.filter((image) => !shown.includes(image)))
			failed.push({ name, error: { code: 'NO_FACE' } });
		if (shown.length === 0) continue;
		const person = known.push({ place, photos: shown }) - 1;
		inputs.push(photos.count);
		for (const _ of shown) photos.add(person, near(usual.stray, 0), 10 * normal());
		painted.push(portraitsEach);
		// Whoever fails once is more likely to fail again.
		const faceless = Math.min(1, 2 * how.faceless * uniform());
		for (let i = 0; i < portraitsEach; i++) {
			if (uniform() >= faceless) portraits.add(person, near(how.stray, how.bias), how.turn * normal());
			for (let j = 0; j < i && how.apart !== undefined; j++)
				pairs.push({ person, distance: how.apart + 0.05 * normal() });
		}
	}
	const evidence: Evidence = {
		...{ people: known.length, photos: photos.done(), portraits: portraits.done(), seed },
		...{ inputs: Int32Array.from(inputs), painted: Int32Array.from(painted) },
		...(pairs.length > 0 && {
			lpips: {
				person: Int32Array.from(pairs, ({ person }) => person),
				distances: Float64Array.from(pairs, ({ distance }) => distance),
			},
		}),
	};
	const measured = { survey: { failed }, people: known, examination: { evidence } };
	return { measured: measured as unknown as Measured, listed };
}

/** By what the person's place leaves over: in columns of so many groups as `counts` says. */
export function divisions(people: number, counts: readonly number[]): Division[] {
	return counts.map((count) => ({
		name: `in ${count}`,
		labels: Array.from({ length: count }, (_, i) => `${i} of ${count}`),
		labelOf: Array.from({ length: people }, (_, person) => person % count),
	}));
}

/** As the command compares them. */
export async function compared(
	{ measured, listed }: ReturnType<typeof auditedPeople>,
	columns: readonly Division[],
	seed = 1,
) {
	const threshold = thresholdOf(measured.examination.evidence);
	const numbers = numbersOf(measured, listed, threshold);
	return await compareGroups(numbers, columns, { seed, run: async (tasks) => tasks.map(compute) });
}

class Seen {
	readonly #all: { person: number; embedding: number[]; yaw: number }[] = [];

	get count(): number {
		return this.#all.length;
	}

	add(person: number, embedding: number[], yaw: number): void {
		this.#all.push({ person, embedding, yaw });
	}

	done(): Faces {
		return {
			person: Int32Array.from(this.#all, ({ person }) => person),
			embeddings: { data: Float32Array.from(this.#all.flatMap(({ embedding }) => embedding)), length },
			poses: Float64Array.from(this.#all.flatMap(({ yaw }) => [yaw, 0, 0])),
		};
	}
}
