// A portrait, and all that is seen in it.
import type { GeneratedImage, Identity } from '../../lib/index.ts';
import type { Parts } from './keypoint-reader.ts';

export type Look = Readonly<{ sharpness: number; parts: Parts }>;

/** Whom a portrait shows. */
export type Recognised = Readonly<{
	/** Whom it should show: an index into the gallery. */
	person: number;
	/** Undefined if no face is found. */
	sight: Readonly<{ identity: Identity; similarities: readonly number[] }> | undefined;
}>;

/** A portrait as the detector and the evaluation embedder see it. */
export type Portrait = Readonly<{
	/** Whom it should show: an index into the gallery. */
	person: number;
	image: GeneratedImage;
	/** Undefined if no face is found. */
	sight: Readonly<{ identity: Identity; similarities: readonly number[]; yaw: number; look: Look }> | undefined;
}>;
