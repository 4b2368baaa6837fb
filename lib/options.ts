import { randomInt } from 'node:crypto';
import type { DeviceRequest } from './device.ts';
import { Arc2FaceError } from './errors.ts';
import type { ImageFormat } from './image.ts';
import { type SamplerName, samplerNames } from './samplers/samplers.ts';

// What the calls accept: defaults, types, ranges, combinations, in that order, before any work and before anything changes.

export interface LoadOptions {
	/** `"tiny"`, a folder, or the name of a downloaded bundle (default: `"arc2face"` if it was downloaded, else `"tiny"`). */
	bundle?: string | undefined;
	/** Where the networks run (default `"auto"`). */
	device?: DeviceRequest | undefined;
	/** Arithmetic of the networks (default `"auto"`: `"fp16"` on a GPU, else `"fp32"`, which is all that the CPU has). */
	precision?: Precision | undefined;
	/** Threads of the CPU, 1–1024 (default: one per core). */
	threads?: number | undefined;
	/** Sizes that the images may have; the first is that of images unless a call asks for another (default: the bundle's, alone). */
	imageSizes?: readonly Size[] | undefined;
	/** Side of the square that photos are fitted into unless a call says otherwise, a multiple of 32, 32–4096 (default 640). */
	detectionSize?: number | undefined;
	/** On a GPU: batches that the UNet is built for, in rows: an image takes two with guidance, else one (default 1, 2, 4, 8, 16). */
	batchSizes?: readonly number[] | undefined;
	/** On a GPU: where the engines are kept, in `engines` below it (default: the user's cache folder). */
	cacheDir?: string | undefined;
	/** Called while engines are prepared, and when a network is ready. */
	onProgress?: ((progress: LoadProgress) => void) | undefined;
	signal?: AbortSignal | undefined;
}
/** How far `load` is. On a GPU it gets an engine for each network, and then loads them all; on the CPU it just loads. */
export type LoadProgress = {
	/** The network that this is about. */
	network: string;
	/**
	 * `reading`: weights, to see whether they are those that the engine in the cache was built from; or that engine. `waiting`: another
	 * load builds this engine. `building`: this one does, which takes up to minutes. `loading`: the network is ready.
	 */
	phase: 'reading' | 'waiting' | 'building' | 'loading';
	/** Of this phase of this network, 0–1; 0 for all of `waiting`. */
	fraction: number;
	/** Networks that are through: that have their engine, or in the phase `loading` are ready. */
	done: number;
	total: number;
};
export const precisions = ['auto', 'fp32', 'fp16'] as const;
export type Precision = (typeof precisions)[number];

/** In pixels. */
export type Size = Readonly<{ width: number; height: number }>;

/**
 * What images are written as; also the extensions of their files.
 *
 * @internal
 */
export const imageFormats: readonly string[] = ['png', 'jpg', 'jpeg', 'webp', 'avif'] satisfies ImageFormat[];

export interface DetectOptions {
	/**
	 * Side of the square that the photo is fitted into, a multiple of 32, 32–4096 (default: that of `load`, 640). Larger finds smaller
	 * faces. A GPU has that of `load` only.
	 */
	detectionSize?: number | undefined;
	/** Least score, 0–1 (default 0.5). */
	threshold?: number | undefined;
	signal?: AbortSignal | undefined;
}

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

/** `"only"` fails when there are several faces; a number counts from the largest, 0; keypoints need no detection. */
export type FaceChoice = 'largest' | 'only' | number | Pick<Face, 'keypoints'> | readonly Point[];

export interface EncodeOptions extends DetectOptions {
	/** Which face of the photo (default `"largest"`). */
	face?: FaceChoice | undefined;
}

