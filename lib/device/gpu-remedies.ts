import { hasEnginesFor } from '../engines/capability.ts';
import { missingProvider, providerVariable } from '../engines/runtimes.ts';
import { coreNameOf, type Product, products, pythonOrigin, tensorRtVariable } from '../engines/search.ts';
import type { NativeGpu, NativeGpus } from '../native.ts';
import { packageRoot } from '../package.ts';

// What to do about a GPU that can't be used: sentences for people.

/** The versions that this package's provider libraries are compiled for. */
const releases: Readonly<Record<Product, string>> = {
	TensorRT: 'TensorRT 11.1 or a newer 11, with its ONNX parser',
	'TensorRT-RTX': 'TensorRT-RTX 1.6 (`pip install tensorrt-rtx==1.6.1.120`)',
};

/** Builds with what this build of the package was made without. */
export const rebuildRemedy =
	`In ${packageRoot}, run \`npm run toolchain\`, which says what it can't get, and then \`npx node-gyp rebuild\`; ` +
	'or install the package with a prebuild that has it.';

export const namedProviderRemedy = `Let ${providerVariable} name a provider library of this package's version, or unset it.`;

export const namedTensorRtRemedy = `Let ${tensorRtVariable} name a folder with ${Object.values(releases).join(', or with ')}, or unset it.`;

/** No GPU is found, where one was asked for or is expected. */
export function obstacleRemedy({ runtime, driver }: Pick<NativeGpus, 'runtime' | 'driver'>): string {
	if (products.every((product) => coreNameOf(product) === undefined)) return 'Use the CPU.';
	if (runtime === undefined) return rebuildRemedy;
	if (driver === undefined) {
		return "Install NVIDIA's driver; a container has to be started with it and the GPU (`docker run --gpus all`).";
	}
	// A driver runs what was built with any minor version of its CUDA.
	if (Number.parseInt(driver, 10) < Number.parseInt(runtime, 10))
		return `Install an NVIDIA driver for CUDA ${runtime} or newer.`;
	return (
		'Run `nvidia-smi`. If it fails as well, restart the machine or install the driver again; ' +
		'if it lists the GPU, see whether CUDA_VISIBLE_DEVICES hides it.'
	);
}

/** A GPU that is there, and that nothing builds engines for. `isNamed`: by the provider library that the environment names alone. */
export function gpuRemedy(
	{ capability, supported }: Pick<NativeGpu, 'capability' | 'supported'>,
	isNamed: boolean,
): string {
	const fitting = products.filter((product) => hasEnginesFor(product, capability));
	if (!supported || fitting.length === 0) return 'Use the CPU, or a GPU of compute capability 7.5 to 12.x.';
	if (isNamed) return namedProviderRemedy;
	return installRemedy(fitting);
}

/** Libraries of one of these products are needed. */
export function installRemedy(wanted: readonly Product[]): string {
	const usable = wanted.filter((product) => missingProvider(product) === undefined);
	if (usable.length === 0) return rebuildRemedy;
	return `Install ${usable.map((product) => releases[product]).join('; or ')}.`;
}

/** NVIDIA's libraries of the wrong version, incomplete or broken; `origin`: what led to them. */
export function libraryRemedy(product: Product, origin: string): string {
	if (origin === tensorRtVariable) return namedTensorRtRemedy;
	if (origin === pythonOrigin && product === 'TensorRT-RTX') {
		return 'Run `pip install --force-reinstall tensorrt-rtx==1.6.1.120`.';
	}
	return `Install ${releases[product]}, there or in a folder that ${tensorRtVariable} names.`;
}
