// Looks at all photos before anything is painted: who is in them, and which are of no use.
import { lstat } from 'node:fs/promises';
import { Arc2FaceError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import type { Eyes, Seen } from './eyes.ts';
import type { ListedImage, Person } from './people.ts';

export type SeenImage = ListedImage & Readonly<{ seen: Seen }>;

/** A person with at least one photo that shows a face. */
export type KnownPerson = Readonly<{
	name: string;
	/** The place among all who were listed, which decides the seeds. */
	place: number;
	/** Those that show a face; portraits are painted from the first. */
	photos: readonly SeenImage[];
	/** Of the first photo, by the model's own recogniser. */
	identity: Identity;
}>;

export type Survey = Readonly<{
	people: readonly KnownPerson[];
	/** Photos that can't be used, and why. */
	failed: readonly Readonly<{ name: string; error: ReturnType<Arc2FaceError['toJSON']> }>[];
	/** Names of people of whom no photo is left. */
	lost: readonly string[];
	/** Photos with several faces, of which the largest was taken. */
	severalFaces: readonly string[];
}>;

/** Does something with a file; a failure that is the file's alone is told at once and returned. */
export type Attempt = <T>(
	file: string,
	work: () => Promise<T>,
) => Promise<T | { error: ReturnType<Arc2FaceError['toJSON']> }>;

type Watch = Readonly<{ attempt: Attempt; signal: AbortSignal; onProgress: (done: number, total: number) => void }>;

const leastPeople = 2;

/** @throws {Arc2FaceError} `NO_FACE` or `INVALID_IMAGE` when fewer than two people are left */
export async function surveyPhotos(
	listed: readonly Person[],
	eyes: Eyes,
	{ attempt, signal, onProgress }: Watch,
): Promise<Survey> {
	const total = listed.reduce((sum, { images }) => sum + images.length, 0);
	const people: KnownPerson[] = [];
	const failed: Survey['failed'][number][] = [];
	const severalFaces: string[] = [];
	let done = 0;
	for (const [place, { name, images }] of listed.entries()) {
		const photos: SeenImage[] = [];
		let identity: Identity | undefined;
		for (const image of images) {
			const result = await attempt(image.file, async () => {
				signal.throwIfAborted();
				const pixels = await readListed(image);
				const seen = await eyes.see(pixels, signal);
				if (seen === undefined) throw noFace(image.file);
				identity ??= await eyes.identify(pixels, seen, signal);
				return seen;
			});
			onProgress(++done, total);
			if ('error' in result) failed.push({ name: image.name, ...result });
			else {
				photos.push({ ...image, seen: result });
				if (result.faces > 1) severalFaces.push(image.name);
			}
		}
		if (identity !== undefined) people.push({ name, place, photos, identity });
	}
	const lost = listed.map(({ name }) => name).filter((name) => people.every((known) => known.name !== name));
	if (people.length >= leastPeople) return { people, failed, lost, severalFaces };
	const isFaceless = failed.every(({ error }) => error.code === 'NO_FACE');
	throw new Arc2FaceError(
		isFaceless ? 'NO_FACE' : 'INVALID_IMAGE',
		`Expected faces of at least ${leastPeople} people in the photos but found those of ${people.length}.`,
	);
}

/** @throws {Arc2FaceError} as `readPhoto`; of a file that a list names, with where its path starts */
async function readListed({ file, list }: ListedImage): Promise<Pixels> {
	try {
		return await readPhoto(file);
	} catch (error) {
		// A link to a file that is gone is there itself.
		const isThere = await lstat(file).catch(() => undefined);
		if (list === undefined || isThere || !(error instanceof Arc2FaceError)) throw error;
		const remedy = `Check its path in ${list}; a relative one starts from the folder of that list.`;
		throw error.with({ remedy });
	}
}

function noFace(file: string): Arc2FaceError {
	return new Arc2FaceError('NO_FACE', `Found no face in the photo ${file}.`, { details: { photo: file, faces: 0 } });
}
