// Examines the GPUs and the libraries for them.
import { formatBytes } from '../cli/bytes.ts';
import { failureOf } from '../cli/failure.ts';
import { table } from '../cli/table.ts';
import { chooseGpu } from '../device/device.ts';
import { describeFault, isForGpus, noGpuRemedy, placeRemedy, rebuildRemedy } from '../device/obstacles.ts';
import { EngineCache } from '../engines/cache.ts';
import { capabilityName } from '../engines/capability.ts';
import { missingKernels } from '../engines/kernels.ts';
import { checkLogSeverity } from '../engines/log.ts';
import { productOf } from '../engines/products.ts';
import type { EngineRuntimes } from '../engines/runtimes.ts';
import { cacheFolder } from '../files/cache-folder.ts';
import type { NativeGpu, NativeGpus } from '../native.ts';

/** The findings about GPUs and what would run networks on them. */
export interface GpuReport {
	/** The CUDA that the addon was built with, and the newest that the driver supports. */
	cuda: { runtime?: string; driver?: string };
	/** How to get the GPU parts, where this build is without them. */
	parts?: string;
	/** Why there are no GPUs. */
	obstacle?: string;
	found: readonly GpuState[];
	libraries: readonly LibraryState[];
	engines: { folder: string; count: number; bytes: number } | { folder: string; error: Failure };
	/** An invalid environment variable, with which no engine is built or loaded. */
	setting?: Failure;
}

type Failure = { problem: string; remedy: string };

export type GpuState = {
	device: string;
	name: string;
	/** `8.9` */
	capability: string;
	memoryBytes: number;
	/** Whether the kernels of this build run on it. */
	supported: boolean;
	/** What would build and run its engines; undefined when nothing can, and `reasons` say why. */
	uses?: string;
	reasons: readonly string[];
	/** What to do when nothing can. */
	remedy: string;
	/** Why that runs engines, but can't build any. */
	error?: Failure;
};

/** A folder that was searched, or libraries in it that were tried. */
export type LibraryState = {
	product: string;
	origin: string;
	/** The path of the core library, or of the provider library where there is none. */
	path: string;
	version?: string;
	/** Why it can't be used. */
	error?: Failure;
};

/** The findings without the addon, which finds GPUs and tries libraries. */
export async function examineWithoutAddon(): Promise<GpuReport> {
	const obstacle = 'Without the addon, GPUs are not looked for.';
	return { cuda: {}, obstacle, found: [], libraries: [], engines: await examineEngines() };
}

export async function examineGpus(survey: NativeGpus, runtimes: EngineRuntimes): Promise<GpuReport> {
	const { runtime, driver, obstacle, gpus } = survey;
	const found: GpuState[] = [];
	for (const [index, gpu] of gpus.entries()) found.push(await examineGpu(gpu, index, survey, runtimes));
	return {
		cuda: { ...(runtime === undefined ? {} : { runtime }), ...(driver === undefined ? {} : { driver }) },
		...(runtime === undefined && isForGpus() ? { parts: `${rebuildRemedy} See docs/gpu.md.` } : {}),
		...(obstacle === undefined ? {} : { obstacle }),
		found,
		libraries: await examineLibraries(runtimes),
		engines: await examineEngines(),
		...examineSettings(),
	};
}

async function examineGpu(
	{ name, capability, memory, supported }: NativeGpu,
	index: number,
	survey: NativeGpus,
	runtimes: EngineRuntimes,
): Promise<GpuState> {
	const device = `cuda:${index}` as const;
	const choice = await chooseGpu(device, survey, runtimes);
	const state = { device, name, capability: capabilityName(capability), memoryBytes: memory, supported };
	const { reasons } = choice;
	if (!('runtime' in choice)) return { ...state, reasons, remedy: choice.remedies.join(' ') };
	const missing = missingKernels(choice.runtime, capability, runtimes.surroundings);
	return {
		...state,
		uses: `${choice.runtime.product} ${choice.runtime.version}`,
		...{ reasons, remedy: '' },
		...(missing === undefined ? {} : { error: { problem: missing.problem, remedy: missing.remedy } }),
	};
}

