// How faces look, portraits' beside photos': sharp or blurred, with or without eyes, and alike as a whole.
import sharp from 'sharp';
import type { Point } from '../../lib/index.ts';
import { frechetDistance } from './frechet.ts';
import type { Gallery, KnownPhoto } from './gallery.ts';
import type { KeypointReader, Parts } from './keypoint-reader.ts';
import { photoPixels } from './photo-pixels.ts';
import type { Look, Portrait, Recognised } from './portrait.ts';
import type { Row } from './requirements.ts';
import { sharpness } from './sharpness.ts';
import type { Pixels } from './square.ts';
import { mean } from './statistics.ts';

/** A photo in the size of the portraits, so that both can be as sharp. */
export type ShownPhoto = Readonly<{ image: Pixels; look: Look }>;

/**
 * The Fréchet distance of the bundle of 2026-11-28: benchmarks/results/2026-11-29-identity-before.md. Its portraits are blurred heads,
 * many without eyes; at most half of that is asked.
 */
const blurredDistance = 0.2;

/** @param keypoints - where the detector has them */
export async function lookAt(image: Pixels, keypoints: readonly Point[], reader: KeypointReader): Promise<Look> {
	return { sharpness: sharpness(image, keypoints), parts: await reader.read(image, keypoints) };
}

export async function showPhoto(
	photo: KnownPhoto,
	size: Omit<Pixels, 'data'>,
	reader: KeypointReader,
): Promise<ShownPhoto> {
	const { width, height } = size;
	const original = await sharp(photo.file).metadata();
	const image = await photoPixels(photo.file, size);
	// The centre of a pixel has whole coordinates.
	const [across, down] = [width / original.width, height / original.height];
	const keypoints = photo.seen.map(([x, y]): Point => [(x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5]);
	return { image, look: await lookAt(image, keypoints, reader) };
}

/** @param photos - of each person of the gallery */
export function measureLooks(portraits: readonly Portrait[], photos: readonly (readonly ShownPhoto[])[]): Row[] {
	const painted = portraits.map(({ sight }) => sight?.look);
	const taken = peopleOf(portraits).flatMap((person) => photos[person]!.map(({ look }) => look));
	const share = (looks: readonly (Look | undefined)[], ...parts: (keyof Parts)[]) =>
		mean(looks.map((look) => Number(look !== undefined && parts.every((part) => look.parts[part]))));
	const sharp = (looks: readonly (Look | undefined)[]) => mean(looks.flatMap((look) => look?.sharpness ?? []));
	return [
		{ name: 'photos: share in which both eyes and the mouth are seen', value: share(taken, 'eyes', 'mouth') },
		{
			name: 'portraits: share in which both eyes and the mouth are seen',
			value: share(painted, 'eyes', 'mouth'),
			asked: { least: 0.97 },
			better: 'more',
		},
		{ name: 'photos: share in which the nose is, too', value: share(taken, 'eyes', 'nose', 'mouth') },
		{ name: 'portraits: share in which the nose is, too', value: share(painted, 'eyes', 'nose', 'mouth') },
		{
			name: "portraits: sharpness as a share of the photos'",
			value: sharp(painted) / sharp(taken),
			asked: { least: 0.7 },
			better: 'more',
		},
	];
}

/**
 * Fréchet distances in the evaluator's last layer, its vectors brought to length 1: of one image of each person to two photos of each,
 * in the mean over all choices. What so few samples add is the same for a portrait and for a third photo, so that what
 * photos have is the floor.
 */
export function measureDistance(portraits: readonly Recognised[], gallery: Gallery): Row[] {
	const people = peopleOf(portraits);
	const photos = people.map((k) => gallery.people[k]!.photos.map(({ identity }) => identity.embedding));
	const painted = people.map((k) =>
		portraits.flatMap(({ person, sight }) => (person === k && sight ? [sight.identity.embedding] : [])),
	);
	const others = choices(photos).map((k) => photos.flatMap((list) => list.toSpliced(k, 1)));
	const floor = mean(others.map((rest, k) => frechetDistance(ofEach(photos, k), rest)));
	const distances = choices(painted).flatMap((k) => others.map((rest) => frechetDistance(ofEach(painted, k), rest)));
	return [
		{ name: 'photos: Fréchet distance of one of each person to two others', value: floor },
		{
			name: 'portraits: Fréchet distance of one of each person to two photos',
			value: mean(distances),
			asked: { most: blurredDistance / 2 },
			better: 'less',
		},
	];
}

/** Whom portraits should show, as indices into the gallery. */
function peopleOf(portraits: readonly Pick<Recognised, 'person'>[]): number[] {
	return [...new Set(portraits.map(({ person }) => person))];
}

/** The indices that some of the lists have. */
function choices(lists: readonly (readonly unknown[])[]): number[] {
	return Array.from({ length: Math.max(0, ...lists.map((list) => list.length)) }, (_, k) => k);
}

/** The k-th of each list that has as many. */
function ofEach<T>(lists: readonly (readonly T[])[], k: number): T[] {
	return lists.flatMap((list) => list.slice(k, k + 1));
}
