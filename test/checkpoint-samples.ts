// Makes checkpoint files, right and wrong.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll } from 'vitest';
import { Arc2FaceError } from '../lib/errors.ts';
import type { StridedReference, WeightReference } from '../models/weights/reference.ts';

/** A folder that exists until the calling file's tests are done. */
export function temporaryFolder(): {
	path: (name: string) => string;
	write: (name: string, bytes: Uint8Array) => string;
} {
	const folder = mkdtempSync(join(tmpdir(), 'arc2face-test-'));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	const path = (name: string) => join(folder, name);
	return {
		path,
		write: (name, bytes) => {
			writeFileSync(path(name), bytes);
			return path(name);
		},
	};
}

/** A .safetensors file with any header, right or wrong, and data. */
export function safetensorsBytes(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
	const json = typeof header === 'string' ? Buffer.from(header) : Buffer.from(JSON.stringify(header));
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(json.length));
	return Buffer.concat([length, json, data]);
}

export type ZipEntry = { name: string; data: Uint8Array; method?: number; localOffset?: number };

/** A ZIP file without alignment, written independently of the package; with `zip64`, its end records are ZIP64's. */
export function zipBytes(entries: readonly ZipEntry[], { zip64 = false } = {}): Buffer {
	const parts: Buffer[] = [];
	const directory: Buffer[] = [];
	let offset = 0;
	for (const { name, data, method = 0, localOffset } of entries) {
		const local = Buffer.alloc(30 + name.length);
		local.writeUInt32LE(0x04034b50, 0);
		local.writeUInt16LE(method, 8);
		local.writeUInt32LE(crc32(data), 14);
		local.writeUInt32LE(data.length, 18);
		local.writeUInt32LE(data.length, 22);
		local.writeUInt16LE(name.length, 26);
		local.write(name, 30);

		// ZIP64: the offset moves to an extra field.
		const central = Buffer.alloc(46 + name.length + (zip64 ? 12 : 0));
		central.writeUInt32LE(0x02014b50, 0);
		local.copy(central, 6, 4, 30);
		central.write(name, 46);
		if (zip64) {
			central.writeUInt16LE(12, 30);
			central.writeUInt32LE(0xffffffff, 42);
			central.writeUInt16LE(1, 46 + name.length);
			central.writeUInt16LE(8, 48 + name.length);
			central.writeBigUInt64LE(BigInt(localOffset ?? offset), 50 + name.length);
		} else {
			central.writeUInt32LE(localOffset ?? offset, 42);
		}
		directory.push(central);
		parts.push(local, Buffer.from(data));
		offset += local.length + data.length;
	}
	const directoryBytes = Buffer.concat(directory);
	const end = Buffer.alloc(22);
	end.writeUInt32LE(0x06054b50, 0);
	end.writeUInt16LE(zip64 ? 0xffff : entries.length, 10);
	end.writeUInt32LE(directoryBytes.length, 12);
	end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
	return Buffer.concat([
		...parts,
		directoryBytes,
		...(zip64 ? zip64End(offset, directoryBytes.length, entries.length) : []),
		end,
	]);
}

function zip64End(offset: number, length: number, count: number): Buffer[] {
	const record = Buffer.alloc(56);
	record.writeUInt32LE(0x06064b50, 0);
	record.writeBigUInt64LE(44n, 4);
	record.writeBigUInt64LE(BigInt(count), 24);
	record.writeBigUInt64LE(BigInt(count), 32);
	record.writeBigUInt64LE(BigInt(length), 40);
	record.writeBigUInt64LE(BigInt(offset), 48);
	const locator = Buffer.alloc(20);
	locator.writeUInt32LE(0x07064b50, 0);
	locator.writeBigUInt64LE(BigInt(offset + length), 8);
	return [record, locator];
}

