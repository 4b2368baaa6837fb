// The engines of a bundle: the shapes and GPU each is for, and building those that are missing.
import { type Bundle, openBundle } from '../bundle/bundle.ts';
import { type NetworkName, networks } from '../bundle/networks.ts';
import { awaitNative } from '../call.ts';
import { Arc2FaceError, type ErrorDetails } from '../errors.ts';
import type { Size } from '../geometry.ts';
import {
	loadNative,
	type NativeBuildRequest,
	type NativeEngine,
	type NativeGpu,
	type NativeNetwork,
	type NativeNetworks,
} from '../native.ts';
import { type LoadProgress, resolveImageSizes, type resolveLoadOptions, resolvePrecision } from '../options/load.ts';
import { BuildProgress } from './build-progress.ts';
import { compiledFileOf, EngineCache, type EngineProgress } from './cache.ts';
import { requireKernels } from './kernels.ts';
import type { EngineDescription, EngineShapes, EngineTarget } from './key.ts';
import { checkLogSeverity } from './log.ts';
import { productRow } from './products.ts';
import { networkProfiles } from './profiles.ts';
import { type EngineRuntime, pathsOf } from './runtimes.ts';

/** Where engines are built, and for which GPU, in the builder's terms and in the cache's. */
export type BuildTarget = Readonly<{ native: NativeBuildRequest['target']; cached: EngineTarget }>;

export type EngineRequest = Readonly<{
	runtime: EngineRuntime;
	target: BuildTarget;
	/** For networks that leave it to the caller: lib/bundle/networks.ts. */
	precision: 'fp32' | 'fp16';
	shapes: EngineShapes;
	cacheDir: string | undefined;
}>;

export type PreparedEngine = Readonly<{
	network: string;
	/** Its arithmetic. */
	precision: string;
	/** Absolute path. */
	file: string;
	/** Path of what its library compiles from it for this GPU; empty if the engine is fully compiled. */
	compiled: string;
	/** How long its build took; undefined if it was in the cache. */
	seconds?: number;
}>;

/** What {@link ModelEngines.prepare} reports while it works. */
export type PrepareOptions = {
	signal?: AbortSignal | undefined;
	onProgress?: ((progress: LoadProgress) => void) | undefined;
};

/** A GPU of this machine, and what runs engines on it. */
type EngineGpu = Readonly<{
	runtime: EngineRuntime;
	index: number;
	gpu: NativeGpu | undefined;
	driver: string | undefined;
}>;

/** A product that does not build on its target GPU is told that one's compute capability. */
export function targetOf({ runtime, index, gpu, driver }: EngineGpu): BuildTarget {
	if (productRow(runtime)?.buildsOnGpu === false && gpu !== undefined) return targetFor(gpu.capability);
	const { name = 'no GPU', capability = 0, multiprocessors = 0 } = gpu ?? {};
	return { native: { gpu: index }, cached: { gpu: name, capability, multiprocessors, driver: driver ?? '' } };
}

/** GPUs of a compute capability, here or elsewhere. */
export function targetFor(capability: number): BuildTarget {
	const target = { capabilities: [capability] };
	return { native: target, cached: target };
}

/** A bundle in the form that a GPU runs. */
export type OpenedEngines = Readonly<{
	engines: ModelEngines;
	bundle: Bundle;
	precision: EngineRequest['precision'];
	imageSizes: readonly [Size, ...Size[]];
}>;

/**
 * From the options of `load` to the engines that it needs; builds none yet.
 *
 * @param where - what builds them, and for which GPU
 * @throws {Arc2FaceError} as `openBundle` and `resolveImageSizes` do; `INVALID_ARGUMENT` for an invalid environment variable
 */
export async function openEngines(
	options: Pick<
		ReturnType<typeof resolveLoadOptions>,
		'bundle' | 'precision' | 'features' | 'decoder' | 'loras' | 'shapes' | 'cacheDir'
	>,
	where: Pick<EngineRequest, 'runtime' | 'target'>,
): Promise<OpenedEngines> {
	const { shapes, cacheDir, features, decoder, loras } = options;
	checkLogSeverity();
	const precision = resolvePrecision(options.precision, 'cuda');
	const bundle = await openBundle(options.bundle, { operators: 'standard', precision, features, decoder, loras });
	const imageSizes = resolveImageSizes(shapes.imageSizes, bundle.geometry);
	const request = { ...where, precision, cacheDir, shapes: { ...shapes, imageSizes } };
	return { engines: await ModelEngines.of(bundle, request), bundle, precision, imageSizes };
}

/** The engines of a model for one target: those in the cache, and builds of what is missing. */
export class ModelEngines {
	readonly #cache: EngineCache;
	readonly #target: BuildTarget;
	readonly #descriptions: readonly EngineDescription[];
	readonly #files = new Map<string, string>();

	/** @param descriptions - for this target, in the order in which engines are built */
	constructor(cacheDir: string | undefined, target: BuildTarget, descriptions: readonly EngineDescription[]) {
		this.#cache = new EngineCache({ cacheDir });
		this.#target = target;
		this.#descriptions = descriptions;
	}

