// Tensors on their way into a file.
import { type DataType, dataTypeBytes } from '../../models/weights/reference.ts';

/** A tensor to write: its values come in pieces, so that no file has to fit into memory. */
export type TensorData = Readonly<{
	name: string;
	type: DataType;
	shape: readonly number[];
	/** Little-endian bytes, row-major. A piece may be overwritten once the next one is requested. */
	chunks: () => Iterable<Uint8Array>;
}>;

export function byteLength({ type, shape }: Pick<TensorData, 'type' | 'shape'>): number {
	return shape.reduce((product, size) => product * size, dataTypeBytes[type]);
}
