import { capabilityName, hasEnginesFor } from '../engines/capability.ts';
import { type EngineRuntime, EngineRuntimes } from '../engines/runtimes.ts';
import { type Product, products, tensorRtVariable } from '../engines/search.ts';
import { Arc2FaceError } from '../errors.ts';
import { loadNative, type NativeGpu, type NativeGpus } from '../native.ts';
import type { DeviceRequest } from '../options/load.ts';
import { gpuRemedy, installRemedy, namedProviderRemedy, namedTensorRtRemedy, obstacleRemedy } from './gpu-remedies.ts';
import { findOnnxRuntime } from './onnxruntime-library.ts';

/** What runs the networks. `stand-in` is none of NVIDIA's: it tests what is around engines. */
export type ProviderName = 'onnxruntime' | 'tensorrt' | 'tensorrt-rtx' | 'stand-in';

export type DeviceChoice = CpuChoice | GpuChoice;

export type CpuChoice = Readonly<{
	device: 'cpu';
	provider: 'onnxruntime';
	/** Path of the provider's library. */
	library: string;
	/** Sentences that explain the choice, for people. */
	reasons: readonly string[];
}>;

export type GpuChoice = Readonly<{
	device: `cuda:${number}`;
	provider: Exclude<ProviderName, 'onnxruntime'>;
	runtime: EngineRuntime;
	/** The N of `cuda:N`. */
	index: number;
	/** Undefined when a stand-in runs without one. */
	gpu: NativeGpu | undefined;
	/** The newest CUDA that the driver knows. */
	driver: string | undefined;
	reasons: readonly string[];
}>;

/** Why no GPU can be used, and what to do about it: sentences for people. */
export type NoGpu = Readonly<{ reasons: readonly string[]; remedies: readonly string[] }>;

/**
 * Picks device and provider. Libraries for GPUs are only tried where there is a GPU, or where one is named by the environment.
 *
 * @throws {Arc2FaceError} `NO_DEVICE` when what was asked for can't be had, with what was looked for, what was found and what to do
 */
export async function chooseDevice(
	request: DeviceRequest = 'auto',
	{ cacheDir, libraries }: { cacheDir?: string | undefined; libraries?: EngineRuntimes } = {},
): Promise<DeviceChoice> {
	if (request === 'cpu') return chooseCpu(['The CPU was asked for.']);
	const outcome = await chooseGpu(request, loadNative().findGpus(), libraries ?? new EngineRuntimes({ cacheDir }));
	if ('device' in outcome) return outcome;
	if (request === 'auto') return chooseCpu([...outcome.reasons, 'The CPU remains.']);
	const why = [...outcome.reasons, ...outcome.remedies].join(' ');
	throw new Arc2FaceError('NO_DEVICE', `Can't use the device "${request}": ${why}`);
}

function chooseCpu(reasons: readonly string[]): CpuChoice {
	const { library, origin } = findOnnxRuntime();
	const how = `ONNX Runtime ${origin} runs the networks: ${library}`;
	return { device: 'cpu', provider: 'onnxruntime', library, reasons: [...reasons, how] };
}

/**
 * What builds engines for GPUs that need not be here.
 *
 * @throws {Arc2FaceError} `NO_DEVICE`, with what was looked for, what was found and what to do
 */
export async function chooseBuilder(libraries: EngineRuntimes): Promise<EngineRuntime> {
	const named = libraries.named !== undefined;
	const runtime = await libraries.first(named ? undefined : 'TensorRT-RTX');
	if (runtime !== undefined && runtime.product !== 'TensorRT') return runtime;
	const why =
		runtime === undefined
			? await libraries.obstacles(named ? undefined : 'TensorRT-RTX')
			: [`TensorRT builds on the GPU that it builds for, and ${runtime.provider} is for TensorRT.`];
	const remedy = named ? namedProviderRemedy : installRemedy(['TensorRT-RTX']);
	throw new Arc2FaceError('NO_DEVICE', `Can't build engines for GPUs that are not here: ${why.join(' ')} ${remedy}`);
}

/** The first GPU of those asked for that can be used, or why there is none. */
export async function chooseGpu(
	request: Exclude<DeviceRequest, 'cpu'>,
	survey: NativeGpus,
	libraries: EngineRuntimes,
): Promise<GpuChoice | NoGpu> {
	const { gpus, driver, obstacle } = survey;
	const asked = request.startsWith('cuda:') ? Number(request.slice('cuda:'.length)) : undefined;
	let named: EngineRuntime | undefined;
	let offered: readonly Product[] = products;
	if (libraries.named !== undefined) {
		named = await libraries.first();
		if (named === undefined) return { reasons: await libraries.obstacles(), remedies: [namedProviderRemedy] };
		const { product, provider } = named;
		if (!isProduct(product)) {
			const index = asked ?? 0;
			return choice(index, gpus[index], driver, named, [`${provider} stands in for TensorRT.`]);
		}
		offered = [product];
	}
	// Who names a place does not expect it to be passed over.
	const passedOver = libraries.unusable(offered, tensorRtVariable);
	if (gpus.length === 0) {
		const remedies = [obstacleRemedy(survey)];
		if (passedOver.length > 0) remedies.push(namedTensorRtRemedy);
		return { reasons: [obstacle ?? 'There is no NVIDIA GPU.', ...passedOver], remedies };
	}
	if (asked !== undefined && asked >= gpus.length) {
		return { reasons: [`There is no cuda:${asked}: the GPUs of this machine are ${namesOf(gpus)}.`], remedies: [] };
	}

	const reasons = new Set<string>();
	const remedies = new Set<string>();
	for (const [index, gpu] of gpus.entries()) {
		if (asked !== undefined && asked !== index) continue;
		const name = `cuda:${index}, ${gpu.name} with compute capability ${capabilityName(gpu.capability)}`;
		remedies.add(gpuRemedy(gpu, named !== undefined));
		if (!gpu.supported) {
			reasons.add(`${name}, can't run the kernels of this build.`);
			continue;
		}
		for (const product of offered) {
			if (!hasEnginesFor(product, gpu.capability)) {
				reasons.add(`${product} has no engines for ${name}.`);
				continue;
			}
			const runtime = named ?? (await libraries.first(product));
			if (runtime !== undefined) {
				const why = new Set([`${name}, can be used.`, ...reasons, ...(await libraries.passedOver(product))]);
				return choice(index, gpu, driver, runtime, [...why]);
			}
			for (const sentence of await libraries.obstacles(product)) reasons.add(sentence);
		}
	}
	if (passedOver.some((sentence) => reasons.has(sentence))) remedies.add(namedTensorRtRemedy);
	return { reasons: [...reasons], remedies: [...remedies] };
}

function choice(
	index: number,
	gpu: NativeGpu | undefined,
	driver: string | undefined,
	runtime: EngineRuntime,
	reasons: readonly string[],
): GpuChoice {
	const { product, version, core, provider } = runtime;
	const preferred =
		product === 'TensorRT' ? ' It goes before TensorRT-RTX, because it times its choices on the GPU itself.' : '';
	return {
		device: `cuda:${index}`,
		provider: product.toLowerCase() as GpuChoice['provider'],
		...{ runtime, index, gpu, driver },
		reasons: [...reasons, `${product} ${version} builds and runs the engines: ${core || provider}.${preferred}`],
	};
}

/** Not so a library that stands in for NVIDIA's. */
function isProduct(product: string): product is Product {
	return products.some((one) => one === product);
}

function namesOf(gpus: readonly NativeGpu[]): string {
	return gpus.map(({ name }, index) => `cuda:${index} (${name})`).join(', ');
}
