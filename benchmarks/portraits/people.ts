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
/** What is known of the person's looks, in the terms of the recipe's `render/identity.py`. */
export type Traits = Readonly<Record<'skin_tone' | 'age' | 'face_width' | 'face_length' | 'hair_style', number>>;
export type Person = Readonly<{ name: string; traits: Traits; photos: readonly PersonPhoto[] }>;

const folder = join(packageRoot, 'test', 'fixtures', 'faces');

/** The people held out from training, with several photos of each: `test/fixtures/faces`. */
export async function readPeople(): Promise<Person[]> {
	const file = join(folder, 'faces.json');
	const truth: { people: Omit<Person, 'name'>[] } = JSON.parse(await readFile(file, 'utf8'));
	return truth.people.map(({ traits, photos }, index) => ({
		name: `person-${String(index).padStart(2, '0')}`,
		traits,
		photos: photos.map((photo) => ({ ...photo, file: join(folder, photo.file) })),
	}));
}
