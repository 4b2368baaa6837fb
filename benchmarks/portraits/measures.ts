// What is required of portraits, measured on people held out from training. The definitions are those of the recipe's
// evaluation (models/tiny/recipe/train/evaluate.py), where it has them. A portrait without a found face has no similarity:
// means leave it out, and shares of portraits count it as a miss.
import { Identity } from '../../lib/index.ts';
import type { Gallery } from './gallery.ts';
import type { Similarities } from './histogram.ts';
import type { Portrait } from './portrait.ts';
import type { Row } from './requirements.ts';
import { estimateYaw, mean, nearest, pairs, pixelDistance, pooledDeviation, separate } from './statistics.ts';

/** What real photos reach: the ceiling for portraits, and their yardstick. */
export type PhotoMeasures = Readonly<{
	rows: readonly Row[];
	similarities: Similarities;
	/** The similarity of two photos above which they are more likely of one person than of two. */
	threshold: number;
}>;

export function measurePhotos(gallery: Gallery): PhotoMeasures {
	const photos = gallery.people.flatMap(({ photos }, person) => photos.map((photo) => ({ person, ...photo })));
	const similarities = photos.map(({ person, file, identity }) => {
		// A photo must not be compared with itself: its own person is the mean of the others.
		const others = gallery.people[person]!.photos.filter((other) => other.file !== file);
		const own = Identity.mean(others.map((other) => other.identity)).similarity(identity);
		return gallery.similarities(identity).with(person, own);
	});
	const same = similarities.map((list, i) => list[photos[i]!.person]!);
	const different = similarities.flatMap((list, i) => list.toSpliced(photos[i]!.person, 1));
	const isNearest = similarities.map((list, i) => Number(nearest(list) === photos[i]!.person));

	const twos = pairs(photos).map(([a, b]) => ({
		same: a.person === b.person,
		value: a.identity.similarity(b.identity),
	}));
	const of = (kind: boolean) => twos.filter((pair) => pair.same === kind).map(({ value }) => value);
	const { threshold, accuracy } = separate(of(true), of(false));

	const yawErrors = photos.filter(({ found }) => found).map(({ seen, pose }) => (estimateYaw(seen) - pose.yaw) ** 2);
	const rows = [
		{
			name: `photos: share with a face found, of ${photos.length}`,
			value: mean(photos.map(({ found }) => Number(found))),
		},
		{ name: "photos: mean similarity to the person's other photos", value: mean(same) },
		{ name: 'photos: that above the mean for other people', value: mean(same) - mean(different) },
		{ name: `photos: share whose person is the nearest of ${gallery.people.length}`, value: mean(isNearest) },
		{ name: 'photos: threshold between pairs of one person and of two', value: threshold },
		{ name: 'photos: share of pairs that it judges rightly', value: accuracy },
		{ name: 'photos: error of the yaw estimate, in degrees (root mean square)', value: Math.sqrt(mean(yawErrors)) },
	];
	return { rows, similarities: { name: 'photos', same, different }, threshold };
}

export function measureLikeness(
	portraits: readonly Portrait[],
	gallery: Gallery,
): { rows: Row[]; similarities: Similarities } {
	const found = portraits.flatMap(({ person, sight }) => (sight ? [{ person, ...sight }] : []));
	const same = found.map(({ person, similarities }) => similarities[person]!);
	const different = found.flatMap(({ person, similarities }) => similarities.toSpliced(person, 1));
	const isNearest = portraits.map(({ person, sight }) =>
		Number(sight !== undefined && nearest(sight.similarities) === person),
	);
	const above = mean(same) - mean(different);
	const rows: Row[] = [
		{
			name: `portraits: share with a face found, of ${portraits.length}`,
			value: found.length / portraits.length,
			asked: { least: 1 },
			better: 'more',
		},
		{ name: 'portraits: mean similarity to the person', value: mean(same), asked: { least: 0.8 }, better: 'more' },
		{ name: 'portraits: that above the mean for other people', value: above, asked: { least: 0.4 } },
		{
			name: `portraits: share whose person is the nearest of ${gallery.people.length}`,
			value: mean(isNearest),
			asked: { least: 0.98 },
			better: 'more',
		},
	];
	return { rows, similarities: { name: 'portraits', same, different } };
}

