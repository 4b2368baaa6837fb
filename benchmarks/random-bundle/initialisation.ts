// Random values of a fitting size for each tensor.
import { type Distribution, randomChunks } from './random-values.ts';
import type { TensorData } from './tensor-data.ts';

/**
 * Random values for the tensors that a network requests.
 *
 * @param shapes - as recorded by a `WeightInventory`
 */
export function randomTensors(
	shapes: ReadonlyMap<string, readonly number[]>,
	seed: string,
	type: 'float32' | 'float16',
): TensorData[] {
	return [...shapes].map(([name, shape]) => {
		const count = shape.reduce((product, size) => product * size, 1);
		return { name, type, shape, chunks: () => randomChunks(seed, name, count, type, initial(name, shape)) };
	});
}

/** Position ids 0 … n − 1, the buffer [1, n] that PyTorch files of CLIP hold besides the weights. */
export function positionIds(name: string, n: number): TensorData {
	const ids = BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
	return { name, type: 'int64', shape: [1, n], chunks: () => [new Uint8Array(ids.buffer)] };
}

/** Keeps values of order 1 from layer to layer (LeCun et al. 1998), so that no float16 overflows. */
function initial(name: string, shape: readonly number[]): Distribution {
	if (name.endsWith('.bias')) return { mean: 0, deviation: 0.02 };
	// The scale of a norm.
	if (shape.length === 1) return { mean: 1, deviation: 0.05 };
	// Token and position embeddings: as large as the values of an identity, 1/√512.
	if (name.endsWith('embedding.weight')) return { mean: 0, deviation: 0.04 };
	const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
	// Keeps the UNet's predicted noise small: its errors add up over the steps, and guidance multiplies them.
	const gain = name === 'conv_out.weight' ? 0.5 : 1;
	return { mean: 0, deviation: gain / Math.sqrt(fanIn) };
}
