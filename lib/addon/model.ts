// What a model that is loaded into the addon does, and what it takes and gives.
import type { NativeCall } from './call.ts';

export interface NativePhoto {
	/** RGB, 8 bits, row-major: width · height · 3 bytes. Copied before the call returns. */
	data: Uint8Array;
	width: number;
	height: number;
}

/** n faces, largest box first: boxes x1, y1, x2, y2 (n · 4), keypoints x, y (n · 10), scores (n), in pixels of the photo. */
export interface NativeFaces {
	boxes: Float32Array;
	keypoints: Float32Array;
	scores: Float32Array;
}

export interface NativeDetectRequest {
	photo: NativePhoto;
	/** Side of the square that the photo is fitted into, a multiple of 32 (a detector of fixed size: its own). */
	detectionSize: number;
	/** Least score, 0–1. */
	threshold: number;
}

export interface NativeEncodeRequest {
	photo: NativePhoto;
	/** Of the face: x and y of eyes, nose and mouth corners, ten numbers in pixels of the photo. */
	keypoints: Float32Array;
}

export interface NativeGenerateRequest {
	/** n · 512 numbers, any length but 0: the core normalises. */
	embeddings: Float32Array;
	/** For each image the index of its embedding. */
	identityOfImage: Uint32Array;
	/** See lib/samplers/plan.ts: `packPlan`. */
	plan: Float64Array;
	/** 1 or less: no unconditional half. */
	guidanceScale: number;
	/** For each step of the plan 1, or 0: no unconditional half in it (default: 1). */
	guided?: Uint8Array;
	/** One generator per image, or one for the whole batch (`noise: "batch"`). Only the low 32 bits count. */
	seeds: Float64Array;
	/** With one seed: how many images its generator draws for, and the places of these among them (default: just these). */
	noiseBatch?: { images: number; places: Uint32Array };
	width: number;
	height: number;
	/** Initial noise [images, 4, height / 8, width / 8] instead of the first draw. */
	latents?: Float32Array;
	/** What images begin as, instead of noise alone; for a model with the network `vaeEncoder`. */
	edit?: NativeEdit;
	/** An image that steers, resized to the images' size, and how strongly: 0 not at all, 1 as trained. */
	control?: { image: NativePhoto; scale: number };
	/** 55 numbers that all images show, and how strongly. */
	expression?: { numbers: Float32Array; scale: number };
	/**
	 * A photo that images are to look like, and how strongly. `face`: the square to cut out of it, x and y of its top left, bottom left,
	 * bottom right and top right, else it is resized. `noise`: of its latents [1 or images, 4, height / 8, width / 8], instead of a fixed
	 * draw for all.
	 */
	reference?: { photo: NativePhoto; scale: number; face?: Float64Array; noise?: Float32Array };
	/** After every network evaluation of the whole request; `step` counts from 1. */
	onStep?: (progress: { step: number; steps: number }) => void;
	/** What an image is expected to become, after each evaluation whose plan assigns `preview`, before `onImage` has it. */
	onPreview?: (preview: NativePreview) => void;
	/** How previews look, a pixel for each latent: lib/bundle/latent-colours.ts (default: as the decoder paints them). */
	previewColours?: Float32Array;
	/** Each image as soon as it is painted. */
	onImage: (image: NativeImage) => void;
}

/** Photos and masks, each resized to the images. */
export interface NativeEdit {
	photos: readonly NativePhoto[];
	/** White is painted, black is kept: none, one for all photos, or one for each. */
	masks: readonly NativePhoto[];
	/** For each image the index of its photo. */
	photoOfImage: Uint32Array;
	/** Lay the photo over the image where the mask is black. */
	overlay: boolean;
	/** With a generator for each image: whether the first ones draw the latents of the photos, or each those of its own image. */
	drawsOnce: boolean;
}

/** RGB bytes in memory that the core wrote; `index` is the image's place in `identityOfImage`, `step` counts from 1. */
export type NativeImage = { index: number; pixels: Uint8Array };
export type NativePreview = NativeImage & { step: number; width: number; height: number };

export interface NativeModel {
	detect(request: NativeDetectRequest): NativeCall<NativeFaces>;
	/** The recognizer's raw output (512 numbers, not of length 1). */
	encode(request: NativeEncodeRequest): NativeCall<{ embedding: Float32Array }>;
	/** Resolves when `onImage` has had every image. */
	generate(request: NativeGenerateRequest): NativeCall<void>;
	/** Of what was done, without waiting for what is; `mostRows`: that one evaluation takes of images of this size, 0 once disposed. */
	usage(size: { width: number; height: number }): NativeUsage;
	/** Rejects everything pending with `DISPOSED`; resolves when the memory is freed. May be called twice. */
	dispose(): Promise<void>;
}

/** lib/painting/usage.ts says what is counted. */
export type NativeUsage = Record<'images' | 'mostRows' | 'evaluations' | 'rows' | 'places' | 'steps', number> & {
	seconds: Record<'waiting' | 'conditioning' | 'denoising' | 'decoding', number>;
};

export interface NativeJudges extends Pick<NativeModel, 'dispose'> {
	/** The numbers that FID takes of an image, which may have any size that an engine was built for. */
	features(image: NativePhoto): NativeCall<Float32Array>;
	/** LPIPS of two images of one size, at least 31 pixels a side. */
	distance(first: NativePhoto, second: NativePhoto): NativeCall<number>;
}
