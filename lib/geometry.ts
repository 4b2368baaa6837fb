// Where things are in photos and images.

/** In pixels. */
export type Size = Readonly<{ width: number; height: number }>;

/** x and y in pixels of the upright photo. */
export type Point = readonly [x: number, y: number];

export interface Face {
	/** In pixels of the upright photo; may reach over its edge. */
	box: { x: number; y: number; width: number; height: number };
	/** Eyes, nose, mouth corners: left before right, as seen in the photo. */
	keypoints: Point[];
	/** 0–1. */
	score: number;
}

/** What a model paints when it isn't told otherwise, and in which units. */
export type ImageGeometry = Size & Readonly<{ pixelsPerLatent: number }>;

/** Channels of the latents of Stable Diffusion's family. */
export const latentChannels = 4;
