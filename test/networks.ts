// The golden models' networks, and running them.
import { readFileSync } from 'node:fs';
import { ConfigFile } from '../models/config-file.ts';
import type { NetworkGraph } from '../models/graph/graph.ts';
import { openCheckpoint } from '../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../models/weights/weight-set.ts';
import { type GoldenTensor, goldenFolder } from './golden.ts';
import { inside, onnxRuntimeLibrary } from './inside.ts';

/** The config.json of a golden model, such as `tiny-sd/vae`, with some fields changed. */
export function goldenConfig(model: string, changes: Record<string, unknown> = {}): ConfigFile {
	const file = `${goldenFolder}${model}/config.json`;
	return new ConfigFile(file, { ...JSON.parse(readFileSync(file, 'utf8')), ...changes });
}

/** The weights of a golden model. */
export async function goldenWeights(model: string, file: string): Promise<CheckpointWeights> {
	return new CheckpointWeights(await openCheckpoint(`${goldenFolder}${model}/${file}`));
}

export type Tensor = { shape: readonly number[]; data: GoldenTensor['data'] | Uint16Array };

export function float32(shape: readonly number[], values: Iterable<number>): Tensor {
	return { shape, data: Float32Array.from(values) };
}

export function int64(shape: readonly number[], values: Iterable<number>): Tensor {
	return { shape, data: BigInt64Array.from(values, BigInt) };
}

/** Runs a network once on ONNX Runtime. Float inputs are rounded to float16 if the network takes that. */
export function runNetwork(
	{ graph, weights, inputs: declared }: Pick<NetworkGraph, 'graph' | 'weights' | 'inputs'>,
	inputs: Record<string, Tensor>,
	outputs: Record<string, readonly number[]>,
): Record<string, { shape: number[]; data: Float32Array }> {
	const given = Object.entries(inputs).map(([name, tensor]) => {
		const half = declared.find((one) => one.name === name)?.type === 'float16';
		return [name, half ? { ...tensor, data: Uint16Array.from(tensor.data as Float32Array, floatToHalf) } : tensor];
	});
	return inside.runNetwork({
		library: onnxRuntimeLibrary,
		threads: 2,
		graph,
		weights,
		inputs: Object.fromEntries(given),
		outputs,
	});
}

/** The VAE encoder's outputs in diffusers' terms. */
export function posteriorOf(
	{ mean, deviation }: ReturnType<typeof runNetwork>,
	scalingFactor: number,
): Record<'mean' | 'logvar', { data: Float32Array }> {
	return {
		mean: { data: mean!.data.map((value) => value / scalingFactor) },
		logvar: { data: deviation!.data.map((value) => 2 * Math.log(value / scalingFactor)) },
	};
}

/** The nearest float16, ties to even, for magnitudes below 65520. */
function floatToHalf(value: number): number {
	const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
	const magnitude = Math.abs(value);
	// The spacing of float16 at this magnitude; the smallest values share one.
	const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
	const scaled = magnitude / 2 ** (exponent - 10);
	const below = Math.floor(scaled);
	const rest = scaled - below;
	const rounded = below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0);
	// A carry out of the fraction raises the exponent, as intended.
	return sign | (magnitude === 0 ? 0 : rounded + ((exponent + 14) << 10));
}

/** Root of the mean square of the differences; NaN if there is one or the lengths differ. */
export function rmsError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
	if (got.length !== expected.length) return Number.NaN;
	let sum = 0;
	for (let i = 0; i < got.length; i++) sum += (got[i]! - expected[i]!) ** 2;
	return Math.sqrt(sum / got.length);
}
