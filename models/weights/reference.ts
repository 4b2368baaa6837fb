// Where the tensors of a checkpoint are.
/** Element types that a checkpoint may hold, with their size in bytes. */
export const dataTypeBytes = {
	float64: 8,
	float32: 4,
	float16: 2,
	bfloat16: 2,
	int64: 8,
	int32: 4,
	int16: 2,
	int8: 1,
	uint8: 1,
	bool: 1,
} as const;
export type DataType = keyof typeof dataTypeBytes;

export const floatTypes: ReadonlySet<DataType> = new Set(['float64', 'float32', 'float16', 'bfloat16']);

/** Where a tensor's bytes are: row-major, little-endian, contiguous. Nothing is read until the native core maps the file. */
export type TensorReference = Readonly<{
	/** Absolute path of the checkpoint file. */
	file: string;
	/** First byte, from the start of the file. */
	offset: number;
	/** Bytes: product of `shape` times the element size. */
	length: number;
	type: DataType;
	/** Empty for a scalar. */
	shape: readonly number[];
}>;

/** A tensor by the name that it has in its file. */
export type NamedTensor = TensorReference & { readonly name: string };

/** What an adapter adds to a weight: factor · up · down, where the weight's first axis is that of `up`, and its others are merged. */
export type WeightDelta = Readonly<{
	/** Finite in float32, and not 0. */
	factor: number;
	/** [rows, rank], perhaps with axes of size 1 behind. */
	up: NamedTensor;
	/** [rank, …]: the weight's axes but the first follow. */
	down: NamedTensor;
}>;

/** A tensor, and what becomes of it before a runtime gets it. */
export type WeightReference = TensorReference &
	Readonly<{
		/**
		 * The type that a graph declares, if not `type`: it is converted, from float32 to float16 or, where there are deltas, from any float
		 * type to either.
		 */
		as?: 'float16' | 'float32';
		/** What adapters add to it. */
		deltas?: readonly WeightDelta[];
	}>;

/** The tensors of one checkpoint by name, in file order. Each names its file. */
export type Checkpoint = Readonly<{
	/** Absolute path for messages: the index's, if there are several files. */
	file: string;
	format: 'safetensors' | 'PyTorch';
	tensors: ReadonlyMap<string, WeightReference>;
	/** Texts by name, which a safetensors file may have besides. */
	metadata?: Readonly<Record<string, string>>;
	/** Tensors that are not contiguous (slices and transposes that a PyTorch file may hold); no network accepts these. */
	views?: ReadonlyMap<string, StridedReference>;
}>;

/** Element [i, j, …] is at byte offset + (i · strides[0] + j · strides[1] + …) times the element size. */
export type StridedReference = Readonly<{
	file: string;
	offset: number;
	type: DataType;
	shape: readonly number[];
	/** In elements, not negative. */
	strides: readonly number[];
}>;

/** One of `count` equal parts of a weight along its first axis, with what adapters add to it. */
export function partOf({ deltas, ...weight }: WeightReference, part: number, count: number): WeightReference {
	const rows = <Tensor extends TensorReference>(tensor: Tensor): Tensor => {
		const [size, ...others] = tensor.shape;
		const length = tensor.length / count;
		return { ...tensor, offset: tensor.offset + part * length, length, shape: [size! / count, ...others] };
	};
	return { ...rows(weight), ...(deltas && { deltas: deltas.map((one) => ({ ...one, up: rows(one.up) })) }) };
}
