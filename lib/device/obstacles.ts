// All messages about why a GPU or its libraries can't be used, and what to do about it.
import { capabilityName } from '../engines/capability.ts';
import type { MissingKernels } from '../engines/kernels.ts';
import { libraryNames, type Product, products, productTable } from '../engines/products.ts';
import { type LibraryObstacle, missingProvider, providerVariable } from '../engines/runtimes.ts';
import { type Fault, pythonOrigin, tensorRtVariable } from '../engines/search.ts';
import type { NativeGpu, NativeGpus } from '../native.ts';
import { packageRoot } from '../package.ts';

export type NumberedGpu = Readonly<{ index: number; gpu: NativeGpu }>;

/** Why no GPU can be used. */
export type Obstacle =
	| LibraryObstacle
	/** None was found. */
	| Readonly<{ kind: 'no GPU'; survey: NativeGpus }>
	| Readonly<{ kind: 'no such GPU'; index: number; gpus: readonly NativeGpu[] }>
	/** Our kernels can't run on it. */
	| Readonly<{ kind: 'old GPU' } & NumberedGpu>
	/** `version`: of the libraries that were found, where another version would have some. */
	| Readonly<{ kind: 'no engines'; product: Product; version?: string } & NumberedGpu>
	/** Libraries that run engines, but can't build any for this GPU. */
	| Readonly<{ kind: 'no kernels' } & MissingKernels>
	/** The product can only build on the GPU that it builds for, and another was requested. */
	| Readonly<{ kind: 'builds here only'; product: string; provider: string }>;

/** Each reason and each remedy once, in order of appearance. */
export type Explanation = Readonly<{ reasons: readonly string[]; remedies: readonly string[] }>;

/** @param isNamed - whether the environment names the provider library: then nothing else will do */
export function explain(obstacles: Iterable<Obstacle>, isNamed: boolean): Explanation {
	const all = [...obstacles];
	const own = all.map((obstacle) => remedyOf(obstacle, isNamed)).filter((remedy) => remedy !== undefined);
	// Any of the products would do, so installing one is a single remedy.
	const wanted = isNamed ? [] : products.filter((product) => all.some((one) => wants(one, product)));
	const remedies = new Set([...(wanted.length === 0 ? [] : [installRemedy(wanted)]), ...own]);
	return { reasons: [...new Set(all.map(reasonOf))], remedies: [...remedies] };
}

export function reasonOf(obstacle: Obstacle): string {
	switch (obstacle.kind) {
		case 'no system':
			return `There is no TensorRT for ${process.platform}.`;
		case 'no provider':
			return `This build of the package has no ${obstacle.provider}, so it can't use ${obstacle.product}.`;
		case 'broken':
		case 'no kernels':
			return obstacle.problem;
		case 'unfit':
			return `${obstacle.folder} (${obstacle.origin}) ${describeFault(obstacle.fault)}.`;
		case 'not found':
			return `Found no ${obstacle.libraries.map(({ core }) => core).join(' and no ')} in ${obstacle.folders.join(', ')}.`;
		case 'no GPU':
			return obstacle.survey.obstacle ?? 'There is no NVIDIA GPU.';
		case 'no such GPU':
			return `There is no cuda:${obstacle.index}: the GPUs of this machine are ${namesOf(obstacle.gpus)}.`;
		case 'old GPU':
			return `${describeGpu(obstacle)}, can't run the kernels of this build.`;
		case 'no engines':
			return `${nameOf(obstacle)} has no engines for ${describeGpu(obstacle)}.`;
		case 'builds here only':
			return `${obstacle.product} builds on the GPU that it builds for, and ${obstacle.provider} is for ${obstacle.product}.`;
	}
}

/** Completes "<place> <description>". */
export function describeFault(fault: Fault): string {
	switch (fault.kind) {
		case 'gone':
			return 'does not exist';
		case 'empty':
			return `has ${fault.needed.map((core) => `no ${core}`).join(' and ')} in it, in its lib or in its bin`;
		case 'other version':
			return `has ${fault.found.join(', ')}, but ${fault.needed.join(' or ')} is needed`;
		case 'no parser':
			return `has ${fault.core}, but no ${fault.needed} beside it, which building engines needs`;
	}
}

