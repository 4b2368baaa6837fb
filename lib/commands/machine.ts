import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { chooseDevice } from '../device.ts';
import { loadNative } from '../native.ts';
import { packageRoot } from '../package-root.ts';
import { packageVersion } from '../package-version.ts';
import { failureOf } from './failure.ts';

/** What `doctor` finds out. A fact that could not be had says why in `error`, instead of failing the whole examination. */
export interface Machine {
	system: { platform: string; release: string; arch: string; cpu: string; threads: number; memoryBytes: number };
	node: string;
	package: { version: string; folder: string };
	addon: { path: string } | { error: string };
	sharp: { version: string } | { error: string };
	device: Device | { error: string };
	gpu: NvidiaDriver;
}

/** What would run the networks; `version` is what the opened library says of itself, after a self-test. */
export type Device = {
	device: string;
	provider: string;
	library: string;
	reasons: readonly string[];
	version?: string;
	error?: string;
};

/** Traces of NVIDIA's driver; nothing is opened or run. */
export interface NvidiaDriver {
	/** Kernel driver's own words. */
	kernel?: string;
	/** CUDA's driver library. */
	library?: string;
	/** The tool that comes with the driver. */
	tool?: string;
}

export function examineMachine(): Machine {
	const addon = findAddon();
	return {
		system: {
			platform: platform(),
			release: release(),
			arch: arch(),
			cpu: cpus()[0]?.model.trim() ?? 'unknown',
			threads: availableParallelism(),
			memoryBytes: totalmem(),
		},
		node: process.versions.node,
		package: { version: packageVersion(), folder: packageRoot },
		addon,
		sharp: findSharp(),
		device: findDevice(addon),
		gpu: findNvidiaDriver(),
	};
}

function findAddon(): Machine['addon'] {
	try {
		const finder = createRequire(import.meta.url)('node-gyp-build') as { resolve(folder: string): string };
		const path = finder.resolve(packageRoot);
		loadNative();
		return { path };
	} catch (error) {
		return { error: failureOf(error).problem };
	}
}

function findSharp(): Machine['sharp'] {
	try {
		const sharp = createRequire(import.meta.url)('sharp') as { versions: { sharp: string } };
		return { version: sharp.versions.sharp };
	} catch (error) {
		return { error: failureOf(error).problem };
	}
}

function findDevice(addon: Machine['addon']): Machine['device'] {
	try {
		const { device, provider, library, reasons } = chooseDevice('auto');
		const choice = { device, provider, library, reasons };
		if ('error' in addon) return choice;
		try {
			return { ...choice, version: loadNative().probeOnnxRuntime(library).version };
		} catch (error) {
			return { ...choice, error: failureOf(error).problem };
		}
	} catch (error) {
		return { error: failureOf(error).problem };
	}
}

/** @param root - where the file system begins; another one in tests */
export function findNvidiaDriver(env: NodeJS.ProcessEnv = process.env, root = '/'): NvidiaDriver {
	const found = (folders: readonly string[], name: string) =>
		folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
	const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
	if (process.platform === 'win32') {
		const system = join(env.SystemRoot ?? 'C:\\Windows', 'System32');
		return driver(undefined, found([system], 'nvcuda.dll'), found([system, ...path], 'nvidia-smi.exe'));
	}
	const folders = [
		...(env.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== ''),
		...['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib64', 'usr/lib', 'usr/lib/wsl/lib'].map(
			(folder) => join(root, folder),
		),
	];
	const version = join(root, 'proc/driver/nvidia/version');
	const kernel = existsSync(version) ? readFileSync(version, 'utf8').split('\n')[0] : undefined;
	return driver(kernel, found(folders, 'libcuda.so.1'), found(path, 'nvidia-smi'));
}

function driver(kernel: string | undefined, library: string | undefined, tool: string | undefined): NvidiaDriver {
	return { ...(kernel ? { kernel } : {}), ...(library ? { library } : {}), ...(tool ? { tool } : {}) };
}
