// Picks the device that runs the networks, and its runtime.
import { missingKernels } from '../engines/kernels.ts';
import { type Product, productOf, productRow, products, productTable } from '../engines/products.ts';
import { type EngineRuntime, EngineRuntimes } from '../engines/runtimes.ts';
import { tensorRtVariable } from '../engines/search.ts';
import { Arc2FaceError, type ErrorDetails } from '../errors.ts';
import { loadNative, type NativeGpu, type NativeGpus } from '../native.ts';
import type { DeviceRequest } from '../options/load.ts';
import { describeGpu, type Explanation, explain, type NumberedGpu, type Obstacle } from './obstacles.ts';
import { findOnnxRuntime } from './onnxruntime-library.ts';

/** What runs the networks. `stand-in` is not NVIDIA's: it tests the code around engines. */
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

/**
 * Picks device and provider. Libraries for GPUs are only tried if there is a GPU or the environment names one.
 *
 * @throws {Arc2FaceError} `NO_DEVICE` when the requested device is unavailable, with what was looked for, what was found and what to do
 */
export async function chooseDevice(
	request: DeviceRequest = 'auto',
	{ cacheDir, runtimes }: { cacheDir?: string | undefined; runtimes?: EngineRuntimes } = {},
): Promise<DeviceChoice> {
	if (request === 'cpu') return chooseCpu(['The CPU was asked for.']);
	const outcome = await chooseGpu(request, loadNative().findGpus(), runtimes ?? new EngineRuntimes({ cacheDir }));
	if ('device' in outcome) return outcome;
	if (request === 'auto') return chooseCpu([...outcome.reasons, 'The CPU remains.']);
	throw noDevice(`Can't use the device "${request}"`, outcome, { device: request });
}

function noDevice(what: string, { reasons, remedies }: Explanation, details: ErrorDetails<'NO_DEVICE'> = {}) {
	const remedy = [...remedies, 'Run `arc2face doctor` to see what was looked for and what was found.'].join(' ');
	return new Arc2FaceError('NO_DEVICE', `${what}: ${reasons.join(' ')}`, { remedy, details });
}

function chooseCpu(reasons: readonly string[]): CpuChoice {
	const { library, origin } = findOnnxRuntime();
	const how = `ONNX Runtime ${origin} runs the networks: ${library}`;
	return { device: 'cpu', provider: 'onnxruntime', library, reasons: [...reasons, how] };
}

/**
 * What builds engines for GPUs, present or not.
 *
 * @throws {Arc2FaceError} `NO_DEVICE`, with what was looked for, what was found and what to do
 */
export async function chooseBuilder(runtimes: EngineRuntimes): Promise<EngineRuntime> {
	const isNamed = runtimes.named !== undefined;
	const candidates = isNamed ? [undefined] : products.filter((product) => !productTable[product].buildsOnGpu);
	const obstacles: Obstacle[] = [];
	for (const product of candidates) {
		const runtime = await runtimes.first(product);
		if (runtime === undefined) obstacles.push(...(await runtimes.obstacles(product)));
		else if (productRow(runtime)?.buildsOnGpu) obstacles.push({ kind: 'builds here only', ...runtime });
		else return runtime;
	}
	throw noDevice("Can't build engines for GPUs that are not here", explain(obstacles, isNamed));
}

/**
 * The first usable GPU of those requested, or why there is none. Libraries that can build its engines go before those that only run what was
 * built before.
 */
export async function chooseGpu(
	request: Exclude<DeviceRequest, 'cpu'>,
	survey: NativeGpus,
	runtimes: EngineRuntimes,
): Promise<GpuChoice | Explanation> {
	const { gpus, driver } = survey;
	const asked = request.startsWith('cuda:') ? Number(request.slice('cuda:'.length)) : undefined;
	const isNamed = runtimes.named !== undefined;
	const named = isNamed ? await runtimes.first() : undefined;
	let offered: readonly Product[] = products;
	if (isNamed) {
		if (named === undefined) return explain(await runtimes.obstacles(), isNamed);
		const product = productOf(named);
		if (product === undefined) {
			const index = asked ?? 0;
			return choice(index, gpus[index], driver, named, [`${named.provider} stands in for TensorRT.`]);
		}
		offered = [product];
	}
	if (gpus.length === 0) {
		// A place that the user names must not be silently skipped.
		const passedOver = runtimes.unusable(offered, tensorRtVariable);
		return explain([{ kind: 'no GPU', survey }, ...passedOver], isNamed);
	}
	if (asked !== undefined && asked >= gpus.length)
		return explain([{ kind: 'no such GPU', index: asked, gpus }], isNamed);

	const obstacles: Obstacle[] = [];
	for (const [index, gpu] of gpus.entries()) {
		if (asked !== undefined && asked !== index) continue;
		if (!gpu.supported) {
			obstacles.push({ kind: 'old GPU', index, gpu });
			continue;
		}
		const found = await chooseRuntime({ index, gpu }, { named, offered, runtimes }, obstacles);
		if (found === undefined) continue;
		const { reasons } = explain([...obstacles, ...(await runtimes.passedOver(found.product))], isNamed);
		const does = found.canBuild ? undefined : 'runs the engines that were built before';
		return choice(
			index,
			gpu,
			driver,
			found.runtime,
			[`${describeGpu({ index, gpu })}, can be used.`, ...reasons],
			does,
		);
	}
	return explain(obstacles, isNamed);
}

type FoundRuntime = { product: Product; runtime: EngineRuntime; canBuild: boolean };

/**
 * Libraries for a GPU: preferably such as can build its engines.
 *
 * @param obstacles - to which those are added that others have
 */
async function chooseRuntime(
	{ index, gpu }: NumberedGpu,
	from: { named: EngineRuntime | undefined; offered: readonly Product[]; runtimes: EngineRuntimes },
	obstacles: Obstacle[],
): Promise<FoundRuntime | undefined> {
	const { named, offered, runtimes } = from;
	let runsOnly: FoundRuntime | undefined;
	for (const product of offered) {
		if (!productTable[product].runsOn(gpu.capability)) {
			obstacles.push({ kind: 'no engines', product, index, gpu });
			continue;
		}
		let works = false;
		for await (const runtime of named === undefined ? runtimes.working(product) : [named]) {
			works = true;
			const missing = missingKernels(runtime, gpu.capability, runtimes.surroundings);
			if (!productTable[product].runsOn(gpu.capability, runtime.version)) {
				obstacles.push({ kind: 'no engines', product, version: runtime.version, index, gpu });
			} else if (missing !== undefined) {
				obstacles.push({ kind: 'no kernels', ...missing });
				runsOnly ??= { product, runtime, canBuild: false };
			} else {
				return { product, runtime, canBuild: true };
			}
		}
		if (!works) obstacles.push(...(await runtimes.obstacles(product)));
	}
	return runsOnly;
}

function choice(
	index: number,
	gpu: NativeGpu | undefined,
	driver: string | undefined,
	runtime: EngineRuntime,
	reasons: readonly string[],
	does = 'builds and runs the engines',
): GpuChoice {
	const { product, version, core, provider } = runtime;
	const how = `${product} ${version} ${does}: ${core || provider}.`;
	const why = productRow(runtime)?.preference;
	return {
		device: `cuda:${index}`,
		provider: product.toLowerCase() as GpuChoice['provider'],
		...{ runtime, index, gpu, driver },
		reasons: [...reasons, why === undefined ? how : `${how} ${why}`],
	};
}