function nameOf({ product, version }: { product: Product; version?: string }): string {
	return version === undefined ? product : `${productTable[product].name} ${version}`;
}

export function describeGpu({ index, gpu }: NumberedGpu): string {
	return `cuda:${index}, ${gpu.name} with compute capability ${capabilityName(gpu.capability)}`;
}

function namesOf(gpus: readonly NativeGpu[]): string {
	return gpus.map(({ name }, index) => `cuda:${index} (${name})`).join(', ');
}

/** The remedy for one obstacle, except for missing libraries, whose remedy covers all obstacles at once. */
function remedyOf(obstacle: Obstacle, isNamed: boolean): string | undefined {
	switch (obstacle.kind) {
		case 'no system':
			return 'Use the CPU.';
		case 'no GPU':
			return noGpuRemedy(obstacle.survey);
		case 'old GPU':
			return otherGpuRemedy;
		case 'no engines':
			if (products.every((product) => !productTable[product].runsOn(obstacle.gpu.capability))) return otherGpuRemedy;
			return isNamed ? namedProviderRemedy : undefined;
		case 'no kernels':
			return obstacle.remedy;
		case 'no provider':
			return undefined;
		case 'broken':
		case 'unfit':
			if (obstacle.origin === tensorRtVariable) return namedTensorRtRemedy;
			return isNamed ? namedProviderRemedy : undefined;
		case 'not found':
		case 'builds here only':
			return isNamed ? namedProviderRemedy : undefined;
		case 'no such GPU':
			return undefined;
	}
}

function wants(obstacle: Obstacle, product: Product): boolean {
	if (obstacle.kind === 'not found') return obstacle.libraries.some((one) => one.product === product);
	return (obstacle.kind === 'no provider' || obstacle.kind === 'broken') && obstacle.product === product;
}

const otherGpuRemedy = 'Use the CPU, or a GPU of compute capability 7.5 to 12.x.';

/** Builds the package with what this build lacks. */
export const rebuildRemedy =
	`In ${packageRoot}, run \`npm run toolchain\`, which says what it can't get, and then \`npx node-gyp rebuild\`; ` +
	'or install the package with a prebuild that has it.';

const namedProviderRemedy = `Let ${providerVariable} name a provider library of this package's version, or unset it.`;

const releases = products.map((product) => productTable[product].release);
const namedTensorRtRemedy = `Let ${tensorRtVariable} name a folder with ${releases.join(', or with ')}, or unset it.`;

/** Whether there are libraries of NVIDIA's for this system. */
export function isForGpus(): boolean {
	return products.some((product) => libraryNames(product) !== undefined);
}

/** No GPU was found, though one was requested or expected. */
export function noGpuRemedy({ runtime, driver }: Pick<NativeGpus, 'runtime' | 'driver'>): string {
	if (!isForGpus()) return 'Use the CPU.';
	if (runtime === undefined) return rebuildRemedy;
	if (driver === undefined) {
		return "Install NVIDIA's driver; a container has to be started with it and the GPU (`docker run --gpus all`).";
	}
	// A driver runs code built with any minor version of its CUDA.
	if (Number.parseInt(driver, 10) < Number.parseInt(runtime, 10))
		return `Install an NVIDIA driver for CUDA ${runtime} or newer.`;
	return (
		'Run `nvidia-smi`. If it fails as well, restart the machine or install the driver again; ' +
		'if it lists the GPU, see whether CUDA_VISIBLE_DEVICES hides it.'
	);
}

/** One of these products' libraries is needed. */
function installRemedy(wanted: readonly Product[]): string {
	const usable = wanted.filter((product) => missingProvider(product) === undefined);
	if (usable.length === 0) return rebuildRemedy;
	return `Install ${usable.map((product) => productTable[product].release).join('; or ')}.`;
}

/** The libraries in one place are of the wrong version, incomplete or broken; `origin`: what led there. */
export function placeRemedy(product: Product | undefined, origin: string): string {
	if (origin === tensorRtVariable) return namedTensorRtRemedy;
	if (product === undefined) return namedProviderRemedy;
	const { release, reinstall } = productTable[product];
	if (origin === pythonOrigin && reinstall !== undefined) return reinstall;
	return `Install ${release}, there or in a folder that ${tensorRtVariable} names.`;
}
