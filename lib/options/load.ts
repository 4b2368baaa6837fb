// The options of `load`.
import type { ImageGeometry, Size } from '../geometry.ts';
import { say } from '../messages/wording.ts';
import { check, integer, invalid, listOf, oneOf, type Rule, rules } from './check.ts';
import { type Consents, type Denials, guardRules } from './consent.ts';
import { chosenFeatures, type Decoder, decoders, usualDecoder } from './features.ts';
import { type LoraChoice, lorasRule, resolveLoras } from './loras.ts';
import { pathOf, pathRule } from './path.ts';
import { checkProvenance, type Provenance, provenanceRule } from './provenance.ts';
import { detectionSizeRule, side, sizeRule, usualDetectionSize } from './sizes.ts';

/** The options of `load`. */
export interface LoadOptions {
	/**
	 * `"tiny"`, the path or `file:` URL of a folder, or the name of a downloaded bundle (default: `"arc2face"` if it was downloaded, else
	 * `"tiny"`, the embedded bundle of drawn people: see `warnings` of `info`).
	 */
	bundle?: string | URL | undefined;
	/** Where the networks run (default `"auto"`). */
	device?: DeviceRequest | undefined;
	/** Arithmetic of the networks (default `"auto"`: `"fp16"` on a GPU, else `"fp32"`, which is all that the CPU has). */
	precision?: Precision | undefined;
	/** Also load what image-to-image and inpainting need: `image` and `mask` of `generate` (default false). */
	edit?: boolean | undefined;
	/** Also load the ControlNet: `control` of `generate` (default false). */
	control?: boolean | undefined;
	/** Also load the expression adapter: `expression` of `generate` (default false). */
	expression?: boolean | undefined;
	/** Also load the reference adapter: `reference` of `generate` (default false). Each step then takes about a sixth longer on a GPU. */
	reference?: boolean | undefined;
	/**
	 * LoRAs that are added to the UNet, several as they are listed: `"lcm"`, the bundle's own, which also changes the defaults of
	 * `generate` (see `defaults` of `info`); or files (default: none). Nothing of them is kept on disk but, on a GPU, in the engine.
	 */
	loras?: readonly LoraChoice[] | undefined;
	/**
	 * What makes images of latents (default `"vae"`). `"taesd"`, the bundle's tiny autoencoder, takes a small part of the VAE's time
	 * and memory, and gives softer images with other details: see the guide.
	 */
	decoder?: Decoder | undefined;
	/** A `ConsentLedger`: only people with a valid record in it are painted, and it logs what was painted (default: none is asked). Stays yours to dispose. */
	consent?: Consents | undefined;
	/** A `DenyList`: nobody on it is painted (default: none). Stays yours to dispose. */
	denyList?: Denials | undefined;
	/** Threads of the CPU, 1–1024 (default: one per core). */
	threads?: number | undefined;
	/** Sizes that the images may have; the first is used unless a call asks for another (default: only the bundle's). */
	imageSizes?: readonly Size[] | undefined;
	/** Side of the square that photos are fitted into unless a call says otherwise, a multiple of 32, 32–4096 (default 640). */
	detectionSize?: number | undefined;
	/** On a GPU: batch sizes that the UNet is built for, in rows: an image takes two with guidance, else one (default 2 and 8). */
	batchSizes?: readonly number[] | undefined;
	/**
	 * Path or `file:` URL of a folder (default: the user's cache folder). In `engines` below it are kept the engines of GPUs, and the
	 * digests of weights that recipes name; in `certificates`, the development certificate that signs files.
	 */
	cacheDir?: string | URL | undefined;
	/**
	 * How files of the images are marked as those of generated ones; `false` for no marks (default: with all marks, signed by a development
	 * certificate). `generate` and each file may say otherwise.
	 */
	provenance?: Provenance | undefined;
	/**
	 * Called while engines are prepared, and when a network is ready.
	 *
	 * @param progress - of which network, and how far it is
	 */
	onProgress?: ((progress: LoadProgress) => void) | undefined;
	/** When it aborts, the call rejects with its reason; an engine's build stops after the step that it is at. */
	signal?: AbortSignal | undefined;
}
/** The progress of `load`. On a GPU it gets an engine for each network, then loads them all; on the CPU it only loads. */
export type LoadProgress = {
	/** The network that this is about. */
	network: string;
	/**
	 * `reading`: weights, to see whether the cached engine was built from them; or that engine. `waiting`: another
	 * load is building this engine, or calls run on the GPU, beside which nothing is built. `building`: this one is, which may take
	 * minutes. `allocating`: `memory` of the GPU is about to be taken. `loading`: the network is ready.
	 */
	phase: 'reading' | 'waiting' | 'building' | 'allocating' | 'loading';
	/** Progress of this phase of this network, 0–1; always 0 for `waiting` and `allocating`. */
	fraction: number;
	/** Finished networks: those with an engine or, in the phases `allocating` and `loading`, those that are ready. */
	done: number;
	/** The networks of the model, finished or not. */
	total: number;
	/**
	 * Of the phase `allocating`, which the first time is about the engines of all networks, that is their weights, and each later time
	 * about what one network computes in.
	 */
	memory?: MemoryNeed;
};
/** What is about to be taken of a GPU's memory. */
export type MemoryNeed = Readonly<{
	/** How many bytes are about to be taken. */
	bytes: number;
	/** How many are free. */
	freeBytes: number;
}>;
/** `auto` takes the first usable device, `cuda` the first usable GPU, `cuda:1` the second GPU. */
export type DeviceRequest = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;