export interface GenerateOptions {
	/** Portraits of each identity, at least 1 (default 1); they share batches, so memory grows with it. */
	count?: number | undefined;
	/** Network evaluations per portrait, 1–1000 (default 25); time grows with it. Some samplers make more: see `sampler`. */
	steps?: number | undefined;
	/** How strongly the identity steers, at least 1 (default 3); 1 leaves out the unconditional half, and takes half the time. */
	guidanceScale?: number | undefined;
	/**
	 * A non-negative integer: image `i` of the call is made from `seed + i`; or one for each image (default: random, and told
	 * by each image). The noise is that of `torch.Generator("cpu").manual_seed(seed)`, whatever the device.
	 */
	seed?: number | readonly number[] | undefined;
	/** `"per-image"` (default): a generator for each image. `"batch"`: one generator draws for all of them, as diffusers does. */
	noise?: NoiseMode | undefined;
	/** Default `"dpm++2m"`. `"heun"` evaluates the network 2 · steps − 1 times, `"pndm"` steps + 1 times. */
	sampler?: SamplerName | undefined;
	/** Only with the sampler `"ddim"`: share of fresh noise in every step, 0–1 (default 0, deterministic). */
	eta?: number | undefined;
	/**
	 * Pixels, a multiple of the bundle's pixels per latent (8), at most 2048 (default: that of `load`, the bundle's). A GPU has the
	 * `imageSizes` of `load` only.
	 */
	width?: number | undefined;
	height?: number | undefined;
	/** Initial noise, standard normal, [images, 4, height / 8, width / 8], instead of the generators' first draw. */
	latents?: Float32Array | undefined;
	/** Called after every network evaluation; `step` counts from 1. */
	onStep?: ((progress: StepProgress) => void) | undefined;
	/** Stops within one step. */
	signal?: AbortSignal | undefined;
}
export const noiseModes = ['per-image', 'batch'] as const;
export type NoiseMode = (typeof noiseModes)[number];
export type StepProgress = { step: number; steps: number };

/** What a model paints when it isn't told otherwise, and in which units. */
export type ImageGeometry = Size & Readonly<{ pixelsPerLatent: number }>;

/** Channels of the latents of Stable Diffusion's family. */
export const latentChannels = 4;
const maxImageSide = 2048;
const maxImages = 1024;
const maxRows = 64;
const usualDetectionSize = 640;

/** @internal */
export function resolveLoadOptions(options: LoadOptions = {}) {
	check('load', options, {
		bundle: rules.text,
		device: deviceRule,
		precision: oneOf(precisions),
		threads: integer(1, 1024),
		imageSizes: listOf(sizeRule),
		detectionSize: detectionSizeRule,
		batchSizes: listOf(integer(1, maxRows)),
		cacheDir: rules.text,
		onProgress: rules.callback,
		signal: rules.signal,
	});
	const { bundle, device = 'auto', precision = 'auto', threads = 0, imageSizes } = options;
	const { detectionSize = usualDetectionSize, batchSizes = [1, 2, 4, 8, 16], cacheDir, onProgress, signal } = options;
	const rows = [...new Set(batchSizes)].sort((a, b) => a - b);
	const shapes = { imageSizes, detectionSize, batchSizes: rows };
	return { bundle, device, precision, threads, shapes, cacheDir, onProgress, signal };
}

/**
 * The image sizes of a model, which its bundle has to allow.
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
		if (!fits(width) || !fits(height)) throw invalid(`sides that are ${expected}`, 'imageSizes', `${width}×${height}`);
	}
	return [first, ...others];
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for arithmetic that the device doesn't have
 * @internal
 */
export function resolvePrecision(precision: Precision, device: string): 'fp32' | 'fp16' {
	if (device !== 'cpu') return precision === 'auto' ? 'fp16' : precision;
	if (precision === 'fp16') throw invalid('auto or fp32 on the CPU', 'precision', precision);
	return 'fp32';
}

