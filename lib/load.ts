// Loads a model: device, bundle, engines, then the core.
import { blamed } from './bundle/blame.ts';
import { type Bundle, isEmbedded, openBundle } from './bundle/bundle.ts';
import { LoadedWeights } from './bundle/digests.ts';
import { awaitNative } from './call.ts';
import { type CpuChoice, chooseDevice, type GpuChoice, type ProviderName } from './device/device.ts';
import { onnxRuntimeRemedy } from './device/onnxruntime-library.ts';
import { openEngines, type PrepareOptions, targetOf } from './engines/prepare.ts';
import { pathsOf } from './engines/runtimes.ts';
import { Arc2FaceError, type ErrorDetails } from './errors.ts';
import type { Size } from './geometry.ts';
import type { Sentence } from './messages/wording.ts';
import { loadNative, type NativeLoadRequest, type NativeModel } from './native.ts';
import type { Decoder, Feature } from './options/features.ts';
import { resolveImageSizes, type resolveLoadOptions, resolvePrecision } from './options/load.ts';
import type { LoraName } from './options/loras.ts';
import { lcmPresets, type Preset, type Presets, usualPresets } from './options/presets.ts';
import type { Marking } from './options/provenance.ts';
import { embeddedBundleWarning, sizeWarnings, textEncoderLoraWarning, type Warning } from './warnings.ts';

/** What was loaded, and why. */
export type ModelInfo = Readonly<{
	/** `cpu`, or the GPU as `cuda:0`. */
	device: 'cpu' | `cuda:${number}`;
	/** What runs the networks. */
	provider: ProviderName;
	/** The provider's version: `1.30.0`. */
	version: string;
	/** Arithmetic of the networks. Those that read faces always compute in fp32. */
	precision: 'fp32' | 'fp16';
	/** Absolute path of the bundle folder. */
	bundle: string;
	/** The LoRAs that were added to the UNet, in order. */
	loras: readonly LoadedLora[];
	/** What `generate` does unless a call says otherwise: the preset `standard`. */
	defaults: Preset;
	/** What each `preset` of `generate` sets. */
	presets: Presets;
	/** Size of the images unless a call asks for another, in pixels. */
	imageSize: Size;
	/** Image widths and heights are multiples of this. */
	pixelsPerLatent: number;
	/**
	 * On a GPU: bytes of its memory that the load has taken, for engines and what they compute in; calls take little more. Undefined where
	 * it was not known how much is free.
	 */
	memoryBytes?: number;
	/** Whether the bundle has the networks that read faces from photos. */
	canEncode: boolean;
	/** What the model was loaded with, as options of `load` ask for it. */
	features: readonly Feature[];
	/** The expressions that the bundle knows by name, of a model that was loaded with `expression`. */
	expressions: readonly string[];
	/** What makes images of latents. */
	decoder: Decoder;
	/** Sentences that explain the choice of device and provider, for people. */
	reasons: readonly string[];
	/** Tell if the embedded bundle is a fallback, or the loaded image sizes are unlike the bundle's training images. */
	warnings: readonly Warning[];
}>;

/** A LoRA that a model was loaded with. */
export type LoadedLora = Readonly<{
	/** Absolute path. */
	file: string;
	/** How strongly it is added. */
	scale: number;
	/** Its name, where it was asked for by name. */
	name?: LoraName;
}>;

/** @internal */
export type Loaded = Readonly<{
	native: NativeModel;
	bundle: Bundle;
	weights: LoadedWeights;
	info: ModelInfo;
	detectionSize: number;
	/** Of files of its images. */
	marking: Marking;
}>;

/** @internal */
type LoadRequest = Omit<ReturnType<typeof resolveLoadOptions>, 'signal' | 'guards'>;

/**
 * Device, bundle, engines if the device uses them, then the core. See `Arc2Face.load` for its errors.
 *
 * @internal
 */
export async function load(request: LoadRequest, signal: AbortSignal | undefined): Promise<Loaded> {
	const { cacheDir, shapes, onProgress } = request;
	const choice = await chooseDevice(request.device, { cacheDir });
	const options = { signal, onProgress };
	const { native, version, precision, bundle, weights, imageSizes, memoryBytes } =
		choice.device === 'cpu' ? await loadOnCpu(request, choice, options) : await loadOnGpu(request, choice, options);
	const presets = bundle.loras.some(({ name }) => name === 'lcm') ? lcmPresets : usualPresets;
	const info: ModelInfo = {
		device: choice.device,
		provider: choice.provider,
		version,
		precision,
		bundle: bundle.folder,
		loras: bundle.loras.map(({ lora: { file }, ...lora }) => ({ file, ...lora })),
		...{ defaults: presets.standard, presets },
		imageSize: { width: imageSizes[0].width, height: imageSizes[0].height },
		pixelsPerLatent: bundle.geometry.pixelsPerLatent,
		...(memoryBytes === undefined ? {} : { memoryBytes }),
		canEncode: bundle.missingFaceModels.length === 0,
		features: request.features,
		expressions: [...bundle.expressions.keys()],
		decoder: request.decoder,
		reasons: choice.reasons,
		warnings: [
			...(request.bundle === undefined && isEmbedded(bundle.folder) ? [embeddedBundleWarning()] : []),
			...bundle.loras.flatMap(({ lora }) => (lora.hasTextEncoder ? [textEncoderLoraWarning(lora.file)] : [])),
			...imageSizes.flatMap((size) => sizeWarnings(size, bundle.geometry)),
		],
	};
	const marking = { provenance: request.provenance, cacheDir };
	return { native, bundle, weights, info, detectionSize: shapes.detectionSize, marking };
}

