// Loads the model for commands: the options for it, and the progress shown.
import type { Arc2Face } from '../arc2face.ts';
import type { Size } from '../geometry.ts';
import type { ModelInfo } from '../load.ts';
import type { Feature } from '../options/features.ts';
import { type DeviceRequest, type LoadProgress, type Precision, resolveLoadOptions } from '../options/load.ts';
import type { Arc2FacePool } from '../pool/pool.ts';
import { formatBytes } from './bytes.ts';
import type { Context, OptionValues } from './command.ts';
import { chosenDecoder, type decoderOptions } from './decoder.ts';
import type { Guards } from './guards.ts';
import { chosenLoras, type loraOptions } from './loras.ts';
import { chosenShapes, shapeOptions } from './shapes.ts';
import { warningsOf } from './wording.ts';

/** The options of every command that uses a model on a device. */
export const modelOptions = {
	bundle: {
		type: 'path',
		value: 'NAME',
		help: 'name or folder of the model (default: arc2face if pulled, else tiny)',
	},
	device: { type: 'string', value: 'DEVICE', help: 'auto, cpu, cuda or cuda:N (default: auto)' },
	precision: { type: 'string', value: 'TYPE', help: 'auto, fp32 or fp16 (default: auto, which is fp16 on a GPU)' },
	cacheDir: { type: 'path', value: 'DIR', help: "folder of the engines' cache (default: the user's)" },
	threads: { type: 'number', value: 'N', help: 'threads on the CPU (default: one per core)' },
	...shapeOptions,
} as const;

/** The same for commands that use all GPUs at once. */
export const poolOptions = {
	...modelOptions,
	device: {
		type: 'string',
		value: 'DEVICE',
		help: 'auto, cpu, cuda, cuda:N, or all: each GPU that can be used (default: auto)',
	},
} as const;

/** The values of these, of `loraOptions` and `decoderOptions` for the commands that paint, and the features that what a command does with the model needs. */
export type ModelValues = OptionValues<typeof modelOptions> &
	Partial<OptionValues<typeof loraOptions & typeof decoderOptions>> & {
		features?: readonly Feature[];
		guards?: Guards;
	};

/**
 * Loads the model with a progress bar.
 *
 * @param size - of the images to be asked for (default: the first that the options list, or the model's own)
 * @throws {Arc2FaceError} as `Arc2Face.load` does
 */
export async function loadModel(values: ModelValues, context: Context, size?: Size): Promise<Arc2Face> {
	const options = checkLoadOptions(values, size);
	// Imported here, not earlier: without sharp, which it needs, `--help` still answers.
	const { Arc2Face } = await import('../arc2face.ts');
	const model = await Arc2Face.load({ ...options, ...values.guards, ...tellingOf(context) });
	noteWarnings(model.info, context);
	return model;
}

/**
 * Loads the model, or with `all` devices one for each GPU, with a progress bar for each.
 *
 * @throws {Arc2FaceError} as `Arc2FacePool.load` does
 */
export async function loadPool(values: ModelValues, context: Context): Promise<Arc2Face | Arc2FacePool> {
	if (values.device !== 'all') return await loadModel(values, context);
	const { device: _, ...options } = checkPoolOptions(values);
	const { Arc2FacePool } = await import('../pool/pool.ts');
	const pool = await Arc2FacePool.load({ ...options, ...values.guards, ...tellingOf(context), devices: 'all' });
	noteWarnings(pool.info, context);
	for (const sentence of pool.leftOut) context.note(sentence);
	return pool;
}

/** @throws {Arc2FaceError} as {@link checkLoadOptions} does */
export function checkPoolOptions(values: ModelValues) {
	return checkLoadOptions(values.device === 'all' ? { ...values, device: undefined } : values);
}

function tellingOf(context: Context) {
	return { signal: context.signal, onProgress: loadingDisplay(context) };
}

function noteWarnings(info: ModelInfo, context: Context): void {
	for (const { message } of warningsOf(info)) context.note(message);
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for options that `Arc2Face.load` would refuse before any work */
export function checkLoadOptions(values: ModelValues, size?: Size) {
	const { imageSizes = size && [size], ...others } = loadOptions(values);
	const options = { ...others, imageSizes, threads: values.threads };
	resolveLoadOptions(options);
	return options;
}

/** Options that commands name differently from the library, which checks the values. */
export function loadOptions(values: Omit<ModelValues, 'threads'>) {
	const { bundle, device, precision, cacheDir, features = [] } = values;
	return {
		...{ bundle, cacheDir, loras: chosenLoras(values), decoder: chosenDecoder(values), ...chosenShapes(values) },
		...Object.fromEntries(features.map((feature) => [feature, true])),
		device: device as DeviceRequest | undefined,
		precision: precision as Precision | undefined,
	};
}

/**
 * Shows the progress of `load`: a bar for each engine read or built, and one for the networks. Who interrupts a build is told what
 * the process waits for: the builder stops only between two of its steps.
 */
export function loadingDisplay(context: Context): (progress: LoadProgress) => void {
	let built: string | undefined;
	const explain = () => {
		if (built === undefined) return;
		context.note(
			`The builder of the engine of ${built} stops after its present step, which may take a while. Press Ctrl-C again to end at once.`,
		);
	};
	context.signal.addEventListener('abort', explain, { once: true });
	let loading: string | undefined;
	return ({ network, phase, fraction, done, total, memory }) => {
		if (context.signal.aborted) return; // what the builder had already reported
		built = phase === 'building' ? network : undefined;
		const percent = { done: Math.floor(100 * fraction), total: 100, unit: 'percent' } as const;
		switch (phase) {
			case 'reading':
				context.progress(`checking ${network}`, percent);
				break;
			case 'waiting':
				context.note(`Waiting to build the engine of ${network}: another load builds it, or calls run on the GPU.`);
				break;
			case 'building':
				context.progress(`building the engine of ${network} (${done + 1} of ${total})`, percent);
				break;
			case 'allocating':
				// The first is about all engines.
				loading ??=
					memory &&
					`loading the model (at least ${formatBytes(memory.bytes)} of ${formatBytes(memory.freeBytes)} free on the GPU)`;
				break;
			case 'loading':
				context.progress(loading ?? 'loading the model', { done, total, unit: 'networks' });
		}
	};
}
