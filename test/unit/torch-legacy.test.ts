// Files that torch.save wrote before PyTorch 1.6: many published weights are still in that form. The fixture is of PyTorch 2.14 itself, with
// `_use_new_zipfile_serialization=False`.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { opcodes, temporaryFolder } from '../checkpoint-samples.ts';
import { halfToFloat } from '../golden.ts';

const file = fileURLToPath(new URL('../fixtures/before-1.6.pth', import.meta.url));
const bytes = readFileSync(file);
const folder = temporaryFolder();

test('has every tensor at its place, with shared storages, views and nested dicts', async () => {
	const { format, tensors, views = new Map() } = await openCheckpoint(file);
	expect(format).toBe('PyTorch');
	const read = (name: string) => {
		const { offset, length, type, shape } = tensors.get(name)!;
		const part = new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
		const values =
			type === 'float32'
				? new Float32Array(part)
				: type === 'float64'
					? new Float64Array(part)
					: type === 'int64'
						? Array.from(new BigInt64Array(part), Number)
						: Array.from(new Uint16Array(part), halfToFloat);
		return { type, shape, values: [...values] };
	};
	expect(read('features.0.weight')).toEqual({ type: 'float32', shape: [2, 3], values: [0, 0.25, 0.5, 0.75, 1, 1.25] });
	expect(read('half')).toEqual({ type: 'float16', shape: [2], values: [1.5, -2] });
	expect(read('parameter')).toEqual({ type: 'float32', shape: [1], values: [0.25] });
	expect(read('count')).toEqual({ type: 'int64', shape: [], values: [7] });
	expect(read('row').values).toEqual([4, 5, 6, 7]);
	expect(read('whole').values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
	expect(read('nested.weight')).toEqual({ type: 'float64', shape: [1, 2], values: [1, 1] });
	expect(read('bn.running_var').values).toEqual([1, 1]);
	expect(views.get('turned')).toMatchObject({ shape: [4, 3], strides: [1, 4], offset: tensors.get('whole')!.offset });
	expect([...tensors.keys(), ...views.keys()]).toHaveLength(13);
});

describe('of Python 2', () => {
	const { global, int, long, tuple, pickle } = opcodes;
	const text = (value: string) => `U${String.fromCharCode(value.length)}${value}`;
	const list = (items: readonly string[]) => `](${items.join('')}e`;
	/** As Python 2 writes a dict of modules: with its pairs, each a list. */
	const ordered = (pairs: readonly string[]) => `${global('collections.OrderedDict')}${list(pairs)}\x85R`;
	const storage = `${tuple([text('storage'), global('torch.FloatStorage'), text('7'), text('cuda:0'), long([2]), 'N'])}Q`;
	const places = [storage, int(0), tuple([int(1), int(2)]), tuple([int(2), int(1)]), '\x89', 'N'];
	const tensor = `${global('torch._utils._rebuild_tensor_v2')}${tuple(places)}R`;
	/** A file of a network, as lists of name and value, with one storage of two numbers. */
	const write = (name: string, pairs: readonly string[]) => {
		const count = Buffer.alloc(8);
		count.writeBigInt64LE(2n);
		const attributes = `}${text('_metadata')}${ordered([list([text(''), `}${text('version')}${int(1)}s`])])}s`;
		const parts = [pickle('}'), pickle(`${ordered(pairs)}${attributes}b`), pickle(list([text('7')]))];
		const numbers = Buffer.from(Float32Array.of(1.5, -2).buffer);
		return folder.write(name, Buffer.concat([bytes.subarray(0, 21), ...parts, count, numbers]));
	};

	test('has its tensors, too', async () => {
		const path = write('python2.pth', [list([text('lin0.weight'), tensor])]);
		const { tensors } = await openCheckpoint(path);
		expect([...tensors.keys()]).toEqual(['lin0.weight']);
		const { offset, length, shape, type } = tensors.get('lin0.weight')!;
		expect({ length, shape, type }).toEqual({ length: 8, shape: [1, 2], type: 'float32' });
		expect(readFileSync(path).readFloatLE(offset + 4)).toBe(-2);
	});

	test.each([
		['a name twice', [list([text('a'), tensor]), list([text('a'), tensor])]],
		['a name without a value', [list([text('a')])]],
		['no pairs', [text('ab')]],
	])('is refused with %s', async (name, pairs) => {
		const opening = openCheckpoint(write(`${name}.pth`, pairs));
		await expect(opening).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			problem: expect.stringContaining('a dict'),
		});
	});
});

describe('is refused, naming the file', () => {
	const failure = async (content: Uint8Array) => {
		const path = folder.write('damaged.pth', content);
		const error = await openCheckpoint(path).catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(Arc2FaceError);
		expect(error).toMatchObject({ code: 'INVALID_WEIGHTS', details: { file: path } });
		return (error as Arc2FaceError).message;
	};
	/** The fixture with other bytes in place of some. */
	const changed = (from: string, to: string) => {
		const at = bytes.indexOf(from, 0, 'latin1');
		expect(at).toBeGreaterThan(0);
		expect(to).toHaveLength(from.length);
		const copy = Buffer.from(bytes);
		copy.write(to, at, 'latin1');
		return copy;
	};

	test('cut short anywhere', async () => {
		for (let end = 22; end < bytes.length; end += 37) {
			expect(await failure(bytes.subarray(0, end)), `${end} bytes`).toMatch(
				/complete pickle|cut short|on the stack|bytes/,
			);
		}
	});

	test('with another function to call', async () => {
		expect(await failure(changed('_rebuild_tensor_v2', '_rebuild_tensor_v9'))).toContain('_rebuild_tensor_v9');
	});

	test('with a storage of another size', async () => {
		const copy = Buffer.from(bytes);
		const { tensors } = await openCheckpoint(file);
		copy.writeBigInt64LE(99n, tensors.get('whole')!.offset - 8);
		expect(await failure(copy)).toContain('a storage of 12 elements');
	});

	test('of a machine with the other order of bytes', async () => {
		const at = bytes.indexOf('little_endian', 0, 'latin1') + 'little_endian'.length;
		const copy = Buffer.from(bytes);
		const value = copy.indexOf(0x88, at);
		expect(value - at).toBeLessThan(4);
		copy[value] = 0x89;
		expect(await failure(copy)).toContain('byte order');
	});
});
