// NumPy's format for one array: a header, which is a Python literal, and the numbers.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { halfToNumber } from '../../../models/weights/scalar.ts';

/** What the header says, as it says it. */
export type NpyHeader = Readonly<{ type: string; fortranOrder: boolean; shape: readonly number[] }>;

const magic = Buffer.from('\x93NUMPY', 'latin1');

export function isNpy(start: Uint8Array): boolean {
	return magic.equals(start.subarray(0, magic.length));
}

/** Bytes from the start of a file that {@link headerBytes} looks at. */
export const prefixBytes = 12;

/** Where the header is. @returns undefined for a version of the format that is not known */
export function headerBytes(prefix: Buffer): { at: number; length: number } | undefined {
	if (prefix.length < prefixBytes) return undefined;
	const version = prefix[magic.length];
	if (version === 1) return { at: 10, length: prefix.readUInt16LE(8) };
	return version === 2 || version === 3 ? { at: 12, length: prefix.readUInt32LE(8) } : undefined;
}

/** @returns undefined for one that is damaged, or of a structured type */
export function parseHeader(header: string): NpyHeader | undefined {
	const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
	const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
	const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
	if (type === undefined || order === undefined || shape === undefined) return undefined;
	const sides = shape.split(',').flatMap((side) => (side.trim() === '' ? [] : [Number(side)]));
	return { type, fortranOrder: order === 'True', shape: sides };
}

/** Types of numbers that are read, as headers name them: little-endian, as every machine is that this package runs on. */
export const npyTypes: Readonly<
	Record<string, { name: string; bytes: number; read(bytes: Uint8Array): Float32Array }>
> = {
	'<f2': {
		name: 'float16',
		bytes: 2,
		read: (bytes) => Float32Array.from(new Uint16Array(aligned(bytes)), halfToNumber),
	},
	'<f4': { name: 'float32', bytes: 4, read: (bytes) => new Float32Array(aligned(bytes)) },
	'<f8': { name: 'float64', bytes: 8, read: (bytes) => new Float32Array(new Float64Array(aligned(bytes))) },
};

/** A copy that begins where numbers may. */
function aligned({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
	return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

/** A whole file of float32 rows, as numpy.save writes it: numbers begin at a multiple of 64 bytes. */
export function npyFile(data: Float32Array, columns: number): Buffer {
	const literal = `{'descr': '<f4', 'fortran_order': False, 'shape': (${data.length / columns}, ${columns}), }`;
	const length = Math.ceil((10 + literal.length + 1) / 64) * 64 - 10;
	const file = Buffer.alloc(10 + length + data.byteLength);
	magic.copy(file);
	file.writeUInt8(1, magic.length);
	file.writeUInt16LE(length, 8);
	file.write(`${literal.padEnd(length - 1)}\n`, 10, 'latin1');
	file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + length);
	return file;
}
