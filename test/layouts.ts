// Golden weights in the layouts that diffusers, transformers and hubs leave.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../benchmarks/random-bundle/safetensors-writer.ts';
import type { TensorData } from '../benchmarks/random-bundle/tensor-data.ts';
import { writeTorchZip } from '../benchmarks/random-bundle/torch-zip-writer.ts';
import { readSafetensors } from '../models/weights/safetensors.ts';

/** Tensors of a .safetensors file, to write again. */
export async function tensorsOf(path: string): Promise<TensorData[]> {
	const bytes = readFileSync(path);
	return [...(await readSafetensors(path)).tensors].map(([name, { type, shape, offset, length }]) => ({
		name,
		type,
		shape,
		chunks: () => [bytes.subarray(offset, offset + length)],
	}));
}

export async function writeWeights(path: string, tensors: readonly TensorData[]): Promise<void> {
	await (path.endsWith('.bin') ? writeTorchZip : writeSafetensors)(path, tensors);
}

/** Spreads tensors over files in a folder, with an index of this name. */
export async function writeShards(
	folder: string,
	index: string,
	shards: readonly string[],
	tensors: readonly TensorData[],
): Promise<void> {
	await mkdir(folder, { recursive: true });
	const map: Record<string, string> = {};
	for (const [i, shard] of shards.entries()) {
		const own = tensors.filter((_, place) => place % shards.length === i);
		await writeWeights(join(folder, shard), own);
		for (const { name } of own) map[name] = shard;
	}
	await writeFile(join(folder, index), JSON.stringify({ metadata: { total_size: 0 }, weight_map: map }, null, 2));
}
