// The reference adapter's file: low-rank additions to the UNet that reads a reference, in diffusers' spellings.
import { invalidWeights, remedies } from './weights/invalid.ts';
import { LowRank, type LowRankLayer } from './weights/low-rank.ts';
import type { Checkpoint, WeightReference } from './weights/reference.ts';

/** `unet.<layer>.lora.down.weight` and `.up.`, or PEFT's `lora_A` and `lora_B`. */
const spelling = /^(?:unet\.)?(.+)\.(?:lora\.(down|up)|lora_([AB]))\.weight$/;

/**
 * The additions in a checkpoint.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` for a file that has other tensors, or one half of an addition
 */
export function readReferenceAdapter({ file, tensors }: Checkpoint): LowRank {
	const downs = new Map<string, [name: string, at: WeightReference]>();
	const ups = new Map<string, [name: string, at: WeightReference]>();
	for (const [name, reference] of tensors) {
		const [, path, part, letter] = spelling.exec(name) ?? [];
		const isDown = part === 'down' || letter === 'A';
		if (path === undefined) {
			throw invalidWeights('the layers of a LoRA', { file, tensor: name }, 'a tensor of another kind', another);
		}
		(isDown ? downs : ups).set(path, [name, reference]);
	}
	const layers = new Map<string, LowRankLayer>();
	for (const [path, [name]] of ups) {
		if (!downs.has(path)) throw invalidWeights('its other half, down,', { file, tensor: name }, 'none', another);
	}
	for (const [path, [downName, down]] of downs) {
		const up = ups.get(path);
		if (up === undefined) throw invalidWeights('its other half, up,', { file, tensor: downName }, 'none', another);
		// Without an alpha it is the rank.
		layers.set(path, { down, up: up[1], scale: 1, names: { down: downName, up: up[0] } });
	}
	if (layers.size === 0) throw invalidWeights('the layers of a LoRA', file, 'a file without tensors', another);
	return new LowRank(layers);
}

const another = { remedy: remedies.otherAdapter };
