// Reads single numbers from checkpoints.
import { CheckpointFile } from './checkpoint-file.ts';
import type { DataType, TensorReference } from './reference.ts';

/**
 * The number in each of some tensors of one element.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when a file became unreadable or shorter
 */
export async function readScalars<Tensor extends TensorReference>(
	tensors: readonly Tensor[],
): Promise<ReadonlyMap<Tensor, number>> {
	const numbers = new Map<Tensor, number>();
	for (const path of new Set(tensors.map(({ file }) => file))) {
		await CheckpointFile.with(path, async (file) => {
			for (const tensor of tensors) {
				if (tensor.file !== path) continue;
				numbers.set(tensor, readers[tensor.type](await file.read(tensor.offset, tensor.length)));
			}
		});
	}
	return numbers;
}

const readers: Readonly<Record<DataType, (bytes: Buffer) => number>> = {
	float64: (bytes) => bytes.readDoubleLE(),
	float32: (bytes) => bytes.readFloatLE(),
	float16: (bytes) => halfToNumber(bytes.readUInt16LE()),
	bfloat16: (bytes) => Buffer.from([0, 0, bytes[0]!, bytes[1]!]).readFloatLE(), // the upper half of a float32
	int64: (bytes) => Number(bytes.readBigInt64LE()),
	int32: (bytes) => bytes.readInt32LE(),
	int16: (bytes) => bytes.readInt16LE(),
	int8: (bytes) => bytes.readInt8(),
	uint8: (bytes) => bytes.readUInt8(),
	bool: (bytes) => bytes.readUInt8(),
};

/** IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 31;
	const fraction = bits & 1023;
	if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
	return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
