// Where things are in photos and images.

/** In pixels. */
export type Size = Readonly<{
	/** At least 1. */
	width: number;
	/** At least 1. */
	height: number;
}>;

/** x and y in pixels of the photo, upright by its EXIF orientation. */
export type Point = readonly [x: number, y: number];

/** Degrees, clockwise. */
export type Rotation = 0 | 90 | 180 | 270;

/** In pixels of the upright photo; may extend beyond its edge. */
export type Box = {
	/** Of the left edge, from the photo's left edge. */
	x: number;
	/** Of the upper edge, from the photo's top, downwards. */
	y: number;
	/** From the left edge to the right one. */
	width: number;
	/** From the upper edge to the lower one. */
	height: number;
};

/** A face that was found in a photo. */
export interface Face {
	/** Around the face. */
	box: Box;
	/** Eyes, nose, mouth corners, in pixels of the upright photo: left before right, as seen with the face upright. */
	keypoints: Point[];
	/** How sure the detector is that this is a face, 0–1. */
	score: number;
	/** How far the photo must be turned to make the face upright: 0 unless it is on its side or upside down. */
	rotation: Rotation;
}

/** The face that an identity was read from. Pass it as `face` to get the same again without detection. */
export interface EncodedFace {
	/** Eyes, nose, mouth corners, in pixels of the upright photo. */
	readonly keypoints: readonly Point[];
	/** From the detector; undefined where keypoints were given instead. */
	readonly box?: Box | undefined;
	/** How sure the detector is that this is a face, 0–1; undefined where keypoints were given instead. */
	readonly score?: number | undefined;
	/** How far the photo must be turned to make the face upright; undefined where keypoints were given instead. */
	readonly rotation?: Rotation | undefined;
	/** Its index among the photo's faces, from 0, the largest; undefined where a face was given. */
	readonly index?: number | undefined;
	/** How many faces the photo has, at least 1; undefined where a face was given. */
	readonly count?: number | undefined;
}

/** A model's default image size, and the multiples that sizes come in. */
export type ImageGeometry = Size & Readonly<{ pixelsPerLatent: number }>;

/** Channels of the latents in Stable Diffusion's family. */
export const latentChannels = 4;
