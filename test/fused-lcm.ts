// The golden bundle with its LCM-LoRA added to the UNet's weights.
import { cpSync, readFileSync } from 'node:fs';
import { readSafetensors } from '../models/weights/safetensors.ts';
import { goldenFolder, halfToFloat } from './golden.ts';
import { tensorsOf, writeWeights } from './layouts.ts';

/** @param folder - where the bundle goes */
export async function writeFusedBundle(folder: string): Promise<void> {
	cpSync(`${goldenFolder}tiny-sd`, folder, { recursive: true });
	const file = `${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`;
	const bytes = readFileSync(file);
	const lora = new Map(
		[...(await readSafetensors(file)).tensors].map(([name, { shape, offset, length }]) => {
			const data = new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
			return [name, { shape, data: Float32Array.from(new Uint16Array(data), halfToFloat) }] as const;
		}),
	);
	const unet = `${folder}/arc2face/diffusion_pytorch_model.safetensors`;
	let fused = 0;
	const tensors = (await tensorsOf(unet)).map((tensor) => {
		const module = `lora_unet_${tensor.name.replace(/\.weight$/, '').replaceAll('.', '_')}`;
		const [down, up, alpha] = ['lora_down.weight', 'lora_up.weight', 'alpha'].map((part) =>
			lora.get(`${module}.${part}`),
		);
		if (!tensor.name.endsWith('.weight') || down === undefined) return tensor;
		fused++;
		const raw = Buffer.concat([...tensor.chunks()]);
		const weight = new Float32Array(new Uint8Array(raw).buffer);
		const rank = down.shape[0]!;
		const [outs, ins] = [up!.shape[0]!, down.data.length / rank];
		for (let o = 0; o < outs; o++) {
			for (let i = 0; i < ins; i++) {
				let sum = 0;
				for (let r = 0; r < rank; r++) sum += up!.data[o * rank + r]! * down.data[r * ins + i]!;
				weight[o * ins + i]! += (alpha!.data[0]! / rank) * sum;
			}
		}
		return { ...tensor, chunks: () => [new Uint8Array(weight.buffer)] };
	});
	if (fused !== lora.size / 3) throw new Error(`fused ${fused} of ${lora.size / 3}`);
	await writeWeights(unet, tensors);
}