/** @internal */
export function resolveDetectOptions(options: DetectOptions = {}, usualSize = usualDetectionSize) {
	check('detect', options, detectRules);
	const { detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { detectionSize, threshold, signal };
}

/** @internal */
export function resolveEncodeOptions(options: EncodeOptions = {}, usualSize = usualDetectionSize) {
	check('encode', options, { ...detectRules, face: faceRule });
	const { face = 'largest', detectionSize = usualSize, threshold = 0.5, signal } = options;
	return { face: nativeFaceChoice(face, detectionSize, threshold), signal };
}

/**
 * What can be checked of generate's options before a model is loaded.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function checkGenerateOptions(options: GenerateOptions): void {
	check('generate', options, {
		count: integer(1, maxImages),
		steps: integer(1, 1000),
		guidanceScale: number(1, 1000),
		seed: seedRule,
		noise: oneOf(noiseModes),
		sampler: oneOf(samplerNames),
		eta: number(0, 1),
		width: integer(1, maxImageSide),
		height: integer(1, maxImageSide),
		latents: latentsRule,
		onStep: rules.callback,
		signal: rules.signal,
	});
	const { eta, sampler = 'dpm++2m' } = options;
	if (eta !== undefined && sampler !== 'ddim') throw invalid('the sampler ddim', 'eta', `${sampler} with it`);
}

/** @internal */
export function resolveGenerateOptions(
	options: GenerateOptions = {},
	identities: number,
	{ pixelsPerLatent, ...size }: ImageGeometry,
) {
	checkGenerateOptions(options);
	const { count = 1, steps = 25, guidanceScale = 3, noise = 'per-image', sampler = 'dpm++2m', eta = 0 } = options;
	const { width = size.width, height = size.height, latents, onStep, signal } = options;

	const images = count * identities;
	if (images > maxImages) {
		throw invalid(`at most ${maxImages} images`, 'count', `${count} for each of ${identities} identities`);
	}
	for (const [name, pixels] of Object.entries({ width, height })) {
		const { expected, fits } = side(pixelsPerLatent);
		if (!fits(pixels)) throw invalid(expected, name, `${pixels}`);
	}
	if (latents !== undefined) {
		const shape = [images, latentChannels, height / pixelsPerLatent, width / pixelsPerLatent];
		const length = shape.reduce((product, side) => product * side);
		if (latents.length !== length) {
			throw invalid(`${length} numbers ([${shape.join(', ')}])`, 'latents', `${latents.length}`);
		}
		const odd = latents.findIndex((value) => !Number.isFinite(value));
		if (odd >= 0) throw invalid('finite numbers', 'latents', `${latents[odd]} at index ${odd}`);
	}
	const seeds = seedsOf(options.seed ?? randomInt(2 ** 32), noise, images);
	return { count, images, steps, guidanceScale, seeds, noise, sampler, eta, width, height, latents, onStep, signal };
}

/** The seed of each image; one for all of them when the whole batch is one draw. */
function seedsOf(seed: number | readonly number[], noise: NoiseMode, images: number): number[] {
	if (typeof seed === 'number') {
		if (noise === 'batch') return Array.from({ length: images }, () => seed);
		if (seed > Number.MAX_SAFE_INTEGER - (images - 1)) {
			throw invalid(`at most ${Number.MAX_SAFE_INTEGER - images + 1} with ${images} images`, 'seed', `${seed}`);
		}
		return Array.from({ length: images }, (_, i) => seed + i);
	}
	if (noise === 'batch') throw invalid('one number with noise "batch"', 'seed', `a list of ${seed.length}`);
	if (seed.length !== images) throw invalid(`${images} seeds, one for each image`, 'seed', `${seed.length}`);
	return [...seed];
}

function nativeFaceChoice(face: FaceChoice, detectionSize: number, threshold: number) {
	if (typeof face === 'object') {
		const keypoints = 'keypoints' in face ? face.keypoints : face;
		return Float32Array.from(keypoints.flat());
	}
	return { detectionSize, threshold, index: typeof face === 'number' ? face : 0, only: face === 'only' };
}

/** What an option may be, in words and as a test. */
type Rule = Readonly<{ expected: string; fits: (value: unknown) => boolean }>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for an option that the call doesn't have, or one that isn't what it may be */
function check(call: string, options: object, known: Readonly<Record<string, Rule>>): void {
	if (typeof options !== 'object' || options === null || Array.isArray(options)) {
		throw invalid('an object', 'options', describe(options));
	}
	for (const [name, value] of Object.entries(options)) {
		if (!Object.hasOwn(known, name)) {
			throw new Arc2FaceError(
				'INVALID_ARGUMENT',
				`Expected ${Object.keys(known).join(', ')} for the options of ${call} but received \`${name}\`.`,
			);
		}
		const { expected, fits } = known[name]!;
		if (value !== undefined && !fits(value)) throw invalid(expected, name, describe(value));
	}
}

const rules = {
	text: { expected: 'a non-empty string', fits: (value) => typeof value === 'string' && value !== '' },
	callback: { expected: 'a function', fits: (value) => typeof value === 'function' },
	signal: { expected: 'an AbortSignal', fits: (value) => value instanceof AbortSignal },
} satisfies Record<string, Rule>;

const deviceRule: Rule = {
	expected: 'auto, cpu, cuda or cuda:N',
	fits: (value) => typeof value === 'string' && /^(auto|cpu|cuda(:\d{1,3})?)$/.test(value),
};

const detectionSizeRule: Rule = {
	expected: 'a multiple of 32 from 32 to 4096',
	fits: (value) => integer(32, 4096).fits(value) && (value as number) % 32 === 0,
};

const detectRules = {
	detectionSize: detectionSizeRule,
	threshold: number(0, 1),
	signal: rules.signal,
} satisfies Record<string, Rule>;

const sizeRule: Rule = {
	expected: `{ width, height } of 1 to ${maxImageSide}`,
	fits: (value) => {
		if (typeof value !== 'object' || value === null) return false;
		const { width, height } = value as Partial<Size>;
		return integer(1, maxImageSide).fits(width) && integer(1, maxImageSide).fits(height);
	},
};

const faceRule: Rule = {
	expected: '"largest", "only", an index from 0, a face or five keypoints [x, y]',
	fits: (value) => {
		if (value === 'largest' || value === 'only') return true;
		if (typeof value !== 'object' || value === null) return integer(0, 65_535).fits(value);
		const keypoints: unknown = 'keypoints' in value ? value.keypoints : value;
		return Array.isArray(keypoints) && keypoints.length === 5 && keypoints.every(isPoint);
	},
};

const seedRule: Rule = {
	expected: 'a non-negative integer, or one for each image',
	fits: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isSeed) : isSeed(value)),
};