type OpenedModel = { native: NativeModel; memoryBytes: number | undefined };
type Opened = OpenedModel & {
	version: string;
	precision: ModelInfo['precision'];
	bundle: Bundle;
	weights: LoadedWeights;
	imageSizes: readonly [Size, ...Size[]];
};

async function loadOnCpu(request: LoadRequest, { library }: CpuChoice, options: PrepareOptions): Promise<Opened> {
	const precision = resolvePrecision(request.precision, 'cpu');
	const { features, decoder, loras } = request;
	const bundle = await openBundle(request.bundle, {
		...{ operators: 'onnxruntime', precision },
		...{ features, decoder, loras },
	});
	const weights = await LoadedWeights.of(bundle, request.cacheDir);
	const imageSizes = resolveImageSizes(request.shapes.imageSizes, bundle.geometry);
	const { files, networks } = bundle;
	const runtime = { onnxruntime: library, threads: request.threads };
	const model = await openModel(bundle, { runtime, files, networks }, options);
	return { ...model, version: loadNative().probeOnnxRuntime(library).version, precision, bundle, weights, imageSizes };
}

async function loadOnGpu(request: LoadRequest, choice: GpuChoice, options: PrepareOptions): Promise<Opened> {
	const { runtime, index } = choice;
	const { engines, bundle, ...opened } = await openEngines(request, { runtime, target: targetOf(choice) });
	const weights = await LoadedWeights.of(bundle, request.cacheDir);
	const model = await engines.load(choice.device, options, (networks) =>
		openModel(bundle, { runtime: { engines: pathsOf(runtime), gpu: index }, files: [], networks }, options),
	);
	return { ...model, version: runtime.version, bundle, weights, ...opened };
}

async function openModel(
	bundle: Bundle,
	request: Pick<NativeLoadRequest, 'runtime' | 'files' | 'networks'>,
	{ signal, onProgress }: PrepareOptions,
): Promise<OpenedModel> {
	const { tokens, geometry, levels } = bundle;
	const { pixelsPerLatent } = geometry;
	const [first = '', ...others] = Object.keys(request.networks);
	let ready = 0;
	let memoryBytes: number | undefined;
	const native = await awaitNative(
		(guard) =>
			loadNative().load({
				...{ ...request, ...tokens, pixelsPerLatent, levels },
				onProgress: guard((progress) => {
					ready = progress.done;
					onProgress?.({ ...progress, phase: 'loading', fraction: 1 });
				}),
				onMemory: guard(({ network = first, ...memory }) => {
					memoryBytes = (memoryBytes ?? 0) + memory.bytes;
					const counts = { fraction: 0, done: ready, total: 1 + others.length };
					onProgress?.({ network, phase: 'allocating', ...counts, memory });
				}),
			}),
		signal,
		{
			discard: (late) => void late.dispose(),
			explain: (error) => explained(error, bundle, 'onnxruntime' in request.runtime),
		},
	);
	return { native, memoryBytes };
}

/** A load's error, with a remedy that fits. */
function explained(error: unknown, bundle: Bundle, isOnCpu: boolean): unknown {
	if (!(error instanceof Arc2FaceError)) return error;
	if (error.code === 'OUT_OF_MEMORY') {
		const remedy = isOnCpu ? 'Close other programs, or load a smaller bundle.' : gpuMemoryRemedy(error.details);
		return error.with({ remedy });
	}
	if (error.code === 'NO_DEVICE' && isOnCpu) return error.with({ remedy: onnxRuntimeRemedy() });
	return blamed(error, bundle, 'load');
}

/** Those whose memory depends on the size of images alone. */
const imageNetworks: ReadonlySet<string> = new Set(['vaeDecoder', 'vaeEncoder', 'tinyDecoder']);

function gpuMemoryRemedy({ network, freeBytes, batchSize }: ErrorDetails): Sentence {
	const close = 'or close other programs that use the GPU.';
	return ({ option }) => {
		const [batches, sizes] = [option('batchSizes'), option('imageSizes')];
		if (batchSize !== undefined) return `Load with ${batches} of at most ${batchSize}, ${close}`;
		if (network === 'detector') return `Load with a lower ${option('detectionSize')}, ${close}`;
		if (network !== undefined && imageNetworks.has(network)) return `Load with lower ${sizes}, ${close}`;
		// What the others take, and all engines together, no option changes.
		const isBatched = network === 'unet' || network === 'controlNet';
		const isSettled = network === undefined ? freeBytes !== undefined : !isBatched;
		return isSettled
			? `Load on a GPU with more memory, ${close}`
			: `Load with fewer and lower ${batches} and ${sizes}, ${close}`;
	};
}
