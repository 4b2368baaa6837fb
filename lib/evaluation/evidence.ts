// What figures are computed from: what the networks have seen in photos and portraits, as plain numbers that a thread can be given.
import type { Vectors } from './vectors.ts';

/** Faces, by index. */
export type Faces = Readonly<{
	/** Whose each is, as an index among the people. */
	person: Int32Array;
	/** Of length 1, of the recogniser that judges. */
	embeddings: Vectors;
	/** [faces, 3]: yaw, pitch, roll in degrees. */
	poses: Float64Array;
}>;

/** Features of FID's Inception network, of all images or of those drawn. */
export type Features = Readonly<{ person: Int32Array; vectors: Vectors }>;

export type Evidence = Readonly<{
	people: number;
	/** The faces in photos. */
	photos: Faces;
	/** Of each person: the face that portraits were painted from, among those of `photos`. */
	inputs: Int32Array;
	/** The faces in portraits. */
	portraits: Faces;
	/** Of each person: how many portraits there are, with and without a face. */
	painted: Int32Array;
	/** Between two portraits of one person: of all pairs, or of those drawn. */
	lpips?: Readonly<{ person: Int32Array; distances: Float64Array }>;
	/** Of the photos and of the portraits. */
	features?: Readonly<{ photos: Features; portraits: Features }>;
	/** Decides what is drawn. */
	seed: number;
}>;

/** A figure, and how sure it is. */
export type Figure = Readonly<{
	/** Null where there is nothing to count: `missing` says why. */
	value: number | null;
	/** 95 %; null where none could be made. */
	interval: readonly [number, number] | null;
	/** How the interval was made; absent without one. */
	intervalBy?: string;
	/** The same of photos alone, where that can be said. */
	photos?: number;
	/** What it was counted from. */
	sample: string;
	missing?: string;
	/** Whether it is a network that is missing, which was told before anything was painted. */
	lacksNetwork?: true;
	/** Where it means little, or less than it seems. */
	warnings: readonly string[];
}>;
