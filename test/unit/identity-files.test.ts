// Files of identities: NumPy arrays and JSON.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readEmbeddings, writeEmbeddings } from '../../lib/dataset/identities/file.ts';
import { Identity } from '../../lib/identity.ts';
import { torchGenerator } from '../torch-randn.ts';

let folder: string;
let file: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-identities-'));
	file = join(folder, 'identities.npy');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** [rows, 512] of finite numbers, none of which float16 or float32 rounds. */
const numbers = (rows: number) => Float32Array.from({ length: rows * 512 }, (_, i) => ((i * 37) % 201) / 64 - 1.5);

/** What `numpy.save` writes: checked once against NumPy 2.4 itself, by benchmarks/dataset/check_identities.py. */
function npy(
	data: Uint8Array,
	{ type = '<f4', order = 'False', shape = `(${data.length / 2048}, 512)`, version = 1, header = '' } = {},
): Buffer {
	const text = header || `{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
	const lengthBytes = version === 1 ? 2 : 4;
	const padded = Buffer.from(`${text.padEnd(64 * 3 - 8 - lengthBytes - 1)}\n`, 'latin1');
	const length = Buffer.alloc(lengthBytes);
	length.writeUIntLE(padded.length, 0, lengthBytes);
	return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.of(version, 0), length, padded, data]);
}
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** IEEE 754 binary16 of a number that it holds exactly, not subnormal. */
function half(value: number): number {
	if (value === 0) return 0;
	const exponent = Math.floor(Math.log2(Math.abs(value)));
	return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + (Math.abs(value) / 2 ** exponent - 1) * 1024;
}

describe('a NumPy array', () => {
	test.each([1, 2, 2049])('of %d rows is written and read again, to the last bit', async (rows) => {
		const vectors = { data: numbers(rows), length: 512 };
		await writeEmbeddings(file, vectors);
		const { data, length } = await readEmbeddings(file);
		expect(length).toBe(512);
		// vitest compares arrays of a million numbers for a minute.
		expect(Buffer.compare(bytesOf(data), bytesOf(vectors.data))).toBe(0);
		expect(await readdir(folder)).toEqual(['identities.npy']);
	});

	test('is written as the format has it', async () => {
		await writeEmbeddings(file, { data: numbers(3), length: 512 });
		const bytes = await readFile(file);
		const length = bytes.readUInt16LE(8);
		expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
		expect(bytes.subarray(10, 10 + length).toString()).toMatch(
			/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 512\), \} *\n$/,
		);
		expect((10 + length) % 64).toBe(0);
		expect(bytes.subarray(10 + length)).toEqual(Buffer.from(bytesOf(numbers(3))));
	});

	test.each([
		['<f8', (data: Float32Array) => Float64Array.from(data)],
		['<f2', (data: Float32Array) => Uint16Array.from(data, half)],
	])('of the type %s is read', async (type, convert) => {
		await writeFile(file, npy(bytesOf(convert(numbers(5))), { type, shape: '(5, 512)' }));
		expect((await readEmbeddings(file)).data).toEqual(numbers(5));
	});

	test.each([2, 3])("of the format's version %d is read, whatever the file is called", async (version) => {
		await writeFile(join(folder, 'people.json'), npy(bytesOf(numbers(2)), { version }));
		expect((await readEmbeddings(join(folder, 'people.json'))).data).toEqual(numbers(2));
	});

	const broken = numbers(3);
	broken[512 + 7] = Number.NaN;
	const zero = numbers(3);
	zero.fill(0, 1024);
	const large = Float64Array.from(numbers(1));
	large[3] = -1e300;
	test.each<[string, Buffer, string]>([
		['of another shape', npy(bytesOf(numbers(2)), { shape: '(512, 2)' }), 'its shape is [512, 2].'],
		['of one side', npy(bytesOf(numbers(1)), { shape: '(512,)' }), 'its shape is [512].'],
		['of three sides', npy(bytesOf(numbers(2)), { shape: '(2, 512, 1)' }), 'its shape is [2, 512, 1].'],
		['without a row', npy(new Uint8Array(), { shape: '(0, 512)' }), 'it has no rows.'],
		['of integers', npy(bytesOf(numbers(2)), { type: '<i4' }), "its numbers are of the type '<i4'"],
		['of the other order of bytes', npy(bytesOf(numbers(2)), { type: '>f4' }), "its numbers are of the type '>f4'"],
		['of objects', npy(bytesOf(numbers(2)), { type: '|O' }), "its numbers are of the type '|O'"],
		['in Fortran order', npy(bytesOf(numbers(2)), { order: 'True' }), 'it is in Fortran order'],
		['that ends early', npy(bytesOf(numbers(3))).subarray(0, -2049), 'it ends in row 1 of 3, counted from 0.'],
		['that goes on', npy(Buffer.concat([bytesOf(numbers(2)), Buffer.of(0)]), { shape: '(2, 512)' }), 'it goes on'],
		['with NaN', npy(bytesOf(broken)), 'row 1, counted from 0, has NaN at index 7.'],
		['with a row of zeros', npy(bytesOf(zero)), 'row 2, counted from 0, has only zeros.'],
		['with a number beyond float32', npy(bytesOf(large), { type: '<f8', shape: '(1, 512)' }), '-Infinity at index 3.'],
		['that ends in its header', npy(bytesOf(numbers(1))).subarray(0, 60), 'its header can not be read.'],
		['that ends before its header', npy(bytesOf(numbers(1))).subarray(0, 9), 'its header can not be read.'],
		['of a later version', npy(bytesOf(numbers(1)), { version: 4 }), 'its header can not be read.'],
		['of several types', npy(bytesOf(numbers(1)), { header: "{'descr': [('a', '<f4')]}" }), 'its header can not be'],
		[
			'with a header of gigabytes',
			Buffer.concat([
				npy(new Uint8Array(), { version: 2 }).subarray(0, 8),
				Buffer.from([0, 0, 0, 255]),
				Buffer.alloc(99),
			]),
			'its header can not be read.',
		],
	])('%s is refused', async (_, bytes, why) => {
		await writeFile(file, bytes);
		await expect(readEmbeddings(file)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining(why),
			remedy: expect.stringContaining('numpy.save'),
			details: { file },
		});
	});
});

describe('JSON', () => {
	const one = Identity.from(torchGenerator(1)(512));
	const other = Identity.from(torchGenerator(2)(512));

	test.each([
		['an identity', one, [one]],
		['an identity as encode writes it', { photo: 'a.jpg', warnings: [], ...one.toJSON() }, [one]],
		['numbers', Array.from(one.embedding), [one]],
		['a list', [one, Array.from(other.embedding)], [one, other]],
		[
			'several photos as encode prints them, of which one has no face',
			{
				warnings: [],
				results: [
					{ source: 'a.jpg', identity: { photo: 'a.jpg', ...one.toJSON() } },
					{ source: 'wall.jpg', error: { code: 'NO_FACE' } },
					{ source: 'b.jpg', identity: { photo: 'b.jpg', ...other.toJSON() } },
				],
			},
			[one, other],
		],
	])('of %s is read', async (_, json, identities) => {
		await writeFile(file, JSON.stringify(json));
		const expected = identities.flatMap(({ embedding }) => Array.from(embedding));
		expect(await readEmbeddings(file)).toEqual({ data: Float32Array.from(expected), length: 512 });
	});

	test.each([
		['[1, 2', 'it is JSON that is damaged.'],
		['{ "embeddings": [] }', 'it is JSON without an `embedding`.'],
		['[]', 'it has none.'],
		[JSON.stringify({ results: [{ source: 'wall.jpg', error: { code: 'NO_FACE' } }] }), 'it has none.'],
		[JSON.stringify([one, one, { embedding: [1, 2] }]), 'entry 2, counted from 0: Expected 512 numbers'],
		[JSON.stringify([one, 3]), 'entry 1, counted from 0: it is JSON without an `embedding`.'],
	])('%# that is no identity is refused', async (text, why) => {
		await writeFile(file, text);
		const problem = expect.stringContaining(why);
		await expect(readEmbeddings(file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', problem, details: { file } });
	});
});

test.each([
	['a photo', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), 'it is something else.'],
	['a .npz', Buffer.from('PK\x03\x04', 'latin1'), 'it is a ZIP file.'],
	['a pickle', Buffer.from('\x80\x04\x95', 'latin1'), 'it is a pickle of Python'],
	['nothing', Buffer.alloc(0), 'it is an empty file.'],
])('%s is refused', async (_, bytes, why) => {
	await writeFile(file, bytes);
	const problem = expect.stringContaining(why);
	await expect(readEmbeddings(file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', problem, details: { file } });
});

test('what can not be read or written is told as such, and nothing is left', async () => {
	await expect(readEmbeddings(file)).rejects.toMatchObject({
		code: 'FILE_FAILED',
		problem: `Could not read ${file}: there is no such file.`,
		details: { file, systemCode: 'ENOENT' },
	});
	await mkdir(file);
	await expect(readEmbeddings(file)).rejects.toMatchObject({ code: 'FILE_FAILED', details: { systemCode: 'EISDIR' } });
	const inside = join(folder, 'none', 'a.npy');
	const writing = writeEmbeddings(inside, { data: numbers(1), length: 512 });
	await expect(writing).rejects.toMatchObject({ code: 'FILE_FAILED', details: { file: inside } });
	expect(await readdir(folder)).toEqual(['identities.npy']);
});
