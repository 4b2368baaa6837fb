// What calls that paint know of their model, and need of it.
import type { Bundle } from '../bundle/bundle.ts';
import type { Guard } from '../call.ts';
import type { Admission, Claim } from '../consent/gate.ts';
import type { ImageGeometry, Point } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import type { NativeGenerateRequest } from '../native.ts';
import type { FaceChoice } from '../options/faces.ts';
import type { Decoder, Feature } from '../options/features.ts';
import type { Presets } from '../options/presets.ts';
import type { Marking } from '../options/provenance.ts';
import type { Pixels } from '../photo.ts';
import type { Describe } from '../provenance/recipe.ts';
import type { FoundFace } from '../steering/steering.ts';

/** What a call needs to know of its model. */
export type Model = Readonly<{
	bundle: Pick<Bundle, 'folder' | 'schedule' | 'geometry' | 'expressions' | 'framing' | 'latentColours'>;
	/** Of images whose call says nothing of their size. */
	geometry: ImageGeometry;
	features: readonly Feature[];
	decoder: Decoder;
	presets: Presets;
	/** Whether calls have to say what their images are for. */
	asksConsent: boolean;
	/** How files of its images are marked. */
	marking: Marking;
}>;

/** What a call needs its model to do. */
export type Core = Readonly<{
	generate(request: (guard: Guard) => NativeGenerateRequest, signal: AbortSignal): Promise<void>;
	/** Whom a photo shows, or at most so many of them; the largest face comes first. */
	peopleIn(photo: Pixels, most: number, signal: AbortSignal): Promise<readonly Identity[]>;
	/** Whom a photo shows at five keypoints, whether or not a face is found there. */
	personAt(photo: Pixels, keypoints: readonly Point[], signal: AbortSignal): Promise<Identity>;
	/** The face of a reference's photo. */
	findFace(photo: Pixels, choice: FaceChoice | undefined, signal: AbortSignal): Promise<FoundFace>;
	/** Whether people may be painted; undefined where nobody is asked. */
	admit: ((identities: readonly Identity[], claim: Claim | undefined) => Promise<Admission>) | undefined;
	/** What recipes tell of the model. Images keep it, so it must not keep the model. */
	describe: Describe;
}>;
