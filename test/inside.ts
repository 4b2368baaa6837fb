// The addon of the tests, which reaches operations, networks and provider libraries inside the core.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { findOnnxRuntime } from '../lib/device/onnxruntime-library.ts';
import type { DataType, WeightReference } from '../models/weights/reference.ts';
import type { EnginePaths } from './engines.ts';

/** RGB, 8 bits, row-major. */
export type Photo = { data: Uint8Array; width: number; height: number };
export type Letterbox = {
	inputWidth: number;
	inputHeight: number;
	resizedWidth: number;
	resizedHeight: number;
	scale: number;
};
export type DetectorLevel = { stride: number; scores: Float32Array; boxes: Float32Array; keypoints: Float32Array };
/** n · 4, n · 10 and n numbers, largest box first. */
export type Faces = { boxes: Float32Array; keypoints: Float32Array; scores: Float32Array };

/** What test/native/addon/operations.cc exports: the operations between the networks; contracts beside each in native/. */
export interface Operations {
	/** Draws of `counts` numbers, one after another, from one generator. */
	randn(seed: number, counts: readonly number[]): Float32Array[];
	fitPhoto(photoWidth: number, photoHeight: number, inputWidth: number, inputHeight: number): Letterbox;
	/** `corners`: x and y of top left, bottom left, bottom right and top right. */
	prepareFace(photo: Photo, corners: Float64Array, output: number, pad: boolean): Photo & { quad: Float64Array };
	/** [output, output, 3] */
	sampleQuad(photo: Photo, corners: Float64Array, output: number, samples: number): Uint8Array;
	resize(photo: Photo, width: number, height: number): Uint8Array;
	/** Pillow's, every byte. */
	resizeLanczos(photo: Photo, width: number, height: number): Uint8Array;
	/** [3, inputHeight, inputWidth] */
	letterbox(photo: Photo, letterbox: Letterbox): Float32Array;
	/** `matrix`: 2 × 3, photo to crop. */
	warpAffine(photo: Photo, matrix: Float64Array, size: number): Uint8Array;
	/** [3, size, size] */
	alignFace(photo: Photo, matrix: Float64Array, size: number): Float32Array;
	decodeDetections(levels: readonly DetectorLevel[], letterbox: Letterbox, threshold: number): Faces;
	estimateAlignment(keypoints: Float32Array, size: number): Float64Array;
	/** [3, height, width] in −1 … 1 to RGB bytes */
	quantise(image: Float32Array, height: number, width: number): Uint8Array;
	/** Runs a packed plan in float32 without guidance, from `initialNoise`; returns the latents after every step. */
	runPlan(
		plan: Float64Array,
		initialNoise: Float32Array,
		noise: readonly Float32Array[],
		eps: (sample: Float32Array, timestep: number) => Float32Array,
	): Float32Array[];
}

/** A network to run once. */
export type NetworkRun = {
	/** Path of the ONNX Runtime library: {@link onnxRuntimeLibrary}. */
	library: string;
	/** For messages. */
	name?: string;
	/** 0 or undefined: one per core. */
	threads?: number;
	/** By input name; the bytes of `data` are used unchanged. `type`: the network's own unless given. */
	inputs: Record<string, { type?: DataType; shape: readonly number[]; data: ArrayBufferView }>;
	/** Shapes by output name, needed for those that depend on the inputs. */
	outputs?: Record<string, readonly number[]>;
	/** Request an interrupt this long after the start of the run, which then throws `CANCELLED`. */
	cancelAfterMs?: number;
	/** Path of a file to empty between load and run. */
	shorten?: string;
} & ({ graph: Uint8Array; weights?: readonly (WeightReference & { name: string })[] } | { file: string });

/** What test/native/addon/networks.cc exports: single evaluations of networks, in the calling thread. */
export interface Networks {
	/** Loads a network, runs it, and returns its outputs as float32, whatever their type. Errors have the core's `code`. */
	runNetwork(run: NetworkRun): Record<string, { shape: number[]; data: Float32Array }>;
}

/** A network to build an engine of. */
export type EngineBuild = EnginePaths & {
	/** For messages. */
	name?: string;
	/** Combinations of input shapes, by input name. */
	profiles: readonly Record<string, readonly number[]>[];
	/** GPUs to build for: 89 stands for 8.9. None: the current one. */
	capabilities?: readonly number[];
	/** Path of the engine file to write. */
	to?: string;
	/** Cancels after this many progress reports. */
	stopAfter?: number;
	/** Path of the file of timings. */
	timings?: string;
} & ({ graph: Uint8Array; weights?: readonly (WeightReference & { name: string })[] } | { file: string });

/** What test/native/addon/engines.cc exports: provider libraries and their builders, in the calling thread. */
export interface Engines {
	probeEngines(paths: EnginePaths): { product: string; version: string };
	/** Returns the engine file's size and how many phases the build had. Errors have the core's `code`. */
	buildEngine(build: EngineBuild): { bytes: number; phases: number };
	/** Opens an engine file and runs its first profile, without memory, on no stream: for libraries that compute nothing. */
	runEngine(run: EnginePaths & { engine: Uint8Array }): void;
}

/** The ONNX Runtime library that the package depends on. */
export const onnxRuntimeLibrary = findOnnxRuntime().library;

/** The addon that reaches inside the core; `npm run build:test-parts` builds it beside the package's own. */
export const insideFile =
	process.env.ARC2FACE_INSIDE ??
	fileURLToPath(new URL('../build/Release/inside/arc2face_inside.node', import.meta.url));
export const inside = createRequire(import.meta.url)(insideFile) as Operations & Networks & Engines;