export const precisions = ['auto', 'fp32', 'fp16'] as const;
/** Arithmetic to ask for; `auto` leaves it to the device. */
export type Precision = (typeof precisions)[number];

export const maxThreads = 1024;
const maxRows = 64;

/** @internal */
export function resolveLoadOptions(options: LoadOptions = {}) {
	check('load', options, {
		bundle: pathRule,
		device: deviceRule,
		precision: oneOf(precisions),
		edit: rules.flag,
		control: rules.flag,
		expression: rules.flag,
		reference: rules.flag,
		loras: lorasRule,
		decoder: oneOf(decoders),
		...guardRules,
		threads: integer(1, maxThreads),
		imageSizes: listOf(sizeRule),
		detectionSize: detectionSizeRule,
		batchSizes: listOf(integer(1, maxRows)),
		cacheDir: pathRule,
		provenance: provenanceRule,
		onProgress: rules.callback,
		signal: rules.signal,
	});
	const { device = 'auto', precision = 'auto', decoder = usualDecoder, threads = 0 } = options;
	checkProvenance(options.provenance);
	const { imageSizes, provenance, onProgress, signal } = options;
	const { detectionSize = usualDetectionSize, batchSizes = [2, 8] } = options;
	const bundle = options.bundle && pathOf(options.bundle, 'bundle');
	const cacheDir = options.cacheDir && pathOf(options.cacheDir, 'cacheDir');
	const loras = resolveLoras(options.loras ?? []);
	const rows = [...new Set(batchSizes)].sort((a, b) => a - b);
	const shapes = { imageSizes, detectionSize, batchSizes: rows };
	const features = chosenFeatures(options);
	const where = { bundle, device, precision, threads, shapes, cacheDir };
	const guards = { consent: options.consent, denyList: options.denyList };
	return { ...where, features, decoder, loras, guards, provenance, onProgress, signal };
}

/**
 * The image sizes of a model, which its bundle must allow.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function resolveImageSizes(
	sizes: readonly Size[] | undefined,
	{ pixelsPerLatent, width, height }: ImageGeometry,
): readonly [Size, ...Size[]] {
	const [first, ...others] = sizes ?? [];
	if (first === undefined) return [{ width, height }];
	const { expected, fits } = side(pixelsPerLatent);
	for (const { width, height } of [first, ...others]) {
		if (!fits(width) || !fits(height))
			throw invalid((wording) => `sides that are ${say(expected, wording)}`, 'imageSizes', `${width}×${height}`);
	}
	return [first, ...others];
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for arithmetic that the device doesn't support
 * @internal
 */
export function resolvePrecision(precision: Precision, device: string): 'fp32' | 'fp16' {
	if (device !== 'cpu') return precision === 'auto' ? 'fp16' : precision;
	if (precision === 'fp16') throw invalid('auto or fp32 on the CPU', 'precision', precision);
	return 'fp32';
}

const deviceRule: Rule = {
	expected: 'auto, cpu, cuda or cuda:N',
	fits: (value) => typeof value === 'string' && /^(auto|cpu|cuda(:\d{1,3})?)$/.test(value),
};
