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

/** Where a tensor's bytes are: row-major, little-endian, contiguous. Nothing is read until the native core maps the file. */
export type WeightReference = Readonly<{
	/** Absolute path of the checkpoint file. */
	file: string;
	/** First byte, from the start of the file. */
	offset: number;
	/** Bytes: product of `shape` times the element size. */
	length: number;
	type: DataType;
	/** The type that a graph declares, if not `type`: it is converted from float32 before a runtime gets it. */
	as?: 'float16';
	/** Empty for a scalar. */
	shape: readonly number[];
}>;

/** The tensors of one checkpoint by name, in file order. Each names its file. */
export type Checkpoint = Readonly<{
	/** Absolute path for messages: the index's, if there are several files. */
	file: string;
	format: 'safetensors' | 'PyTorch';
	tensors: ReadonlyMap<string, WeightReference>;
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
