// The native addon: its exact surface as types, and opening it.
import { createRequire } from 'node:module';
import type { DataType } from '../models/weights/reference.ts';
import { Arc2FaceError } from './errors.ts';
import { packageRoot } from './package.ts';

/** The addon's exact surface. The core checks everything again, and throws `INVALID_ARGUMENT` for what is wrong. */
export interface NativeAddon {
	/**
	 * Opens an ONNX Runtime library, if it is not open already, and runs a one-node graph as a self-test.
	 * @throws `NO_DEVICE` when the file is missing, not a library, or not ONNX Runtime 1.23 or newer
	 */
	probeOnnxRuntime(library: string): { version: string };
	/**
	 * Opens a provider library and NVIDIA's behind it. A bad one may crash the process: `probeLibrary` uses another.
	 * @throws `NO_DEVICE`, naming the file that is missing, not such a library, or of another version
	 */
	probeEngines(paths: EngineLibraryPaths): { product: string; version: string };
	/** The GPUs of this machine. Never throws because of them. */
	findGpus(): NativeGpus;
	/** Builds an engine file. Takes from seconds to minutes. @throws what `load` throws for a network, and `FILE_FAILED` for `to` */
	buildEngine(request: NativeBuildRequest): NativeCall<void>;
	load(request: NativeLoadRequest): NativeCall<NativeModel>;
	load(request: NativeJudgesRequest): NativeCall<NativeJudges>;
	readonly limits: NativeLimits;
	/** Every network that the core knows, in the order in which it loads them. */
	readonly networks: readonly NativeNetworkRow[];
}

/** The core's limits. A test compares lib's own, which are checked first, with them. */
export type NativeLimits = Readonly<Record<string, number>>;

/** `needed`: every model that paints has it. The others come with those that they work with, or not at all. */
export type NativeNetworkRow = Readonly<{ name: string; needed: boolean }>;

export type NativeGpus = {
	/** Version of CUDA that the addon was built with, and the newest that the driver supports: `13.0`. Undefined: none. */
	runtime?: string;
	driver?: string;
	/** The index of each is the N of `cuda:N`. */
	gpus: readonly NativeGpu[];
	/** A sentence that says why there are none. */
	obstacle?: string;
};
export type NativeGpu = {
	name: string;
	/** Compute capability; 89 stands for 8.9. */
	capability: number;
	/** Bytes. */
	memory: number;
	multiprocessors: number;
	/** Whether our kernels run on it. */
	supported: boolean;
};

/** What builds and runs engines on NVIDIA GPUs; absolute paths. */
export type EngineLibraryPaths = Readonly<{
	/** This package's library for NVIDIA's product. */
	provider: string;
	/** NVIDIA's library of that product. */
	core: string;
	/** NVIDIA's ONNX parser; without it, engines can be run but not built. */
	parser?: string;
}>;

/**
 * Work on a native thread. `promise` rejects with an `Error` whose `code` is one of lib/errors.ts, `CANCELLED` after `cancel()`, or in
 * `load` `INVALID_ENGINE`: the engine file of `details.network` is missing, damaged, or for another version or GPU. Its `details` are
 * those of lib/errors.ts, as far as native code knows them.
 * `cancel` may be called at any time, any number of times.
 */
export interface NativeCall<T> {
	promise: Promise<T>;
	cancel(): void;
}

/** A tensor in `files[file]`. */
export interface NativeTensor {
	name: string;
	file: number;
	offset: number;
	length: number;
	type: DataType;
	shape: readonly number[];
}

/** A weight of a graph. */
export interface NativeWeight extends NativeTensor {
	/** The type that the graph declares, if another: see models/weights/reference.ts. */
	as?: 'float16' | 'float32';
	/** What is added to it before use, as there. */
	deltas?: readonly NativeDelta[];
}

export type NativeDelta = Readonly<{ factor: number; up: NativeTensor; down: NativeTensor }>;

/** A graph with the weights that it declares as external, or (`file`: index into `files`) an ONNX file as it is. */
export type NativeNetwork = { graph: Uint8Array; weights: readonly NativeWeight[] } | { file: number };

/** A combination of input shapes, by input name. */
export type NativeProfile = Readonly<Record<string, readonly number[]>>;

