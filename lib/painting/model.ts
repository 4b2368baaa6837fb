// What calls that paint know of their model, and need of it.
import type { Bundle } from '../bundle/bundle.ts';
import type { Guard } from '../call.ts';
import type { ImageGeometry } from '../geometry.ts';
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
	/** How files of its images are marked. */
	marking: Marking;
}>;

/** What a call needs its model to do. */
export type Core = Readonly<{
	generate(request: (guard: Guard) => NativeGenerateRequest, signal: AbortSignal): Promise<void>;
	/** Whom an image shows; undefined if there is no face. */
	read(image: Pixels, signal: AbortSignal): Promise<Identity | undefined>;
	/** The face of a reference's photo. */
	findFace(photo: Pixels, choice: FaceChoice | undefined, signal: AbortSignal): Promise<FoundFace>;
	/** What recipes tell of the model. Images keep it, so it must not keep the model. */
	describe: Describe;
}>;
