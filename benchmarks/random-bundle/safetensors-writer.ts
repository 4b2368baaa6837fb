// Writes .safetensors files.
import type { DataType } from '../../models/weights/reference.ts';
import { NewFile } from './new-file.ts';
import { byteLength, type TensorData } from './tensor-data.ts';

const dtypes: Record<DataType, string> = {
	float64: 'F64',
	float32: 'F32',
	float16: 'F16',
	bfloat16: 'BF16',
	int64: 'I64',
	int32: 'I32',
	int16: 'I16',
	int8: 'I8',
	uint8: 'U8',
	bool: 'BOOL',
};

/** Writes a .safetensors file: https://github.com/huggingface/safetensors#format */
export function writeSafetensors(path: string, tensors: readonly TensorData[]): Promise<void> {
	return NewFile.with(path, async (file) => {
		await file.append(header(tensors));
		for (const tensor of tensors) {
			for (const chunk of tensor.chunks()) await file.append(chunk);
		}
	});
}

/** Length and JSON, padded with spaces so that the tensors start at a multiple of 8. */
function header(tensors: readonly TensorData[]): Uint8Array {
	const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
	let offset = 0;
	for (const tensor of tensors) {
		const end = offset + byteLength(tensor);
		entries[tensor.name] = { dtype: dtypes[tensor.type], shape: tensor.shape, data_offsets: [offset, end] };
		offset = end;
	}
	const json = Buffer.from(JSON.stringify(entries));
	const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
	bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
	json.copy(bytes, 8);
	return bytes;
}
