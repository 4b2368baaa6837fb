// One person of a data set: all images painted, those that are not fit for it painted again.
import type { Identity } from '../identity.ts';
import type { Sample } from './formats/sample.ts';
import { type Flaw, flawOf } from './gate.ts';
import { seedOf } from './seeds.ts';
import { drawnFor, type Spread } from './spread.ts';
import type { Order, Shot, ShotFiles } from './studio.ts';

export type PersonOptions = Readonly<{
	/** Of the data set. */
	seed: number;
	images: number;
	tries: number;
	spread: Spread;
	minSimilarity: number;
}>;

/** What became of a person. */
export type Made = Readonly<{
	samples: readonly Sample[];
	/** How many images were painted, and how many of those were left out, by reason. */
	painted: number;
	refused: Readonly<Record<Flaw, number>>;
}>;

/**
 * Paints in rounds: all images, then those that were not kept, with other seeds. Which are kept is decided when a round is complete, in the order of
 * the images, so that it does not matter which was painted first.
 *
 * @param make - paints and reads one image
 */
export async function makePerson(
	person: number,
	identity: Identity,
	options: PersonOptions,
	make: (order: Order) => Promise<Shot>,
): Promise<Made> {
	const { images, tries, minSimilarity } = options;
	const kept: Shot[] = [];
	const refused: Record<Flaw, number> = { 'no face': 0, unlike: 0, copy: 0 };
	let painted = 0;
	let wanted = Array.from({ length: images }, (_, image) => image);
	for (let attempt = 1; attempt <= tries && wanted.length > 0; attempt++) {
		const orders = wanted.map((image) => orderOf(options, { person, image }, attempt));
		painted += orders.length;
		const again: number[] = [];
		for (const shot of await Promise.all(orders.map(make))) {
			const flaw = flawOf(shot, { identity, minSimilarity, kept });
			if (flaw === undefined) {
				kept.push(shot);
			} else {
				refused[flaw]++;
				again.push(shot.order.image);
			}
		}
		wanted = again;
	}
	const samples = kept.map(sampleOf).sort((a, b) => a.image - b.image);
	return { samples, painted, refused };
}

/** What a try of an image is. */
export function orderOf(
	{ seed, images, spread }: Pick<PersonOptions, 'seed' | 'images' | 'spread'>,
	{ person, image }: { person: number; image: number },
	attempt: number,
): Order {
	return {
		...{ person, image, attempt, seed: seedOf(seed, { person, image, images }, attempt) },
		drawn: drawnFor(spread, seed, { person, image }),
	};
}

/** Columns are the same for all images of a run. */
function sampleOf({ order, similarity, files }: Shot): Sample {
	const { person, image, attempt, seed, drawn } = order;
	const { face, portrait, crop, sha256, recipe } = files as ShotFiles; // what is kept has some
	const [leftEye, rightEye, nose, leftCorner, rightCorner] = face.keypoints.map((point) =>
		point.map(rounded).join(' '),
	);
	return {
		...{ person, image, portrait, crop },
		row: {
			...{ seed, attempt, similarity: rounded(similarity) },
			...{ yaw: drawn.pose?.yaw, pitch: drawn.pose?.pitch, roll: drawn.pose?.roll, expression: drawn.expression },
			...{ score: rounded(face.score!), left_eye: leftEye, right_eye: rightEye, nose },
			...{ left_corner: leftCorner, right_corner: rightCorner, sha256, recipe },
		},
	};
}

/** To four digits. */
function rounded(number: number): number {
	return Math.round(1e4 * number) / 1e4;
}