/** An engine to build. */
export interface NativeBuildRequest {
	/** What builds it. */
	library: EngineLibraryPaths;
	/** For messages. */
	name: string;
	network: NativeNetwork;
	/** Absolute paths, to which `network` refers by index. */
	files: readonly string[];
	/** At least one; an engine runs these shapes and no others. */
	profiles: readonly NativeProfile[];
	/** GPUs to build for, 89 stands for 8.9; or the one to build on and for, the N of `cuda:N`. */
	target: { capabilities: readonly number[] } | { gpu: number };
	/** Path of the engine file, which does not exist yet. */
	to: string;
	/** Path of a file of what earlier builds have timed on this GPU: read if it is whole, and replaced after the build. */
	timings?: string;
	/** Has the library's log, at `verbose`, tell about each layer. */
	inspectable?: boolean;
	/**
	 * Phases nest and overlap; `step` of `steps` are done in this one. The phase `waiting`, of 0 steps, comes first while calls run on the
	 * GPU to build on: they end before the build begins, and later ones begin after it.
	 */
	onProgress?: (progress: { phase: string; step: number; steps: number }) => void;
}

/** An engine file that `buildEngine` wrote; `compiled`: path of what its library compiled from it, read if it exists, else written; empty: there is none. */
export type NativeEngine = { engine: string; compiled: string };

/** What runs the networks: ONNX Runtime (`threads`, 0: one per core) or engines, on the GPU of this number. */
export type NativeRuntime = { onnxruntime: string; threads: number } | { engines: EngineLibraryPaths; gpu: number };

/** With `inception`, `lpips` or both of the networks. */
export interface NativeJudgesRequest {
	runtime: NativeRuntime;
	/** Absolute paths; each is mapped once and stays mapped until the model is disposed. */
	files: readonly string[];
	/** Networks for ONNX Runtime, engines for a GPU. */
	networks: NativeNetworks<NativeNetwork> | NativeNetworks<NativeEngine>;
}

export interface NativeLoadRequest extends NativeJudgesRequest {
	/** 77 token ids of the prompt and of the empty prompt. */
	prompt: Int32Array;
	emptyPrompt: Int32Array;
	/** The row of the prompt that the identity replaces. */
	identityPosition: number;
	/** Image pixels per latent, in each direction (8 for SD 1.5). */
	pixelsPerLatent: number;
	/** How often the sides of the latents are halved, each time rounded up, for an input or output of the UNet, by its name. */
	levels?: Readonly<Record<string, number>>;
	/** Called when a network is ready: its name, and how many of how many are. */
	onProgress?: (progress: { network: string; done: number; total: number }) => void;
	/**
	 * Called before a GPU's memory is taken, where it is known how much is free: first for the engine files of all networks, without a
	 * `network`, then for what each network computes in.
	 */
	onMemory?: (memory: { network?: string; bytes: number; freeBytes: number }) => void;
}

/** By name, as in the addon's `networks`. */
export type NativeNetworks<Network> = Readonly<Record<string, Network>>;

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
	/** Rejects everything pending with `DISPOSED`; resolves when the memory is freed. May be called twice. */
	dispose(): Promise<void>;
}

export interface NativeJudges extends Pick<NativeModel, 'dispose'> {
	/** The numbers that FID takes of an image, which may have any size that an engine was built for. */
	features(image: NativePhoto): NativeCall<Float32Array>;
	/** LPIPS of two images of one size, at least 31 pixels a side. */
	distance(first: NativePhoto, second: NativePhoto): NativeCall<number>;
}

/**
 * Opens the addon: a prebuild for this platform, or the local build.
 *
 * @throws {Arc2FaceError} `NO_DEVICE` when there is neither, or it fails to load, with what was looked for
 */
export function loadNative(): NativeAddon {
	try {
		return finder()(packageRoot) as NativeAddon;
	} catch (cause) {
		const host = `${process.platform}-${process.arch}, Node-API ${process.versions.napi}`;
		throw new Arc2FaceError(
			'NO_DEVICE',
			`Can't open the native addon for ${host}: ${(cause as Error).message.replaceAll('\n', ' ')}. ` +
				`Looked for a prebuild and a local build in ${packageRoot}.`,
			{
				remedy: `To build it, run \`npx node-gyp rebuild\` in ${packageRoot}, with a C++ compiler and CMake.`,
				details: { file: packageRoot },
				cause,
			},
		);
	}
}

/** Path of the file that {@link loadNative} opens, with this package's provider libraries beside it. @throws when there is none */
export function addonFile(): string {
	return finder().resolve(packageRoot);
}

/** Each opens or finds the addon of the package in this folder. */
function finder(): ((folder: string) => unknown) & { resolve(folder: string): string } {
	return createRequire(import.meta.url)('node-gyp-build');
}