async function examineLibraries(runtimes: EngineRuntimes): Promise<LibraryState[]> {
	const trials = (await runtimes.tryAll()).map((trial): LibraryState => {
		const { origin, paths, product } = trial;
		const path = paths.core || paths.provider;
		if ('problem' in trial) {
			const error = { problem: trial.problem, remedy: placeRemedy(product, origin) };
			return { product: product ?? 'any', origin, path, error };
		}
		return { product: productOf(trial.runtime) ?? trial.runtime.product, origin, path, version: trial.runtime.version };
	});
	const tried = new Set(trials.map(({ path }) => path));
	const folders = runtimes.findings
		.filter((finding) => finding.libraries === undefined || !tried.has(finding.libraries.core))
		.map(({ product, origin, folder, libraries, fault }): LibraryState => {
			const place = { product: product ?? 'any', origin, path: libraries?.core ?? folder };
			if (libraries !== undefined) {
				const error = { problem: `this build can't use ${product}.`, remedy: rebuildRemedy };
				return { ...place, error };
			}
			if (fault === undefined) return place;
			const error = { problem: `${describeFault(fault)}.`, remedy: placeRemedy(product, origin) };
			return { ...place, error };
		});
	return [...trials, ...folders];
}

async function examineEngines(): Promise<GpuReport['engines']> {
	const folder = cacheFolder('engines');
	try {
		const { engines } = await new EngineCache().list();
		return { folder, count: engines.length, bytes: engines.reduce((sum, { bytes }) => sum + bytes, 0) };
	} catch (error) {
		return { folder, error: failureOf(error) };
	}
}

function examineSettings(): Pick<GpuReport, 'setting'> {
	try {
		checkLogSeverity();
		return {};
	} catch (error) {
		return { setting: failureOf(error) };
	}
}

/**
 * The obstacles to using GPUs. On a machine without one, its libraries matter only if they are broken.
 *
 * @param isExpected - whether there are traces of a GPU, or of its driver
 */
export function gpuProblems(report: GpuReport, isExpected: boolean): Failure[] {
	const { cuda, obstacle, found, libraries, engines, setting } = report;
	const problems: Failure[] = found
		.filter(({ uses }) => uses === undefined)
		.map(({ device, reasons, remedy }) => ({ problem: `${device} can't be used: ${reasons.join(' ')}`, remedy }));
	for (const { device, error } of found) {
		if (error !== undefined) problems.push({ problem: `${device}: ${error.problem}`, remedy: error.remedy });
	}
	if (isExpected && obstacle !== undefined) problems.push({ problem: obstacle, remedy: noGpuRemedy(cuda) });
	for (const { path, origin, error } of libraries) {
		const problem = `${path} (${origin}): ${error?.problem}`;
		// Libraries of another version are found once for each version that is looked for.
		if (error === undefined || problems.some((one) => one.problem === problem)) continue;
		problems.push({ problem, remedy: error.remedy });
	}
	if ('error' in engines) problems.push(engines.error);
	if (setting !== undefined) problems.push(setting);
	return problems;
}

export function gpuRows({ cuda, parts, obstacle, found, engines }: GpuReport): string[][] {
	const versions = [
		...(cuda.runtime === undefined ? [] : [`${cuda.runtime} in this build`]),
		...(cuda.driver === undefined ? [] : [`${cuda.driver} in the driver`]),
	];
	const size = 'error' in engines ? 'not usable' : `${engines.count} engines, ${formatBytes(engines.bytes)}`;
	return [
		['CUDA', versions.join(', ') || 'none'],
		...(parts === undefined ? [] : [['GPU parts', `not in this build. ${parts}`]]),
		...(found.length === 0 && parts === undefined ? [['GPU', obstacle ?? 'none found']] : []),
		...found.map(({ device, name, capability, memoryBytes, supported, uses }) => [
			device,
			`${name}, compute capability ${capability}, ${formatBytes(memoryBytes)} memory${supported ? '' : ', too old for this build'}: ${uses ?? 'not usable'}`,
		]),
		['engine cache', `${engines.folder}: ${size}`],
	];
}

export function libraryTable(libraries: readonly LibraryState[]): string {
	return table(
		['library', 'looked for in', 'because of', 'found'],
		libraries.map(({ product, path, origin, version, error }) => [
			product,
			path,
			origin,
			version ?? (error === undefined ? 'nothing' : 'not usable'),
		]),
	);
}
