// The held-out people, by whom portraits are recognised.
import { Identity, type Point } from '../../lib/index.ts';
import type { EvaluationModel } from './evaluation-model.ts';
import type { Person, PersonPhoto } from './people.ts';

/** A photo as the detector and the evaluation embedder see it. */
export type KnownPhoto = PersonPhoto &
	Readonly<{
		/** Whether the detector finds a face. */
		found: boolean;
		/** Where the detector sees the face, or its true place if it finds none. */
		seen: readonly Point[];
		identity: Identity;
	}>;
/** A person, and the evaluation's identity: the mean of the person's photos. */
export type KnownPerson = Readonly<{ name: string; photos: readonly KnownPhoto[]; identity: Identity }>;

/** What the evaluation needs to do with a photo. */
type Eyes = Pick<EvaluationModel, 'see' | 'identify'>;

/** The people among whom the evaluation recognises a portrait. */
export class Gallery {
	readonly people: readonly KnownPerson[];

	private constructor(people: readonly KnownPerson[]) {
		this.people = people;
	}

	static async meet(people: readonly Person[], evaluation: Eyes): Promise<Gallery> {
		const known: KnownPerson[] = [];
		for (const { name, photos } of people) {
			const seen: KnownPhoto[] = [];
			for (const photo of photos) seen.push(await look(photo, evaluation));
			known.push({ name, photos: seen, identity: Identity.mean(seen.map(({ identity }) => identity)) });
		}
		return new Gallery(known);
	}

	/** Similarity to every person. */
	similarities(identity: Identity): number[] {
		return this.people.map((person) => person.identity.similarity(identity));
	}
}

async function look(photo: PersonPhoto, evaluation: Eyes): Promise<KnownPhoto> {
	const sight = await evaluation.see(photo.file);
	if (sight !== undefined) return { ...photo, found: true, seen: sight.keypoints, identity: sight.identity };
	const identity = await evaluation.identify(photo.file, photo.keypoints);
	return { ...photo, found: false, seen: photo.keypoints, identity };
}
