// What a client asks to be painted, in a form that can be kept, and what comes of it.
import type { Recipe } from '../options/recipe.ts';
import type { Warning } from '../warnings.ts';

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object of JSON. */
export type JsonObject = { readonly [name: string]: Json };

/** Portraits that are asked for. */
export type PortraitRequest = Readonly<{
	/** The fields of its body, without photos. */
	fields: JsonObject;
	/** Photos by what they are for: `photo`, `image.0`, `mask.0`, `control.image`, `reference.photo`. */
	files: Readonly<Record<string, Uint8Array>>;
}>;

/** A painted image, as a file. */
export type FinishedImage = Readonly<{
	/** Among the images of the request, from 0. */
	index: number;
	seed: number;
	/** In pixels. */
	width: number;
	/** In pixels. */
	height: number;
	/** Of the file: `image/png`. */
	mediaType: string;
	/** The file. */
	bytes: Uint8Array;
	/** To the person; null where the portrait shows no face, absent unless it was asked for. */
	similarity?: number | null;
	warnings: readonly Warning[];
	/** Absent unless it was asked for: it has the identity. */
	recipe?: Recipe;
}>;

/** What the work on a request tells while it goes on. */
export type Told = Readonly<{
	signal: AbortSignal;
	onStep?: (progress: { step: number; steps: number; round: number }) => void;
	onPreview?: (preview: PreviewImage) => void;
	/** Awaited before the next image is encoded. */
	onImage: (image: FinishedImage) => void | Promise<void>;
}>;

/** What an image is expected to become, as a file. */
export type PreviewImage = Readonly<{
	index: number;
	step: number;
	steps: number;
	mediaType: string;
	bytes: Uint8Array;
}>;

/** Does the work of a request. */
export type Perform = (request: PortraitRequest, told: Told) => Promise<void>;

/** How many images a request is for. */
export function imagesOf({ fields }: PortraitRequest): number {
	const { count = 1, identities } = fields as { count?: number; identities?: readonly unknown[] };
	return count * (identities?.length ?? 1);
}
