// The weights that a network takes from a checkpoint, checked against its definition.
import { shortened } from '../../lib/errors.ts';
import { invalidWeights, longestName, remedies } from './invalid.ts';
import { type Checkpoint, floatTypes, type WeightReference } from './reference.ts';

/** Where a network definition takes its weights from: a checkpoint, or an inventory that records requests. */
export interface WeightSource {
	/** The tensor of this name, floating-point and of exactly this shape. */
	get(name: string, shape: readonly number[]): WeightReference;
	/** Whether there is such a tensor: for alternative layouts (old and new key names). */
	has(name: string): boolean;
}

/** The tensors of a checkpoint, each checked when used. */
export class CheckpointWeights implements WeightSource {
	readonly #checkpoint: Checkpoint;
	readonly #rename: (name: string) => string;
	readonly #unfit: { remedy: string };
	readonly #used = new Set<string>();

	/**
	 * @param options.rename - from the network's name of a tensor to the file's (default: the same)
	 * @param options.remedy - for tensors that are not those of the network (default: as for a network and its config)
	 */
	constructor(checkpoint: Checkpoint, options: { rename?: (name: string) => string; remedy?: string } = {}) {
		this.#checkpoint = checkpoint;
		this.#rename = options.rename ?? ((name) => name);
		this.#unfit = { remedy: options.remedy ?? remedies.otherNetwork };
	}

	has(name: string): boolean {
		const key = this.#rename(name);
		return this.#checkpoint.tensors.has(key) || this.#checkpoint.views?.has(key) === true;
	}

	/** @throws {Arc2FaceError} `INVALID_WEIGHTS` when the tensor is missing, not floating-point or of another shape */
	get(name: string, shape: readonly number[]): WeightReference {
		const key = this.#rename(name);
		const tensor = this.#checkpoint.tensors.get(key);
		if (tensor === undefined) {
			const view = this.#checkpoint.views?.get(key);
			const where = { file: view?.file ?? this.#checkpoint.file, tensor: key };
			if (view === undefined) {
				const { what, remedy } = otherLayout([...this.#checkpoint.tensors.keys()], key, this.#unfit);
				throw invalidWeights(describeShape(shape), where, what, { remedy });
			}
			const received = `a view with strides [${view.strides.join(', ')}]`;
			throw invalidWeights('elements in a row', where, received, { remedy: inRows });
		}
		const where = { file: tensor.file, tensor: key };
		if (!floatTypes.has(tensor.type)) throw invalidWeights('a floating-point type', where, tensor.type, this.#unfit);
		if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
			throw invalidWeights(describeShape(shape), where, describeShape(tensor.shape), this.#unfit);
		}
		this.#used.add(key);
		return tensor;
	}

	/**
	 * Fails if the file holds a tensor that nobody requested: then it is not of the architecture that its config states.
	 * @param options.ignore - names of buffers and other parts that may be unused
	 */
	assertAllUsed(options: { ignore?: RegExp } = {}): void {
		const { file, tensors, views = new Map() } = this.#checkpoint;
		const extra = [...tensors.keys(), ...views.keys()].filter(
			(name) => !this.#used.has(name) && !options.ignore?.test(name),
		);
		if (extra.length === 0) return;
		const more = extra.length > 3 ? ` and ${extra.length - 3} more` : '';
		const names = extra.slice(0, 3).map((name) => shortened(name, longestName));
		const received = `also ${names.join(', ')}${more}`;
		throw invalidWeights('only the tensors of its network', file, received, this.#unfit);
	}
}

/** What a file may be that lacks a tensor of the network: layouts that people meet, and what makes this one of them. */
function otherLayout(
	names: readonly string[],
	missing: string,
	unfit: { remedy: string },
): { what: string; remedy: string } {
	if (names.some((name) => /^(model\.diffusion_model|first_stage_model|cond_stage_model)\./.test(name))) {
		return {
			what: 'all networks of a model in one file, in the layout from before diffusers',
			remedy: 'Convert it with diffusers: `StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)`.',
		};
	}
	if (names.some((name) => /(^|[._])lora[._]/i.test(name))) {
		return {
			what: 'a LoRA, which changes a network and is none by itself',
			remedy: 'Put the network itself there: a LoRA is loaded beside it.',
		};
	}
	const prefixed = names.find((name) => name.endsWith(`.${missing}`));
	if (prefixed !== undefined) {
		const prefix = prefixed.slice(0, -missing.length);
		return {
			what: `names that begin with "${shortened(prefix, 60)}"`,
			remedy:
				'Save the network itself, without what it is wrapped in: `wrapped.unet.save_pretrained(FOLDER)` or the like.',
		};
	}
	return { what: 'a file without it', ...unfit };
}

const inRows = 'Save the tensors as `tensor.contiguous()`.';

/** A shape for messages. */
export function describeShape(shape: readonly number[]): string {
	return `shape [${shape.join(', ')}]`;
}

/** Stands in for a checkpoint and records a network's requests in order: the recipe for a file of random weights. */
export class WeightInventory implements WeightSource {
	readonly #shapes = new Map<string, readonly number[]>();
	readonly #layout: (name: string) => boolean;

	/** @param layout - the answer of {@link has}, which selects among key layouts (default: no name exists) */
	constructor(layout: (name: string) => boolean = () => false) {
		this.#layout = layout;
	}

	/** Shape of every tensor by name, in the order of the first request. */
	get shapes(): ReadonlyMap<string, readonly number[]> {
		return this.#shapes;
	}

	has(name: string): boolean {
		return this.#layout(name);
	}

	get(name: string, shape: readonly number[]): WeightReference {
		this.#shapes.set(name, [...shape]);
		const length = 4 * shape.reduce((product, size) => product * size, 1);
		return { file: '', offset: 0, length, type: 'float32', shape: [...shape] };
	}
}
