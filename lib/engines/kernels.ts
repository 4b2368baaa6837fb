// The libraries of kernels that TensorRT's builder opens; engines run without them.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { capabilityName } from './capability.ts';
import type { EngineTarget } from './key.ts';
import { libraryNames, productOf } from './products.ts';
import type { EngineRuntime } from './runtimes.ts';
import { loaderFolders, type Surroundings } from './search.ts';

/** Why engines for a GPU can't be built, and what to do. */
export type MissingKernels = Readonly<{ problem: string; remedy: string; file: string }>;

/**
 * Looks by name for the kernels of a GPU, beside the core library and where the loader looks: only the builder opens them, and it ends
 * with an error of its own after it has read the whole network.
 *
 * @returns undefined when they are there, or not needed
 */
export function missingKernels(
	runtime: EngineRuntime,
	capability: number,
	surroundings: Surroundings = {},
): MissingKernels | undefined {
	const { product: name, version, core } = runtime;
	const product = productOf(runtime);
	const files = product && libraryNames(product)?.kernels?.(version, capability);
	const [file] = files ?? [];
	if (files === undefined || file === undefined) return undefined;
	const beside = [dirname(core), ...(existsSync(core) ? [dirname(realpathSync(core))] : [])];
	const folders = [...new Set([...beside, ...loaderFolders(surroundings)])];
	if (folders.some((folder) => files.some((one) => existsSync(join(folder, one))))) return undefined;
	const found = files.length === 1 ? file : `${file} (nor ${files.slice(1).join(', ')})`;
	const what = `${name} ${version} can't build engines for GPUs of compute capability ${capabilityName(capability)}`;
	return {
		problem: `${what}: found no ${found} in ${folders.join(', ')}.`,
		remedy: `Put ${file} beside ${core}: it is in complete packages of this version. See docs/gpu.md.`,
		file,
	};
}

/** @throws {Arc2FaceError} `NO_DEVICE` when the kernels for the GPU to build on are missing */
export function requireKernels(runtime: EngineRuntime, target: EngineTarget): void {
	const missing = 'capability' in target ? missingKernels(runtime, target.capability) : undefined;
	if (missing === undefined) return;
	const { problem, remedy, file } = missing;
	throw new Arc2FaceError('NO_DEVICE', problem, { remedy, details: { file } });
}
