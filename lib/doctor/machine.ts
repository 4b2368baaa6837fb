// Examines the machine.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { failureOf } from '../cli/failure.ts';
import { chooseDevice } from '../device/device.ts';
import { findOnnxRuntime, onnxRuntimeRemedy } from '../device/onnxruntime-library.ts';
import { EngineRuntimes } from '../engines/runtimes.ts';
import { addonFile, loadNative } from '../native.ts';
import { packageRoot, packageVersion } from '../package.ts';
import { examineGpus, examineWithoutAddon, type GpuReport } from './gpus.ts';

/** The findings. A fact that could not be found says why in `error`, instead of failing the whole examination. */
export interface Machine {
	system: { platform: string; release: string; arch: string; cpu: string; threads: number; memoryBytes: number };
	node: string;
	package: { version: string; folder: string };
	addon: { path: string } | Failure;
	sharp: { version: string } | Failure;
	device: Device | Failure;
	driver: NvidiaDriver;
	gpus: GpuReport;
}

/** Why something could not be found, and what to do about it. */
type Failure = { error: string; remedy: string };

/** What would run the networks; `version` is the opened library's own, after a self-test. */
export type Device = {
	device: string;
	provider: string;
	library: string;
	reasons: readonly string[];
	version?: string;
	error?: string;
	/** What to do about the error. */
	remedy?: string;
};

/** Traces of NVIDIA's driver, and of a GPU for it; nothing is opened or run. */
export interface NvidiaDriver {
	/** Address of a GPU on the PCI bus; known on Linux, even without a driver. */
	gpu?: string;
	/** Kernel driver's own words. */
	kernel?: string;
	/** CUDA's driver library. */
	library?: string;
	/** The tool that comes with the driver. */
	tool?: string;
}

export async function examineMachine(): Promise<Machine> {
	const addon = findAddon();
	// This package's own runtimes are beside the addon.
	const runtimes = 'path' in addon ? new EngineRuntimes() : undefined;
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
		device: await findDevice(runtimes),
		driver: findNvidiaDriver(),
		gpus: runtimes === undefined ? await examineWithoutAddon() : await examineGpus(loadNative().findGpus(), runtimes),
	};
}

function findAddon(): Machine['addon'] {
	try {
		loadNative();
		return { path: addonFile() };
	} catch (error) {
		return told(error);
	}
}

function findSharp(): Machine['sharp'] {
	try {
		const sharp = createRequire(import.meta.url)('sharp') as { versions: { sharp: string } };
		return { version: sharp.versions.sharp };
	} catch (error) {
		return { error: failureOf(error).problem, remedy: 'Run `npm install --include=optional sharp`.' };
	}
}

async function findDevice(runtimes: EngineRuntimes | undefined): Promise<Machine['device']> {
	try {
		if (runtimes === undefined) {
			const { library, origin } = findOnnxRuntime();
			return { device: 'cpu', provider: 'onnxruntime', library, reasons: [`ONNX Runtime ${origin}: ${library}`] };
		}
		const choice = await chooseDevice('auto', { runtimes });
		const { device, provider, reasons } = choice;
		if (choice.device !== 'cpu') {
			const { core, version, provider: own } = choice.runtime;
			return { device, provider, library: core || own, reasons, version };
		}
		const found = { device, provider, library: choice.library, reasons };
		try {
			return { ...found, version: loadNative().probeOnnxRuntime(choice.library).version };
		} catch (error) {
			return { ...found, error: failureOf(error).problem, remedy: onnxRuntimeRemedy() };
		}
	} catch (error) {
		return told(error);
	}
}

function told(error: unknown): Failure {
	const { problem, remedy } = failureOf(error);
	return { error: problem, remedy };
}

/** @param root - the root of the file system; another one in tests */
export function findNvidiaDriver(env: NodeJS.ProcessEnv = process.env, root = '/'): NvidiaDriver {
	const found = (folders: readonly string[], name: string) =>
		folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
	const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
	if (process.platform === 'win32') {
		const system = join(env.SystemRoot ?? 'C:\\Windows', 'System32');
		return traces({ library: found([system], 'nvcuda.dll'), tool: found([system, ...path], 'nvidia-smi.exe') });
	}
	const folders = [
		...(env.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== ''),
		...['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib64', 'usr/lib', 'usr/lib/wsl/lib'].map(
			(folder) => join(root, folder),
		),
	];
	const version = join(root, 'proc/driver/nvidia/version');
	const kernel = existsSync(version) ? readFileSync(version, 'utf8').split('\n')[0] : undefined;
	const gpu = findPciGpu(join(root, 'sys/bus/pci/devices'));
	return traces({ gpu, kernel, library: found(folders, 'libcuda.so.1'), tool: found(path, 'nvidia-smi') });
}

/** @returns its address, such as `0000:01:00.0` */
function findPciGpu(devices: string): string | undefined {
	try {
		return readdirSync(devices)
			.sort()
			.find((address) => {
				const read = (name: string) => readFileSync(join(devices, address, name), 'utf8').trim();
				// NVIDIA's vendor number, and the class of display controllers: https://pci-ids.ucw.cz
				return read('vendor') === '0x10de' && read('class').startsWith('0x03');
			});
	} catch {
		return undefined; // missing or unreadable folder
	}
}

function traces(found: { [Trace in keyof NvidiaDriver]: string | undefined }): NvidiaDriver {
	return Object.fromEntries(Object.entries(found).filter(([, trace]) => trace));
}
