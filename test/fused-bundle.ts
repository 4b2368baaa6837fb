// Bundles whose UNet has LoRAs added in its file, as they are to be added to the weights of a model.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorData } from '../benchmarks/random-bundle/tensor-data.ts';
import { type LoraPair, openLora } from '../models/lora/lora.ts';
import { moduleKey } from '../models/lora/names.ts';
import type { DataType, TensorReference } from '../models/weights/reference.ts';
import { tensorBytes } from './checkpoint-samples.ts';
import { halfToFloat } from './golden.ts';
import { tensorsOf, writeWeights } from './layouts.ts';

const unet = 'arc2face/diffusion_pytorch_model.safetensors';

/** Copies a bundle and adds LoRAs to the file of its UNet; weights that change become float32. */
export async function writeFusedBundle(
	from: string,
	to: string,
	loras: readonly { file: string; scale: number }[],
): Promise<void> {
	await cp(from, to, { recursive: true });
	const opened = await Promise.all(loras.map(async ({ file, scale }) => ({ lora: await openLora(file), scale })));
	const tensors = (await tensorsOf(join(from, unet))).map((tensor) => {
		const key = moduleKey(tensor.name.replace(/\.weight$/, ''));
		const pairs = opened.flatMap(({ lora, scale }) => {
			const pair = tensor.name.endsWith('.weight') ? lora.pairs.get(key) : undefined;
			return pair === undefined ? [] : [{ pair, scale }];
		});
		return pairs.length === 0 ? tensor : sumOf(tensor, pairs);
	});
	await writeWeights(join(to, unet), tensors);
}

/** In float32 throughout, in the order in which the core adds. */
function sumOf(tensor: TensorData, pairs: readonly { pair: LoraPair; scale: number }[]): TensorData {
	const { fround } = Math;
	const sums = floatsOf(Buffer.concat([...tensor.chunks()]), tensor.type);
	const rows = tensor.shape[0]!;
	const columns = sums.length / rows;
	for (const { pair, scale } of pairs) {
		const [up, down] = [pair.up, pair.down].map((half: TensorReference) => floatsOf(tensorBytes(half), half.type));
		const rank = pair.down.shape[0]!;
		const factor = fround(scale * pair.strength);
		for (let row = 0; row < rows; row++) {
			for (let column = 0; column < columns; column++) {
				let product = 0;
				for (let r = 0; r < rank; r++) {
					product = fround(product + fround(up![row * rank + r]! * down![r * columns + column]!));
				}
				const at = row * columns + column;
				sums[at] = fround(sums[at]! + fround(factor * product));
			}
		}
	}
	return { ...tensor, type: 'float32', chunks: () => [new Uint8Array(sums.buffer)] };
}

function floatsOf(bytes: Uint8Array, type: DataType): Float32Array {
	const copy = Uint8Array.from(bytes).buffer; // aligned
	return type === 'float16' ? Float32Array.from(new Uint16Array(copy), halfToFloat) : new Float32Array(copy);
}
