// A description of an engine and its files for tests of the cache; nothing builds it.
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EngineDescription } from '../lib/engines/key.ts';

/** Stands for an engine's content, which the cache does not read. */
export const engineBytes = 'an engine, as far as the cache can tell';

/** Writes the files of an engine into a folder: two of weights and three libraries. */
export async function describeEngine(root: string): Promise<EngineDescription> {
	const files = ['unet.safetensors', 'lora.safetensors'].map((name) => join(root, name));
	for (const file of files) await writeFile(file, Buffer.alloc(4096, 1));
	const [provider, core, parser] = ['provider.so', 'core.so', 'parser.so'].map((name) => join(root, name));
	for (const file of [provider!, core!, parser!]) await writeFile(file, basename(file));
	const weight = { offset: 16, length: 64, type: 'float16', shape: [4, 8] } as const;
	return {
		name: 'unet',
		network: {
			graph: Buffer.from('graph'),
			weights: [
				{ name: 'conv_in.weight', file: 0, ...weight },
				{ name: 'conv_in.lora', file: 1, ...weight },
			],
		},
		files,
		runtime: { product: 'TensorRT-RTX', version: '1.6.1.120', provider: provider!, core: core!, parser: parser! },
		target: { capabilities: [80, 89] },
		precision: 'fp16',
		profiles: [
			{ sample: [2, 4, 64, 64], timestep: [2] },
			{ sample: [4, 4, 64, 64], timestep: [4] },
		],
		shapes: { imageSizes: [{ width: 512, height: 512 }], batchSizes: [2, 4] },
	};
}
