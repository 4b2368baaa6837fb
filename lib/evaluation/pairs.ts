// Pairs of a portrait and a photo, for verification: of one person, and of two.
import type { Evidence } from './evidence.ts';
import { Random } from './random.ts';
import { dot, row } from './vectors.ts';

/** Whose portrait, whose photo, and how alike they are; those of one person come first. */
export type PortraitPairs = Readonly<{
	portraitOf: Int32Array;
	photoOf: Int32Array;
	similarities: Float64Array;
	/** How many of the first are of one person. */
	genuine: number;
	/** How many there would be of each kind, if none had been left out. */
	all: Readonly<{ genuine: number; impostor: number }>;
}>;

/** So many take half a gigabyte with everything that is computed of them. */
export const mostPairs = 2_000_000;

/**
 * All pairs, or where there are more than `most` some of each kind, drawn with replacement: at most half of them of one person.
 *
 * @param evidence - faces in photos and in portraits
 */
export function pairUp({ people, photos, portraits, seed }: Evidence, most = mostPairs): PortraitPairs {
	const photosOf = byPerson(photos.person, people);
	const [n, m] = [portraits.person.length, photos.person.length];
	const perPortrait = Array.from(portraits.person, (person) => photosOf[person]!.length);
	const genuineAll = perPortrait.reduce((sum, number) => sum + number, 0);
	const impostorAll = n * m - genuineAll;
	const genuine = Math.min(genuineAll, Math.max(Math.floor(most / 2), most - impostorAll));
	const impostor = Math.min(impostorAll, most - genuine);
	const random = new Random(seed);
	const pairs = new PairList(genuine + impostor);

	if (genuine === genuineAll) {
		for (let i = 0; i < n; i++) for (const j of photosOf[portraits.person[i]!]!) pairs.add(i, j);
	} else {
		const most = perPortrait.reduce((a, b) => Math.max(a, b), 0);
		while (pairs.count < genuine) {
			const i = random.below(n);
			const own = photosOf[portraits.person[i]!]!;
			// As often as the portrait has photos, so that all pairs are as likely.
			const j = random.below(most);
			if (j < own.length) pairs.add(i, own[j]!);
		}
	}
	if (impostor === impostorAll) {
		for (let i = 0; i < n; i++) {
			for (let j = 0; j < m; j++) if (photos.person[j] !== portraits.person[i]) pairs.add(i, j);
		}
	} else {
		while (pairs.count < genuine + impostor) {
			const [i, j] = [random.below(n), random.below(m)];
			if (photos.person[j] !== portraits.person[i]) pairs.add(i, j);
		}
	}
	return {
		portraitOf: pairs.portraits.map((i) => portraits.person[i]!),
		photoOf: pairs.photos.map((j) => photos.person[j]!),
		similarities: Float64Array.from(pairs.portraits, (i, k) =>
			dot(row(portraits.embeddings, i), row(photos.embeddings, pairs.photos[k]!)),
		),
		genuine,
		all: { genuine: genuineAll, impostor: impostorAll },
	};
}

/** As many pairs of two people as of one, in the order of people that the seed gives, so that hardly a person is in two folds. */
export function balanced(
	{ portraitOf, genuine, similarities }: PortraitPairs,
	{ people, seed }: Pick<Evidence, 'people' | 'seed'>,
): Uint32Array {
	const random = new Random(seed);
	const place = new Uint32Array(people);
	for (const [at, person] of random.order(people).entries()) place[person] = at;
	const impostors = similarities.length - genuine;
	const each = Math.min(genuine, impostors);
	const some = (from: number, number: number) =>
		random
			.order(number)
			.subarray(0, each)
			.map((i) => from + i);
	const chosen = [some(0, genuine), some(genuine, impostors)];
	return Uint32Array.from([...chosen[0]!, ...chosen[1]!]).sort((a, b) => {
		const before = place[portraitOf[a]!]! - place[portraitOf[b]!]!;
		return before === 0 ? a - b : before;
	});
}

class PairList {
	readonly portraits: Int32Array;
	readonly photos: Int32Array;
	count = 0;

	constructor(length: number) {
		this.portraits = new Int32Array(length);
		this.photos = new Int32Array(length);
	}

	add(portrait: number, photo: number): void {
		this.portraits[this.count] = portrait;
		this.photos[this.count++] = photo;
	}
}

function byPerson(persons: Int32Array, people: number): number[][] {
	const lists = Array.from({ length: people }, (): number[] => []);
	for (const [i, person] of persons.entries()) lists[person]!.push(i);
	return lists;
}
