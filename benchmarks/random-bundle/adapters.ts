// A ControlNet and adapters of random weights, in the official layouts.
import { ConfigFile } from '../../models/config-file.ts';
import { controlNet, readControlNetConfig } from '../../models/controlnet.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { WeightInventory } from '../../models/weights/weight-set.ts';
import { randomTensors } from './initialisation.ts';
import { randomChunks } from './random-values.ts';
import type { TensorData } from './tensor-data.ts';

/** The UNet's config that ControlNet shares, and its own fields. */
export function controlNetConfig(unet: object, imageEmbedding: readonly number[]): object {
	const { up_block_types: _, out_channels: __, ...shared } = unet as Record<string, unknown>;
	return {
		...shared,
		_class_name: 'ControlNetModel',
		conditioning_channels: 3,
		conditioning_embedding_out_channels: imageEmbedding,
		controlnet_conditioning_channel_order: 'rgb',
		global_pool_conditions: false,
	};
}

export function randomControlNet(config: object, seed: string): TensorData[] {
	const weights = new WeightInventory();
	controlNet(readControlNetConfig(new ConfigFile('controlnet/config.json', config)), weights);
	return randomTensors(weights.shapes, seed, 'float16');
}

/** With a projection of one layer. */
export function randomExpressionAdapter(unetConfig: object, seed: string): TensorData[] {
	const weights = new WeightInventory();
	const expression = { projection: { kind: 'linear', tokens: 4 }, weights } as const;
	unet(readUNetConfig(new ConfigFile('arc2face/config.json', unetConfig)), new WeightInventory(), { expression });
	return randomTensors(weights.shapes, seed, 'float16');
}

/** Additions to all layers of the UNet's blocks, in diffusers' spelling. */
export function randomReferenceAdapter(
	unetConfig: object,
	{ rank, seed }: { rank: number; seed: string },
): TensorData[] {
	const weights = new WeightInventory();
	unet(readUNetConfig(new ConfigFile('arc2face/config.json', unetConfig)), weights);
	return [...weights.shapes].flatMap(([name, [rows, ...others]]) => {
		const [, layer] = /^((?:down_blocks|mid_block|up_blocks)\..*)\.weight$/.exec(name) ?? [];
		if (layer === undefined || others.length === 0) return [];
		const part = (which: 'down' | 'up', shape: readonly number[], deviation: number): TensorData => {
			const key = `unet.${layer}.lora.${which}.weight`;
			const count = shape.reduce((product, size) => product * size);
			return {
				...{ name: key, type: 'float32', shape },
				chunks: () => randomChunks(seed, key, count, 'float32', { mean: 0, deviation }),
			};
		};
		const inputs = others.reduce((product, size) => product * size);
		return [
			part('down', [rank, ...others], 1 / Math.sqrt(inputs)),
			part('up', [rows!, rank, ...others.slice(1).map(() => 1)], 0.25 / Math.sqrt(rank)),
		];
	});
}

/** Names for expressions. */
export function randomExpressions(names: readonly string[]): Record<string, number[]> {
	return Object.fromEntries(
		names.map((name, i) => [name, Array.from({ length: 55 }, (_, k) => Math.round(100 * Math.sin(k * (i + 1))) / 100)]),
	);
}
