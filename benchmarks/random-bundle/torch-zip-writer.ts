// Writes files as `torch.save` does.
import { type DataType, dataTypeBytes } from '../../models/weights/reference.ts';
import { NewFile } from './new-file.ts';
import { byteLength, type TensorData } from './tensor-data.ts';
import { ZipWriter } from './zip-writer.ts';

const storageTypes: Record<DataType, string> = {
	float64: 'DoubleStorage',
	float32: 'FloatStorage',
	float16: 'HalfStorage',
	bfloat16: 'BFloat16Storage',
	int64: 'LongStorage',
	int32: 'IntStorage',
	int16: 'ShortStorage',
	int8: 'CharStorage',
	uint8: 'ByteStorage',
	bool: 'BoolStorage',
};

/** Writes a state dict as `torch.save` does: a ZIP file with a pickle and one entry per tensor. */
export function writeTorchZip(path: string, tensors: readonly TensorData[]): Promise<void> {
	return NewFile.with(path, async (file) => {
		const zip = new ZipWriter(file);
		await zip.add('archive/data.pkl', [pickleStateDict(tensors)]);
		await zip.add('archive/byteorder', [Buffer.from('little')]);
		for (const [index, tensor] of tensors.entries()) await zip.add(`archive/data/${index}`, tensor.chunks());
		await zip.add('archive/version', [Buffer.from('3\n')]);
		await zip.finish();
	});
}

/** Protocol 2, without a memo: `OrderedDict()` filled with name → `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
function pickleStateDict(tensors: readonly Omit<TensorData, 'chunks'>[]): Uint8Array {
	const orderedDict = [global('collections', 'OrderedDict'), ')R'];
	return join([
		'\x80\x02',
		...orderedDict,
		'(',
		...tensors.flatMap((tensor, index) => [
			text(tensor.name),
			global('torch._utils', '_rebuild_tensor_v2'),
			'((',
			text('storage'),
			global('torch', storageTypes[tensor.type]),
			text(String(index)),
			text('cpu'),
			integer(byteLength(tensor) / dataTypeBytes[tensor.type]),
			'tQ',
			integer(0),
			...tuple(tensor.shape),
			...tuple(contiguousStrides(tensor.shape)),
			'\x89',
			...orderedDict,
			'tR',
		]),
		'u.',
	]);
}

function contiguousStrides(shape: readonly number[]): number[] {
	return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

function join(parts: readonly (string | Uint8Array)[]): Uint8Array {
	return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}

function global(module: string, name: string): string {
	return `c${module}\n${name}\n`;
}

function tuple(values: readonly number[]): (string | Uint8Array)[] {
	return ['(', ...values.map(integer), 't'];
}

/** BINUNICODE */
function text(value: string): Uint8Array {
	const bytes = Buffer.from(value);
	const length = Buffer.alloc(4);
	length.writeUInt32LE(bytes.length);
	return Buffer.concat([Buffer.from('X'), length, bytes]);
}

/** BININT */
function integer(value: number): Uint8Array {
	const bytes = Buffer.alloc(5);
	bytes.write('J');
	bytes.writeInt32LE(value, 1);
	return bytes;
}