/** How differently the head is turned in portraits of one person, relative to the person's photos. */
export function measureTurns(portraits: readonly Portrait[], gallery: Gallery): Row[] {
	const painted = byPerson(portraits, gallery);
	const compared = gallery.people.filter((_, k) => painted[k]!.length > 0);
	const yaw = pooledDeviation(painted.map((list) => list.map(({ sight }) => sight!.yaw)));
	const photoYaw = pooledDeviation(compared.map((person) => person.photos.map(({ seen }) => estimateYaw(seen))));
	return [
		{ name: 'portraits: deviation of yaw for one person, in degrees', value: yaw },
		{
			name: "portraits: deviation of yaw as a share of the photos'",
			value: yaw / photoYaw,
			asked: { least: 0.8 },
			better: 'more',
		},
	];
}

/**
 * How much portraits of one person differ, relative to the person's photos.
 *
 * @param photos - of each person, the pixels of the photos in the portraits' size
 */
export function measureDiversity(
	portraits: readonly Portrait[],
	gallery: Gallery,
	photos: readonly (readonly Uint8Array[])[],
): Row[] {
	const painted = byPerson(portraits, gallery);
	const distance = meanDistance(painted.map((list) => list.map(({ image }) => image.data)));
	const photoDistance = meanDistance(photos.filter((_, k) => (painted[k]?.length ?? 0) > 0));
	return [
		{ name: 'portraits: pixel distance for one person, of 255', value: distance },
		{
			name: "portraits: pixel distance as a share of the photos'",
			value: distance / photoDistance,
			asked: { least: 0.5 },
		},
	];
}

/** Each person's portraits with a face: noise differs most, and must not count. */
function byPerson(portraits: readonly Portrait[], gallery: Gallery): Portrait[][] {
	return gallery.people.map((_, k) => portraits.filter(({ person, sight }) => person === k && sight !== undefined));
}

/** Mean distance of two images of one person; every person counts the same. */
function meanDistance(groups: readonly (readonly Uint8Array[])[]): number {
	const large = groups.filter((group) => group.length > 1);
	return mean(large.map((group) => mean(pairs(group).map(([a, b]) => pixelDistance(a, b)))));
}

/**
 * What guidance adds to the similarity: the same people and seeds with it and at scale 1, where both have a face.
 *
 * @param plain - at scale 1; each has its counterpart among the guided
 */
export function measureGuidance(guided: readonly Portrait[], plain: readonly Portrait[], scale: number): Row[] {
	const gains = plain.flatMap(({ person, image, sight }) => {
		const like = guided.find((other) => other.person === person && other.image.seed === image.seed);
		return sight && like?.sight ? [like.sight.similarities[person]! - sight.similarities[person]!] : [];
	});
	return [
		{
			name: `guidance: similarity at ${scale} above that at 1, ${gains.length} pairs of a person and seed`,
			value: mean(gains),
			asked: { above: 0 },
		},
	];
}

/**
 * Portraits from the empty prompt: faces, but of nobody in particular. So the mean similarity to each person stays below
 * the threshold for one person, and so does that to the person whose identity was passed without effect.
 */
export function measureUnconditional(portraits: readonly Portrait[], gallery: Gallery, threshold: number): Row[] {
	const found = portraits.flatMap(({ person, sight }) => (sight ? [{ person, ...sight }] : []));
	const toPeople = gallery.people.map((_, k) => mean(found.map(({ similarities }) => similarities[k]!)));
	const toGiven = mean(found.map(({ person, similarities }) => similarities[person]!));
	const toEachOther = mean(pairs(found).map(([a, b]) => a.identity.similarity(b.identity)));
	return [
		{
			name: `empty prompt: share with a face found, of ${portraits.length}`,
			value: found.length / portraits.length,
			asked: { least: 0.9 },
		},
		{
			name: 'empty prompt: mean similarity to the most similar person',
			value: Math.max(...toPeople),
			asked: { below: threshold },
		},
		{ name: 'empty prompt: mean similarity to the person not asked for', value: toGiven, asked: { below: threshold } },
		{ name: 'empty prompt: mean similarity to each other', value: toEachOther },
	];
}
