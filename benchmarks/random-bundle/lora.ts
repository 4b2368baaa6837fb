// A LoRA of random weights, for the modules and in the spelling of the official one for few steps.
import type { WeightInventory } from '../../models/weights/weight-set.ts';
import { randomChunks, toHalf } from './random-values.ts';
import type { TensorData } from './tensor-data.ts';

/** What diffusers' training of latent consistency adapts, https://github.com/huggingface/diffusers/blob/v0.29.2/examples/consistency_distillation/train_lcm_distill_lora_sd_wds.py */
const adapted =
	/(to_[qkv]|to_out\.0|proj_(in|out)|ff\.net\.0\.proj|ff\.net\.2|conv[12]|conv_shortcut|samplers\.0\.conv|time_emb_proj)\.weight$/;

/** How large a weight's changes are beside it. */
const gain = 0.25;

/** @param unet - the weights of the UNet that it is for */
export function randomLora(unet: WeightInventory, { rank, seed }: { rank: number; seed: string }): TensorData[] {
	return [...unet.shapes].flatMap(([name, [rows, ...others]]) => {
		if (!adapted.test(name)) return [];
		const key = `lora_unet_${name.replace(/\.weight$/, '').replaceAll('.', '_')}`;
		const half = (name: string, shape: readonly number[], deviation: number): TensorData => {
			const count = shape.reduce((product, size) => product * size);
			return {
				name,
				type: 'float16',
				shape,
				chunks: () => randomChunks(seed, name, count, 'float16', { mean: 0, deviation }),
			};
		};
		const fanIn = others.reduce((product, size) => product * size);
		const kernel = others.slice(1).map(() => 1);
		return [
			half(`${key}.lora_down.weight`, [rank, ...others], 1 / Math.sqrt(fanIn)),
			half(`${key}.lora_up.weight`, [rows!, rank, ...kernel], gain / Math.sqrt(rank)),
			{
				...{ name: `${key}.alpha`, type: 'float16', shape: [] },
				chunks: () => [new Uint8Array(Uint16Array.of(toHalf(rank)).buffer)],
			},
		];
	});
}
