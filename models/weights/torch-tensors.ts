// Tensors as the pickles of `torch.save` state them, and where they are in the file.
import { invalidWeights, remedies, type Subject } from './invalid.ts';
import type { PickleGlobals } from './pickle.ts';
import {
	type Checkpoint,
	type DataType,
	dataTypeBytes,
	type StridedReference,
	type WeightReference,
} from './reference.ts';
import { elementCount, isCount } from './shape.ts';

/** The official files have about 100 kB. */
export const maxPickleBytes = 16 * 2 ** 20;
const maxDepth = 16;
const maxTensors = 20_000;

export class StorageType {
	readonly type: DataType;
	constructor(type: DataType) {
		this.type = type;
	}
}

/** A persistent id as the pickle states it: ('storage', type, key, device, element count). */
export class Storage {
	readonly id: unknown;
	constructor(id: unknown) {
		this.id = id;
	}
}

/** A tensor as the pickle states it: (storage, offset, shape, strides, …). Checked once its name is known. */
class Tensor {
	readonly args: readonly unknown[];
	constructor(args: readonly unknown[]) {
		this.args = args;
	}
}

export const globals: PickleGlobals = new Map<string, ((args: readonly unknown[]) => unknown) | object>([
	['collections.OrderedDict', orderedDict],
	['torch._utils._rebuild_tensor_v2', (args) => new Tensor(args)],
	['torch._utils._rebuild_parameter', (args) => args[0]],
	['torch.DoubleStorage', new StorageType('float64')],
	['torch.FloatStorage', new StorageType('float32')],
	['torch.HalfStorage', new StorageType('float16')],
	['torch.BFloat16Storage', new StorageType('bfloat16')],
	['torch.LongStorage', new StorageType('int64')],
	['torch.IntStorage', new StorageType('int32')],
	['torch.ShortStorage', new StorageType('int16')],
	['torch.CharStorage', new StorageType('int8')],
	['torch.ByteStorage', new StorageType('uint8')],
	['torch.BoolStorage', new StorageType('bool')],
]);

/** Python 2 gives it its pairs; Python 3 adds them to an empty one. What has others is no dict. */
function orderedDict([pairs = []]: readonly unknown[]): unknown {
	const isPair = (one: unknown) => Array.isArray(one) && one.length === 2;
	if (!Array.isArray(pairs) || !pairs.every(isPair)) return pairs;
	const dict = new Map(pairs as [unknown, unknown][]);
	return dict.size === pairs.length ? dict : pairs;
}

/** Bytes of a file. */
export type Place = Readonly<{ offset: number; length: number }>;

/** Turns what the pickle states into places in the file, checking every number against the storage entries. */
export class Locator {
	readonly #entries: ReadonlyMap<string, Place>;
	readonly #prefix: string;
	readonly #file: string;
	readonly #tensors = new Map<string, WeightReference>();
	readonly #views = new Map<string, StridedReference>();
	readonly #pickle: Subject;
	#visited = 0;

	constructor(entries: ReadonlyMap<string, Place>, prefix: string, file: string) {
		this.#entries = entries;
		this.#prefix = prefix;
		this.#file = file;
		this.#pickle = { file, part: 'the pickle' };
	}

	locateAll(root: unknown): Checkpoint {
		if (!(root instanceof Map))
			throw invalidWeights('a dict', this.#pickle, 'another value', { remedy: remedies.resave });
		this.#walk(root, '', 1);
		return { file: this.#file, format: 'PyTorch', tensors: this.#tensors, views: this.#views };
	}

	#walk(dict: ReadonlyMap<unknown, unknown>, prefix: string, depth: number): void {
		if (depth > maxDepth) throw invalidWeights(`at most ${maxDepth} dicts in one another`, this.#pickle, 'more');
		for (const [key, value] of dict) {
			// A dict may hold the same dict many times: the limit is on the work, not on the pickle's bytes.
			this.#visited++;
			if (this.#visited > maxTensors) {
				throw invalidWeights(`at most ${maxTensors} values in dicts`, this.#pickle, 'more');
			}
			if (!(value instanceof Map || value instanceof Tensor)) continue;
			if (typeof key !== 'string' && typeof key !== 'number') {
				throw invalidWeights('names of tensors', this.#pickle, 'keys that are no text');
			}
			const name = `${prefix}${key}`;
			if (value instanceof Map) this.#walk(value, `${name}.`, depth + 1);
			else this.#locate(name, value);
		}
	}

	#locate(name: string, { args }: Tensor): void {
		const where = { file: this.#file, tensor: name };
		const [storage, start, shape, strides] = args;
		if (this.#tensors.has(name) || this.#views.has(name))
			throw invalidWeights('one tensor of this name', where, 'several');

		const { type, entry } = this.#storage(storage, where);
		const elements = Array.isArray(shape) ? elementCount(shape) : undefined;
		if (elements === undefined) {
			throw invalidWeights('a shape of non-negative integers with a product below 2^53', where, 'another one');
		}
		if (!isStrides(strides, (shape as number[]).length) || !isCount(start)) {
			throw invalidWeights('a place in its storage: an offset and one stride per axis', where, 'something else');
		}
		const sizes = shape as number[];
		const last =
			elements === 0 ? start - 1 : start + sizes.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
		const available = entry.length / dataTypeBytes[type];
		if (!(last < available))
			throw invalidWeights(`elements within a storage of ${available}`, where, `element ${last}`);

		const offset = entry.offset + start * dataTypeBytes[type];
		if (isContiguous(sizes, strides)) {
			this.#tensors.set(name, { file: this.#file, offset, length: elements * dataTypeBytes[type], type, shape: sizes });
		} else {
			this.#views.set(name, { file: this.#file, offset, type, shape: sizes, strides });
		}
	}

	#storage(storage: unknown, where: Subject): { type: DataType; entry: Place } {
		const id = storage instanceof Storage && Array.isArray(storage.id) ? (storage.id as unknown[]) : [];
		const [kind, storageType, key, , count] = id;
		if (kind !== 'storage' || !(storageType instanceof StorageType) || typeof key !== 'string' || !isCount(count)) {
			throw invalidWeights("a storage ('storage', type, key, device, count)", where, 'something else');
		}
		const entry = this.#entries.get(this.#prefix + key);
		if (entry === undefined) throw invalidWeights(`an entry ${this.#prefix}${key}`, where, 'none');
		const length = count * dataTypeBytes[storageType.type];
		if (entry.length !== length) {
			throw invalidWeights(`a storage of ${length} bytes (${count} of ${storageType.type})`, where, `${entry.length}`);
		}
		return { type: storageType.type, entry };
	}
}

function isStrides(value: unknown, rank: number): value is number[] {
	return Array.isArray(value) && value.length === rank && value.every(isCount);
}

/** Whether the elements are contiguous; strides do not matter on axes of size 1, nor if there are no elements. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
	if (shape.includes(0)) return true;
	let expected = 1;
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		if (shape[axis] !== 1 && strides[axis] !== expected) return false;
		expected *= shape[axis]!;
	}
	return true;
}
