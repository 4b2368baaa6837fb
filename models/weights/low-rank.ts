// The weights of low-rank additions to a network's layers (LoRA), by layer.
import { invalidWeights, remedies } from './invalid.ts';
import type { WeightReference } from './reference.ts';

/** The addition to one layer: `scale · up · down`. For a convolution `down` has its kernel, and `up` is 1 × 1. */
export type LowRankLayer = Readonly<{
	down: WeightReference;
	up: WeightReference;
	/** alpha / rank */
	scale: number;
	/** How the file calls them. */
	names: Readonly<{ down: string; up: string }>;
}>;

/** Additions by the path of their layer, such as `mid_block.attentions.0.proj_in`, each checked when used. */
export class LowRank {
	readonly #layers: ReadonlyMap<string, LowRankLayer>;
	readonly #used = new Set<string>();

	constructor(layers: ReadonlyMap<string, LowRankLayer>) {
		this.#layers = layers;
	}

	at(path: string): LowRankLayer | undefined {
		const layer = this.#layers.get(path);
		if (layer !== undefined) this.#used.add(path);
		return layer;
	}

	/** @throws {Arc2FaceError} `INVALID_WEIGHTS` when there is one for a layer that the network does not have */
	assertAllUsed(): void {
		for (const [path, { down, names }] of this.#layers) {
			if (this.#used.has(path)) continue;
			const subject = { file: down.file, tensor: names.down };
			throw invalidWeights('an addition to a layer of the network', subject, 'one to another network', {
				remedy: remedies.otherAdapter,
			});
		}
	}
}
