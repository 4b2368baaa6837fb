// The weights of a network with LoRAs added.
import { invalidWeights } from '../weights/invalid.ts';
import type { NamedTensor, WeightDelta, WeightReference } from '../weights/reference.ts';
import { describeShape, type WeightSource } from '../weights/weight-set.ts';
import { asFor, type Lora, type LoraPair, otherLora } from './lora.ts';
import { moduleKey } from './names.ts';

/** A LoRA and how strongly it is added: 1 is as it was trained. */
export type ScaledLora = Readonly<{ lora: Lora; scale: number }>;

/** The weights of another source, each with the deltas that LoRAs have for its module. */
export class LoraWeights implements WeightSource {
	readonly #base: WeightSource;
	readonly #loras: readonly ScaledLora[];
	readonly #used = new Set<LoraPair>();

	constructor(base: WeightSource, loras: readonly ScaledLora[]) {
		this.#base = base;
		this.#loras = loras;
	}

	has(name: string): boolean {
		return this.#base.has(name);
	}

	/** @throws {Arc2FaceError} `INVALID_WEIGHTS` as the other source does, and for a pair whose product has another shape */
	get(name: string, shape: readonly number[]): WeightReference {
		const weight = this.#base.get(name, shape);
		const deltas = this.#loras.flatMap(({ lora, scale }) => {
			const pair = name.endsWith(suffix) ? lora.pairs.get(moduleKey(name.slice(0, -suffix.length))) : undefined;
			if (pair === undefined) return [];
			this.#used.add(pair);
			return deltaOf(pair, shape, scale) ?? [];
		});
		return deltas.length === 0 ? weight : { ...weight, deltas };
	}

	/** Fails if a LoRA has a module that nobody requested: then it is of another network. */
	assertAllUsed(): void {
		for (const { lora } of this.#loras) {
			const [first, ...others] = [...lora.pairs.values()].filter((pair) => !this.#used.has(pair));
			if (first === undefined) continue;
			const received = `another${asFor([first.down.name, ...others.map(({ down }) => down.name)])}`;
			const where = { file: lora.file, tensor: first.down.name };
			throw invalidWeights('a module that this network has', where, received, otherLora);
		}
	}
}

const suffix = '.weight';

/** @returns undefined if it adds nothing */
function deltaOf({ down, up, strength }: LoraPair, shape: readonly number[], scale: number): WeightDelta | undefined {
	const [rows, ...others] = shape;
	const rank = down.shape[0]!;
	requireShape(down, [rank, ...others]);
	requireShape(up, [rows!, rank]);
	const factor = scale * strength;
	if (!Number.isFinite(Math.fround(factor))) {
		const where = { file: down.file, tensor: down.name };
		throw invalidWeights('a factor that float32 holds', where, `${factor}`, { remedy: 'Lower the scale.' });
	}
	return factor === 0 ? undefined : { factor, up, down };
}

/** A convolution of kernel 1 may be written as a linear layer, and the other way round. */
function requireShape({ file, name, shape }: NamedTensor, expected: readonly number[]): void {
	const [own, wanted] = [shape, expected].map(withoutLastOnes) as [number[], number[]];
	if (own.length === wanted.length && own.every((size, axis) => size === wanted[axis])) return;
	throw invalidWeights(describeShape(expected), { file, tensor: name }, describeShape(shape), otherLora);
}

/** The first two axes, and the others up to the last whose size is not 1. */
function withoutLastOnes(shape: readonly number[]): number[] {
	const end = shape.findLastIndex((size, axis) => axis < 2 || size !== 1);
	return shape.slice(0, end + 1);
}
