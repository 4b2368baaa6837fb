// The native addon: its exact surface as types, and opening it.
import { createRequire } from 'node:module';
import type { DataType } from '../models/weights/reference.ts';
import type { NativeCall } from './addon/call.ts';
import type { NativeIdentityDistribution, NativeIdentityIndex, NativeIdentitySource } from './addon/identities.ts';
import type { NativeEncodeRequest, NativeJudges, NativeModel, NativePhoto } from './addon/model.ts';
import type { NativeWatermark } from './addon/watermark.ts';
import { Arc2FaceError } from './errors.ts';
import { packageRoot } from './package.ts';

export type { NativeCall } from './addon/call.ts';
export type * from './addon/model.ts';

/** The addon's exact surface. The core checks everything again, and throws `INVALID_ARGUMENT` for what is wrong. */
export interface NativeAddon {
	/** Opens an ONNX Runtime library, if it is not open, and tests it with a one-node graph. @throws `NO_DEVICE` unless it is one of 1.23 or newer */
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
	/** `faceCropSide` · `faceCropSide` · 3 bytes, as the recogniser would see them; black beyond the photo. */
	cropFace(request: NativeEncodeRequest): NativeCall<Uint8Array>;
	openIdentitySource(request: { seed: number } & NativeIdentityDistribution): NativeIdentitySource;
	openIdentityIndex(): NativeIdentityIndex;
	/** A marked copy; `payload`: 6 bytes. */
	embedWatermark(image: NativePhoto, payload: Uint8Array): NativeCall<Uint8Array>;
	/** Undefined: no mark. */
	readWatermark(image: NativePhoto): NativeCall<NativeWatermark | undefined>;
	readonly limits: NativeLimits;
	/** Every network that the core knows, in the order in which it loads them. */
	readonly networks: readonly NativeNetworkRow[];
}

/** The core's limits. A test compares lib's own, which are checked first, with them. */
export type NativeLimits = Readonly<
	Record<
		| 'embeddingLength'
		| 'faceCropSide'
		| 'detectionSizeUnit'
		| 'maxDetectionSize'
		| 'maxImageSide'
		| 'maxThreads'
		| 'registers'
		| 'maxAssignments',
		number
	>
>;

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