/** Opcodes of a pickle: literal text (bytes as Latin-1), and the few arguments that need a length or an encoding. */
export const opcodes = {
	global: (name: string) => `c${name.replace(/\.([^.]*)$/, '\n$1\n')}`,
	text: (value: string) => {
		const length = Buffer.alloc(4);
		length.writeUInt32LE(Buffer.byteLength(value));
		return `X${length.toString('latin1')}${Buffer.from(value).toString('latin1')}`;
	},
	int: (value: number) => {
		const bytes = Buffer.alloc(4);
		bytes.writeInt32LE(value);
		return `J${bytes.toString('latin1')}`;
	},
	long: (bytes: readonly number[]) => `\x8a${String.fromCharCode(bytes.length, ...bytes)}`,
	tuple: (items: readonly string[]) => `(${items.join('')}t`,
	/** A dict of one level; values are opcodes. */
	dict: (items: Record<string, string>) =>
		`}(${Object.entries(items)
			.map(([key, value]) => opcodes.text(key) + value)
			.join('')}u`,
	/** A whole pickle of protocol 2. */
	pickle: (body: string) => Buffer.from(`\x80\x02${body}.`, 'latin1'),
};

export type TensorOpcodes = {
	type?: string;
	key?: string;
	count?: number;
	start?: number;
	shape?: number[];
	strides?: number[];
};

/** `_rebuild_tensor_v2` of a storage; by default all six floats of storage 0. */
export function tensorOpcodes(tensor: TensorOpcodes = {}): string {
	const { type = 'FloatStorage', key = '0', count = 6, start = 0, shape = [2, 3], strides = [3, 1] } = tensor;
	const { global, text, int, tuple } = opcodes;
	const storage = tuple([text('storage'), global(`torch.${type}`), text(key), text('cpu'), int(count)]);
	const places = [int(start), tuple(shape.map(int)), tuple(strides.map(int))];
	const hooks = `${global('collections.OrderedDict')})R`;
	return `${global('torch._utils._rebuild_tensor_v2')}${tuple([`${storage}Q`, ...places, '\x89', hooks])}R`;
}

/** A file of `torch.save` with this pickle, and by default a storage 0 of six floats. */
export function torchBytes(
	body: string,
	storages: Record<string, Uint8Array> = { 0: new Uint8Array(24) },
	options = {},
): Buffer {
	const entries = Object.entries(storages).map(([key, data]) => ({ name: `a/data/${key}`, data }));
	return zipBytes([{ name: 'a/data.pkl', data: opcodes.pickle(body) }, ...entries], options);
}

/** The bytes of a tensor, gathered by its strides if it has any. */
export function tensorBytes(tensor: WeightReference | StridedReference): Buffer {
	const file = readFileSync(tensor.file);
	if (!('strides' in tensor)) return file.subarray(tensor.offset, tensor.offset + tensor.length);
	const { offset, shape, strides } = tensor;
	const size = { float32: 4, float64: 8 }[tensor.type as 'float32'];
	const gather = (axis: number, start: number): Buffer[] =>
		axis === shape.length
			? [file.subarray(offset + start * size, offset + (start + 1) * size)]
			: Array.from({ length: shape[axis]! }, (_, i) => gather(axis + 1, start + i * strides[axis]!)).flat();
	return Buffer.concat(gather(0, 0));
}

/** A promise's rejection; fails unless it is `INVALID_WEIGHTS` and its message has all the words. */
export async function expectInvalidWeights(promise: Promise<unknown>, ...words: (string | RegExp)[]): Promise<void> {
	const error = await promise.then(
		() => new Error('nothing was thrown'),
		(reason: unknown) => reason as Error,
	);
	if (!(error instanceof Arc2FaceError) || error.code !== 'INVALID_WEIGHTS') throw error;
	for (const word of words) {
		const found = typeof word === 'string' ? error.message.includes(word) : word.test(error.message);
		if (!found) throw new Error(`Expected ${word} in the message, which is: ${error.message}`);
	}
}
