// The key of an engine in the cache: a hash of everything that decides what it computes.
import { sha256 } from '../files/digests.ts';
import type { Size } from '../geometry.ts';
import type { NativeNetwork, NativeTensor } from '../native.ts';
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

/** Everything that decides what an engine computes, and where it runs. */
export type EngineDescription = Readonly<{
	/** What people call the network: `unet`. */
	name: string;
	network: NativeNetwork;
	/** Absolute paths, to which `network` refers by index. */
	files: readonly string[];
	/** What builds and runs it. NVIDIA's core library is identified by its version, the provider and the parser by their bytes. */
	runtime: EngineRuntime;
	target: EngineTarget;
	/** Arithmetic of the network: `fp16`. */
	precision: string;
	/** Combinations of input shapes, by input name. Their order matters: contexts are made by index. The builder gets nothing else. */
	profiles: readonly Readonly<Record<string, readonly number[]>>[];
	/** What the profiles stand for, for people: those of the model's shapes that concern this network. */
	shapes: Partial<EngineShapes>;
}>;

/**
 * TensorRT builds for the present GPU, TensorRT-RTX for any GPU of some compute capabilities (89 stands for 8.9). `driver`: the newest
 * CUDA that the driver supports, which rises with every driver branch.
 */
export type EngineTarget =
	| Readonly<{ gpu: string; capability: number; multiprocessors: number; driver: string }>
	| Readonly<{ capabilities: readonly number[] }>;

/** The description without data: hashes stand for bytes, and fields have a fixed order. */
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

/** Raised when existing engines' fingerprints turn out to say too little. */
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

/** The engine's name in the cache; the same for a fingerprint that went through JSON. */
export function keyOf(fingerprint: EngineFingerprint): string {
	return sha256(JSON.stringify(fingerprint));
}

/** The GPUs that an engine is for, for people. */
export function describeTarget(target: EngineTarget): string {
	if ('capabilities' in target) return target.capabilities.map(capabilityName).join(', ');
	return target.gpu;
}

/** Identifies each weight's bytes by the hash of its file, which is computed once for all weights in it. */
async function weightsDigest(
	weights: Extract<NativeNetwork, { graph: Uint8Array }>['weights'],
	files: readonly string[],
	digest: (file: string) => Promise<string>,
): Promise<string> {
	const digests = new Map<number, string>();
	const used = weights.flatMap(({ deltas = [], ...weight }) => [
		weight,
		...deltas.flatMap(({ up, down }) => [up, down]),
	]);
	for (const { file } of used) if (!digests.has(file)) digests.set(file, await digest(files[file]!));
	const place = ({ file, offset, length, type, shape }: NativeTensor) => [
		digests.get(file),
		offset,
		length,
		type,
		shape,
	];
	const rows = weights.map(({ deltas, ...weight }) => [
		weight.name,
		...place(weight),
		...(deltas ?? []).map(({ factor, up, down }) => [factor, place(up), place(down)]),
	]);
	return sha256(JSON.stringify(rows));
}

/** With its fields in the same order whoever made it. */
export function ordered(target: EngineTarget): EngineTarget {
	if ('capabilities' in target) return { capabilities: target.capabilities.toSorted((a, b) => a - b) };
	const { gpu, capability, multiprocessors, driver } = target;
	return { gpu, capability, multiprocessors, driver };
}

function byName<T>(record: Readonly<Record<string, T>>): Record<string, T> {
	return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
