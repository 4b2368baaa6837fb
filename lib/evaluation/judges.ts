// The networks that judge images, loaded without a model that paints: FID's features of an image, and LPIPS of two.
import { resolve } from 'node:path';
import { blamed } from '../bundle/blame.ts';
import { withPull } from '../bundle/bundle.ts';
import { fileDigests } from '../bundle/digests.ts';
import {
	type JudgeName,
	judgeNames,
	judgeNetworks,
	judgeRemedy,
	missingJudgePaths,
	type OpenedJudges,
	readJudges,
} from '../bundle/judges.ts';
import { abandonable, awaitNative } from '../call.ts';
import { chooseDevice, type GpuChoice } from '../device/device.ts';
import { onnxRuntimeRemedy } from '../device/onnxruntime-library.ts';
import { checkLogSeverity } from '../engines/log.ts';
import { ModelEngines, type PrepareOptions, targetOf } from '../engines/prepare.ts';
import { judgeProfiles } from '../engines/profiles.ts';
import { pathsOf } from '../engines/runtimes.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Size } from '../geometry.ts';
import { loadNative, type NativeCall, type NativeJudges, type NativeJudgesRequest } from '../native.ts';
import type { DeviceRequest } from '../options/load.ts';
import type { Pixels } from '../photo.ts';

/** Calls may overlap; each rejects with the reason of its `signal` when that aborts. */
export interface Judges extends AsyncDisposable {
	/** Which of the networks are there. */
	readonly has: Readonly<Record<JudgeName, boolean>>;
	/** Path and SHA-256 of each weight file, for reports. */
	readonly files: readonly Readonly<{ file: string; sha256: string }>[];
	/**
	 * The 2048 numbers that FID, KID, precision and recall take of an image, of any size: it is stretched to 299 × 299.
	 *
	 * @throws {Arc2FaceError} `INVALID_BUNDLE` when the network is not there; `INVALID_ARGUMENT` for a size that no engine was built for;
	 *   `INVALID_WEIGHTS`, `ENGINE_FAILED`, `OUT_OF_MEMORY`, `DISPOSED`
	 */
	inceptionFeatures(image: Pixels, signal?: AbortSignal): Promise<Float32Array>;
	/**
	 * How different two images look, by LPIPS 0.1 on AlexNet: 0 for equal ones. Both have one size, at least 31 pixels a side.
	 *
	 * @throws {Arc2FaceError} as `inceptionFeatures` does; `INVALID_IMAGE` for images of other sizes
	 */
	lpipsDistance(a: Pixels, b: Pixels, signal?: AbortSignal): Promise<number>;
	/** Frees everything; pending calls reject with `DISPOSED`. May be called any number of times. */
	dispose(): Promise<void>;
}

export interface JudgeOptions extends PrepareOptions {
	/** The bundle's folder; the files are in `evaluation` below it. */
	folder: string;
	/** Where the networks run (default `"auto"`); they always compute in fp32. */
	device?: DeviceRequest | undefined;
	/** Threads of the CPU (default: one per core). */
	threads?: number | undefined;
	/** On a GPU: the sizes of images that engines are built for, and no others run (default 512 × 512). */
	imageSizes?: readonly Size[] | undefined;
	/** Of engines and digests, as for `load`. */
	cacheDir?: string | undefined;
}

/**
 * Loads those of the networks whose files are there: none is no error.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming file and tensor; `NO_DEVICE`; `OUT_OF_MEMORY`; `ENGINE_FAILED`; `FILE_FAILED`
 */
export async function openJudges(options: JudgeOptions): Promise<Judges> {
	const { signal } = options;
	signal?.throwIfAborted();
	const opening = open({ ...options, folder: resolve(options.folder) });
	return await abandonable(opening, signal, (late) => void late.dispose());
}

async function open({ folder, device = 'auto', ...options }: JudgeOptions): Promise<Judges> {
	const { threads = 0, cacheDir, signal } = options;
	const missing: Partial<Record<JudgeName, string | undefined>> = {};
	for (const name of judgeNames) [missing[name]] = await missingJudgePaths(folder, name);
	const names = judgeNames.filter((name) => missing[name] === undefined);
	if (names.length === 0) return new OpenJudges({ folder, missing, files: [] });

	const choice = await chooseDevice(device, { cacheDir });
	const opened = await readJudges(folder, names, choice.device === 'cpu' ? 'onnxruntime' : 'standard');
	const digests = await fileDigests(cacheDir);
	const files = [];
	for (const file of opened.files) files.push({ file, sha256: await digests.sha256(file, { signal }) });
	const found = { folder, missing, files, opened };
	if (choice.device !== 'cpu') {
		const { imageSizes = usualSizes } = options;
		const native = await loadOnGpu(opened, choice, imageSizes, options);
		return new OpenJudges({ ...found, native, imageSizes });
	}
	const runtime = { onnxruntime: choice.library, threads };
	return new OpenJudges({ ...found, native: await load(opened, { runtime, ...opened }, signal) });
}