const latentsRule: Rule = { expected: 'a Float32Array', fits: (value) => value instanceof Float32Array };

function integer(from: number, to: number): Rule {
	return {
		expected: `an integer from ${from} to ${to}`,
		fits: (value) => Number.isInteger(value) && (value as number) >= from && (value as number) <= to,
	};
}

function number(from: number, to: number): Rule {
	return {
		expected: `a number from ${from} to ${to}`,
		fits: (value) => typeof value === 'number' && value >= from && value <= to,
	};
}

function listOf({ expected, fits }: Rule): Rule {
	return {
		expected: `a list of at least one of: ${expected}`,
		fits: (value) => Array.isArray(value) && value.length > 0 && value.every(fits),
	};
}

function oneOf(choices: readonly string[]): Rule {
	return { expected: `one of ${choices.join(', ')}`, fits: (value) => choices.includes(value as string) };
}

function side(unit: number): Rule {
	return {
		expected: `a multiple of ${unit} from ${unit} to ${maxImageSide}`,
		fits: (value) => integer(unit, maxImageSide).fits(value) && (value as number) % unit === 0,
	};
}

function isPoint(value: unknown): boolean {
	return Array.isArray(value) && value.length === 2 && value.every((number) => Number.isFinite(number));
}

function isSeed(value: unknown): boolean {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(expected: string, name: string, received: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `Expected ${expected} for \`${name}\` but received ${received}.`);
}

/**
 * A value for a message: short, and of which type when that isn't plain.
 *
 * @internal
 */
export function describe(value: unknown, depth = 0): string {
	if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
	if (typeof value === 'function') return 'a function';
	const inner = (part: unknown) => describe(part, depth + 1);
	if (Array.isArray(value)) {
		if (depth === maxDepth) return `a list of ${value.length}`;
		return `[${value.slice(0, 12).map(inner).join(', ')}${value.length > 12 ? ', …' : ''}]`;
	}
	if (typeof value === 'object' && value !== null) {
		const fields = Object.entries(value).slice(0, 12);
		const isPlain = Object.getPrototypeOf(value) === Object.prototype && fields.length > 0;
		if (!isPlain) return `a ${value.constructor?.name ?? 'object'}`;
		if (depth === maxDepth) return `an object of ${fields.map(([name]) => name).join(', ')}`;
		return `{ ${fields.map(([name, part]) => `${name}: ${inner(part)}`).join(', ')} }`;
	}
	return String(value);
}

/** Lists and objects in one another that a message shows: enough for a list of points or sizes, and an end for what contains itself. */
const maxDepth = 3;
