// Reads the held-out people.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Point } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';

/** A photo of a held-out person, with the renderer's ground truth. */
export type PersonPhoto = Readonly<{
	/** Absolute path. */
	file: string;
	keypoints: readonly Point[];
	/** Degrees; yaw is positive when the face turns to the image's right. */
	pose: Readonly<{ yaw: number; pitch: number; roll: number }>;
}>;
export type Person = Readonly<{ name: string; photos: readonly PersonPhoto[] }>;

const folder = join(packageRoot, 'test', 'fixtures', 'faces');

/** The people held out from training, with several photos of each: `test/fixtures/faces`. */
export async function readPeople(): Promise<Person[]> {
	const truth: { people: { photos: PersonPhoto[] }[] } = JSON.parse(await readFile(join(folder, 'faces.json'), 'utf8'));
	return truth.people.map(({ photos }, index) => ({
		name: `person-${String(index).padStart(2, '0')}`,
		photos: photos.map((photo) => ({ ...photo, file: join(folder, photo.file) })),
	}));
}