const usualSizes: readonly Size[] = [{ width: 512, height: 512 }];

async function loadOnGpu(
	opened: OpenedJudges,
	choice: GpuChoice,
	imageSizes: readonly Size[],
	{ cacheDir, ...options }: PrepareOptions & Pick<JudgeOptions, 'cacheDir'>,
): Promise<NativeJudges> {
	checkLogSeverity();
	const { runtime, index } = choice;
	const target = targetOf(choice);
	const descriptions = judgeNames.flatMap((name) => {
		const { networks, declarations, files } = opened;
		const [network, declared] = [networks[name], declarations[name]];
		if (network === undefined || declared === undefined) return [];
		const profiles = judgeProfiles(declared, imageSizes);
		return { name, network, files, runtime, target: target.cached, precision: 'fp32', ...profiles };
	});
	const engines = new ModelEngines(cacheDir, target, descriptions);
	return await engines.load(choice.device, options, (networks) =>
		load(opened, { runtime: { engines: pathsOf(runtime), gpu: index }, files: [], networks }, options.signal),
	);
}

async function load(
	opened: OpenedJudges,
	{ runtime, files, networks }: NativeJudgesRequest,
	signal: AbortSignal | undefined,
): Promise<NativeJudges> {
	return await awaitNative(() => loadNative().load({ runtime, files, networks }), signal, {
		discard: (late) => void late.dispose(),
		explain: (error) => {
			const noLibrary = error instanceof Arc2FaceError && error.code === 'NO_DEVICE' && 'onnxruntime' in runtime;
			return noLibrary ? error.with({ remedy: onnxRuntimeRemedy() }) : blamed(error, opened, 'load');
		},
	});
}

type Found = Readonly<{
	folder: string;
	/** A file of each network that is not there. */
	missing: Partial<Record<JudgeName, string | undefined>>;
	files: Judges['files'];
	opened?: OpenedJudges;
	/** Undefined: none of them is there. */
	native?: NativeJudges;
	/** Those that run; undefined: any. */
	imageSizes?: readonly Size[];
}>;

class OpenJudges implements Judges {
	readonly has: Judges['has'];
	readonly files: Judges['files'];
	readonly #found: Found;
	#disposal: Promise<void> | undefined;

	constructor(found: Found) {
		const { missing, files } = found;
		this.has = { inception: missing.inception === undefined, lpips: missing.lpips === undefined };
		this.files = files;
		this.#found = found;
	}

	async inceptionFeatures(image: Pixels, signal?: AbortSignal): Promise<Float32Array> {
		return await this.#run('inception', [image], (native) => native.features(image), signal);
	}

	async lpipsDistance(a: Pixels, b: Pixels, signal?: AbortSignal): Promise<number> {
		return await this.#run('lpips', [a, b], (native) => native.distance(a, b), signal);
	}

	dispose(): Promise<void> {
		this.#disposal ??= this.#found.native?.dispose() ?? Promise.resolve();
		return this.#disposal;
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.dispose();
	}

	async #run<T>(
		name: JudgeName,
		images: readonly Pixels[],
		start: (native: NativeJudges) => NativeCall<T>,
		signal: AbortSignal | undefined,
	): Promise<T> {
		const { native, opened, imageSizes } = this.#found;
		if (this.#disposal !== undefined) throw disposed();
		if (!this.has[name] || native === undefined || opened === undefined) throw this.#absent(name);
		for (const image of images) requireSize(image, imageSizes);
		return await awaitNative(() => start(native), signal, {
			explain: (error) =>
				error instanceof Arc2FaceError && error.code === 'DISPOSED' ? disposed() : blamed(error, opened, 'run'),
		});
	}

	#absent(name: JudgeName): Arc2FaceError {
		const { folder, missing } = this.#found;
		const file = missing[name]!;
		const problem = `Can't judge images: there is no ${file}, of ${judgeNetworks[name].label}.`;
		const error = new Arc2FaceError('INVALID_BUNDLE', problem, {
			remedy: judgeRemedy,
			details: { file, network: name },
		});
		return withPull(error, folder) as Arc2FaceError;
	}
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for an image that no engine was built for */
function requireSize({ name, width, height }: Pixels, sizes: readonly Size[] | undefined): void {
	if (sizes?.some((size) => size.width === width && size.height === height) ?? true) return;
	const list = sizes!.map((size) => `${size.width} × ${size.height}`).join(' or ');
	const problem = `Expected ${list} pixels for ${name} but it has ${width} × ${height}.`;
	throw new Arc2FaceError('INVALID_ARGUMENT', problem, {
		remedy: 'Open the networks with this size in `imageSizes`, or on the CPU.',
		details: { option: 'imageSizes' },
	});
}

function disposed(): Arc2FaceError {
	return new Arc2FaceError('DISPOSED', 'The networks that judge images were disposed.', {
		remedy: 'Open them again with `openJudges()`.',
	});
}
