// Where things are in photos and images.

/** In pixels. */
export type Size = Readonly<{ width: number; height: number }>;

/** x and y in pixels of the upright photo, which is how it is to be seen by its EXIF orientation. */
export type Point = readonly [x: number, y: number];

/** Degrees, clockwise. */
export type Rotation = 0 | 90 | 180 | 270;

/** In pixels of the upright photo; may reach over its edge. */
export type Box = { x: number; y: number; width: number; height: number };

export interface Face {
	box: Box;
	/** Eyes, nose, mouth corners, in pixels of the upright photo: left before right, as seen where the face stands upright. */
	keypoints: Point[];
	/** How sure the detector is that this is a face, 0–1. */
	score: number;
	/** By how much the photo has to be turned for the face to stand upright: 0, unless it lies on its side or upside down. */
	rotation: Rotation;
}

/** The face that an identity was read from. Pass it as `face` to have the same again, without detection. */
export interface EncodedFace {
	/** Eyes, nose, mouth corners, in pixels of the upright photo. */
	readonly keypoints: readonly Point[];
	/** What the detector tells of it; undefined where keypoints were given instead. */
	readonly box?: Box | undefined;
	readonly score?: number | undefined;
	readonly rotation?: Rotation | undefined;
	/** Its place among the faces in the photo, the largest being 0, and how many there are; undefined where a face was given. */
	readonly index?: number | undefined;
	readonly count?: number | undefined;
}

/** What a model paints when it isn't told otherwise, and in which units. */
export type ImageGeometry = Size & Readonly<{ pixelsPerLatent: number }>;

/** Channels of the latents of Stable Diffusion's family. */
export const latentChannels = 4;