	/** @param bundle - with graphs of standard operators, in the requested precision */
	static async of(
		bundle: Bundle,
		{ runtime, target, precision, shapes, cacheDir }: EngineRequest,
	): Promise<ModelEngines> {
		const descriptions: EngineDescription[] = [];
		for (const [name, network] of Object.entries(bundle.networks) as [NetworkName, NativeNetwork][]) {
			descriptions.push({
				name,
				network,
				files: bundle.files,
				runtime,
				target: target.cached,
				precision: networks[name].precision === 'asked' ? precision : networks[name].precision,
				...(await networkProfiles[name](bundle, shapes)),
			});
		}
		return new ModelEngines(cacheDir, target, descriptions);
	}

	/**
	 * Gets every engine, one after another: a build takes the whole machine.
	 *
	 * @throws {Arc2FaceError} as `EngineCache.engine` does; `NO_DEVICE` when a build lacks the GPU's kernels; `INVALID_WEIGHTS`,
	 *   `ENGINE_FAILED` and `OUT_OF_MEMORY` of a build; the signal's reason when stopped
	 */
	async prepare({ signal, onProgress }: PrepareOptions = {}): Promise<PreparedEngine[]> {
		const prepared: PreparedEngine[] = [];
		for (const description of this.#descriptions) {
			const network = description.name;
			const tell = (phase: LoadProgress['phase'], fraction: number) =>
				onProgress?.({ network, phase, fraction, done: prepared.length, total: this.#descriptions.length });
			const times: { seconds?: number } = {};
			const build = async (file: string, stop: AbortSignal) => {
				requireKernels(description.runtime, description.target);
				const start = performance.now();
				await this.#build(description, file, stop, (progress) =>
					progress === 'waiting' ? tell('waiting', 0) : tell('building', progress),
				);
				times.seconds = (performance.now() - start) / 1000;
			};
			const tellCache = (state: EngineProgress) => {
				if (state.phase === 'waiting') tell('waiting', 0);
				// What is read once it is built belongs to the build.
				else if (times.seconds === undefined) tell('reading', state.total === 0 ? 1 : state.done / state.total);
			};
			const file = await this.#cache.engine(description, build, { signal, onProgress: tellCache });
			this.#files.set(network, file);
			const compiled = productRow(description.runtime)?.buildsOnGpu ? '' : compiledFileOf(file);
			prepared.push({ network, precision: description.precision, file, compiled, ...times });
		}
		return prepared;
	}

	/**
	 * Prepares every engine and loads them. Cached engines were built here and are complete, but a library may still refuse one: then it is
	 * built once more.
	 *
	 * @param device - for messages: `cuda:0`
	 * @param load - gets the engines in the form that the core loads
	 * @throws {Arc2FaceError} as `prepare` does; `ENGINE_FAILED` for an engine that is refused again; what `load` throws
	 */
	async load<T>(
		device: string,
		options: PrepareOptions,
		load: (engines: NativeNetworks<NativeEngine>) => Promise<T>,
	): Promise<T> {
		for (const rebuilt = new Set<string>(); ; ) {
			const engines = nativeEngines(await this.prepare(options));
			try {
				return await load(engines);
			} catch (error) {
				const refused = refusedNetwork(error);
				if (refused === undefined) throw error;
				if (rebuilt.has(refused)) {
					throw new Arc2FaceError('ENGINE_FAILED', (error as Error).message, {
						remedy: 'Run `arc2face doctor`; if it finds no fault, please report this message.',
						details: { network: refused, device },
						cause: error,
					});
				}
				rebuilt.add(refused);
				const file = this.#files.get(refused);
				if (file !== undefined) await this.#cache.discard(file);
			}
		}
	}

	async #build(
		{ name, network, files, runtime, target, profiles }: EngineDescription,
		to: string,
		stop: AbortSignal,
		onProgress: (progress: number | 'waiting') => void,
	): Promise<void> {
		const progress = new BuildProgress();
		// Only what is built on its GPU is timed.
		const timings =
			productRow(runtime)?.buildsOnGpu === false ? {} : { timings: this.#cache.timingsFileOf({ runtime, target }) };
		onProgress(0);
		const work = awaitNative(
			(guard) =>
				loadNative().buildEngine({
					...{ library: pathsOf(runtime), name, network, files, profiles, target: this.#target.native, to, ...timings },
					onProgress: guard((report) => onProgress(report.phase === 'waiting' ? 'waiting' : progress.add(report))),
				}),
			stop,
		);
		await work.catch((error: unknown) => {
			if (!(error instanceof Arc2FaceError) || error.code !== 'OUT_OF_MEMORY') throw error;
			throw error.with({
				remedy: ({ option }) =>
					`Ask for fewer and lower ${option('batchSizes')} and ${option('imageSizes')}, or close other programs.`,
			});
		});
	}
}

/** The network whose engine file the library refuses. */
function refusedNetwork(error: unknown): string | undefined {
	const { code, details } = error as { code?: unknown; details?: ErrorDetails };
	return code === 'INVALID_ENGINE' ? details?.network : undefined;
}

/** The engines in the form that the core loads. */
export function nativeEngines(prepared: readonly PreparedEngine[]): NativeNetworks<NativeEngine> {
	const entries = prepared.map(({ network, file, compiled }) => [network, { engine: file, compiled }]);
	return Object.fromEntries(entries);
}
