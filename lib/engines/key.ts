import { sha256 } from '../files/digests.ts';
import type { Size } from '../geometry.ts';
import type { NativeNetwork } from '../native.ts';
import { packageVersion } from '../package.ts';
import { capabilityName } from './capability.ts';
import type { EngineRuntime } from './runtimes.ts';

/** Shapes that engines are built for: an engine runs these and no others. */
export type EngineShapes = Readonly<{
	/** Rows of the UNet's batches. */
	batchSizes: readonly number[];
	/** In pixels. */
	imageSizes: readonly Size[];
	/** Side of the detector's square, in pixels. */
	detectionSize: number;
}>;

/** An engine to be had: all that decides what it computes, and where it runs. */
export type EngineDescription = Readonly<{
	/** What people call the network: `unet`. */
	name: string;
	network: NativeNetwork;
	/** Absolute paths, to which `network` refers by index. */
	files: readonly string[];
	/** What builds and runs it. NVIDIA's core library counts by its version, the provider and the parser by their bytes. */
	runtime: EngineRuntime;
	target: EngineTarget;
	/** Arithmetic of the network: `fp16`. */
	precision: string;
	/** Combinations of input shapes, by input name. Their order counts: contexts are made by index. The builder is told nothing else. */
	profiles: readonly Readonly<Record<string, readonly number[]>>[];
	/** What the profiles stand for, for people: of the shapes of a model, those that this network has to do with. */
	shapes: Partial<EngineShapes>;
}>;

/**
 * TensorRT builds for the GPU at hand, TensorRT-RTX for any GPU of some compute capabilities (89 stands for 8.9). `driver`: the newest
 * CUDA that the driver knows, which goes up with every branch of drivers.
 */
export type EngineTarget =
	| Readonly<{ gpu: string; capability: number; multiprocessors: number; driver: string }>
	| Readonly<{ capabilities: readonly number[] }>;

/** The same without data: hashes stand for bytes, and every object has its fields in one order. */
export type EngineFingerprint = Readonly<{
	schema: number;
	package: string;
	system: string;
	network: string;
	product: string;
	version: string;
	provider: string;
	parser: string | null;
	target: EngineTarget;
	precision: string;
	graph: string;
	weights: string;
	profiles: EngineDescription['profiles'];
}>;

/** Goes up when a fingerprint says too little about engines that are out there. */
const schema = 1;

/** @param digest - SHA-256 of the file at an absolute path */
export async function fingerprintOf(
	{ name, network, files, runtime, target, precision, profiles }: EngineDescription,
	digest: (file: string) => Promise<string>,
): Promise<EngineFingerprint> {
	return {
		schema,
		package: packageVersion(),
		system: `${process.platform}-${process.arch}`,
		network: name,
		product: runtime.product,
		version: runtime.version,
		provider: await digest(runtime.provider),
		parser: runtime.parser === undefined ? null : await digest(runtime.parser),
		target: ordered(target),
		precision,
		graph: 'file' in network ? await digest(files[network.file]!) : sha256(network.graph),
		weights: 'file' in network ? sha256('') : await weightsDigest(network.weights, files, digest),
		profiles: profiles.map(byName),
	};
}

/** The name of the engine in the cache; the same for a fingerprint that was written as JSON and read again. */
export function keyOf(fingerprint: EngineFingerprint): string {
	return sha256(JSON.stringify(fingerprint));
}

/** The GPUs that an engine is for, for people. */
export function describeTarget(target: EngineTarget): string {
	if ('capabilities' in target) return target.capabilities.map(capabilityName).join(', ');
	return target.gpu;
}

/** Which bytes each weight is; whole files stand for them, because those are hashed once for all weights in them. */
async function weightsDigest(
	weights: Extract<NativeNetwork, { graph: Uint8Array }>['weights'],
	files: readonly string[],
	digest: (file: string) => Promise<string>,
): Promise<string> {
	const digests = new Map<number, string>();
	for (const { file } of weights) if (!digests.has(file)) digests.set(file, await digest(files[file]!));
	const rows = weights.map(({ name, file, offset, length, type, shape }) => [
		name,
		digests.get(file),
		offset,
		length,
		type,
		shape,
	]);
	return sha256(JSON.stringify(rows));
}

function ordered(target: EngineTarget): EngineTarget {
	if ('capabilities' in target) return { capabilities: target.capabilities.toSorted((a, b) => a - b) };
	const { gpu, capability, multiprocessors, driver } = target;
	return { gpu, capability, multiprocessors, driver };
}

function byName<T>(record: Readonly<Record<string, T>>): Record<string, T> {
	return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
