// Reading files that `torch.save` wrote.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { writeTorchZip } from '../../benchmarks/random-bundle/torch-zip-writer.ts';
import { dataTypeBytes, type WeightReference } from '../../models/weights/reference.ts';
import { readSafetensors } from '../../models/weights/safetensors.ts';
import { readTorchZip } from '../../models/weights/torch-zip.ts';
import {
	expectInvalidWeights,
	opcodes,
	temporaryFolder,
	tensorBytes,
	tensorOpcodes,
	torchBytes,
	zipBytes,
} from '../checkpoint-samples.ts';
import { exactly, type GoldenCase, goldenFolder, halfToFloat } from '../golden.ts';

const { global, text, int, tuple, dict, pickle } = opcodes;
const folder = temporaryFolder();

/** A tensor's numbers. */
function valuesOf(tensor: WeightReference): number[] {
	const bytes = new Uint8Array(tensorBytes(tensor)).buffer;
	switch (tensor.type) {
		case 'float32':
			return Array.from(new Float32Array(bytes));
		case 'float16':
			return Array.from(new Uint16Array(bytes), halfToFloat);
		case 'int64':
			return Array.from(new BigInt64Array(bytes), Number);
		default:
			throw new Error(`The tests do not read ${tensor.type}.`);
	}
}

describe('readTorchZip', () => {
	const golden = JSON.parse(readFileSync(`${goldenFolder}formats/expected.json`, 'utf8')) as { cases: GoldenCase[] };

	test.each(exactly(4, golden.cases, 'files'))(
		'gives what torch saved: formats/$file',
		async ({ file, tensors: keys }) => {
			const { tensors, views } = await readTorchZip(`${goldenFolder}formats/${file}`);
			const expected = (await readSafetensors(`${goldenFolder}formats/expected.safetensors`)).tensors;

			const counts: Record<string, number> = { 'flat.bin': 11, 'views.bin': 5, 'nested.bin': 3, 'wrapped.bin': 1 };
			expect(tensors.size + views!.size).toBe(counts[file]);
			for (const [path, key] of exactly(counts[file]!, Object.entries(keys), `tensors of ${file}`)) {
				const name = path.replaceAll('/', '.');
				const tensor = tensors.get(name) ?? views!.get(name)!;
				const { type, shape } = expected.get(key)!;
				expect(tensor, name).toMatchObject({ type, shape });
				expect(tensorBytes(tensor).equals(tensorBytes(expected.get(key)!)), name).toBe(true);
			}
		},
	);

	test('tells tensors in a row from those with gaps', async () => {
		const { tensors, views } = await readTorchZip(`${goldenFolder}formats/views.bin`);
		expect([...tensors.keys()]).toEqual(['base', 'row_slice']);
		expect([...views!.keys()]).toEqual(['column', 'transposed', 'strided']);
		expect(tensors.get('row_slice')!.offset).toBe(tensors.get('base')!.offset + 16 * 4);
	});

	test('gives the same encoder as the .safetensors beside it', async () => {
		const encoder = `${goldenFolder}tiny-sd/encoder/`;
		const bin = (await readTorchZip(`${encoder}pytorch_model.bin`)).tensors;
		const { tensors } = await readSafetensors(`${encoder}model.safetensors`);
		expect([...bin.keys()].toSorted()).toEqual([...tensors.keys()].toSorted());
		expect(tensors.size).toBe(21);
		for (const [name, tensor] of tensors) {
			expect(bin.get(name)!.shape, name).toEqual(tensor.shape);
			// float16, float32 and int64 in one file, float16 and int64 in the other: the same numbers, which float16 can hold.
			expect(valuesOf(bin.get(name)!), name).toEqual(valuesOf(tensor));
		}
	});

	test('reads back what the random bundle writes, of every type', async () => {
		const path = folder.path('written.bin');
		const types = Object.keys(dataTypeBytes) as (keyof typeof dataTypeBytes)[];
		const written = types.map((type, i) => ({
			name: `layer.${type}`,
			type,
			shape: [2, 1, i],
			chunks: () => [new Uint8Array(2 * i * dataTypeBytes[type]).fill(i + 1)],
		}));
		await writeTorchZip(path, written);

		const { tensors } = await readTorchZip(path);
		expect([...tensors.keys()]).toEqual(written.map(({ name }) => name));
		for (const { name, type, shape, chunks } of written) {
			const tensor = tensors.get(name)!;
			expect(tensor).toMatchObject({ type, shape });
			// As in PyTorch's own files, so that a memory map of it is aligned too.
			expect(tensor.offset % 64).toBe(0);
			expect(tensorBytes(tensor)).toEqual(Buffer.concat(chunks()));
		}
	});

	test('reads ZIP64', async () => {
		const path = folder.write('zip64.bin', torchBytes(dict({ x: tensorOpcodes() }), undefined, { zip64: true }));
		expect((await readTorchZip(path)).tensors.get('x')).toMatchObject({ type: 'float32', shape: [2, 3], length: 24 });
	});

	test('joins names of nested dicts with dots and leaves other values out', async () => {
		const body = dict({ a: dict({ b: tensorOpcodes(), n: int(3) }), list: `](${tensorOpcodes()}e`, s: text('x') });
		const path = folder.write('nested.bin', torchBytes(body));
		expect([...(await readTorchZip(path)).tensors.keys()]).toEqual(['a.b']);
	});

	test('takes axes of size 1, whatever their strides, and empty tensors for tensors in a row', async () => {
		const body = dict({
			ones: tensorOpcodes({ shape: [1, 6, 1], strides: [77, 1, 99] }),
			empty: tensorOpcodes({ start: 6, shape: [0, 5], strides: [9, 9] }),
		});
		const path = folder.write('ones.bin', torchBytes(body));
		expect([...(await readTorchZip(path)).tensors.keys()]).toEqual(['ones', 'empty']);
	});

	const data = new Uint8Array(24);
	const pickled = (body: string) => ({ name: 'a/data.pkl', data: pickle(body) });
	const one = dict({ x: tensorOpcodes() });
	/** 2^40 tensors in a few hundred bytes: every dict holds the one before it twice. */
	const bomb = Array.from({ length: 40 }).reduce<string>(
		(inner) => `${inner}q\x01}(${text('a')}h\x01${text('b')}h\x01u`,
		one,
	);
	const damaged: [string, Uint8Array, ...(string | RegExp)[]][] = [
		['os.system', torchBytes(dict({ x: `${global('os.system')}${tuple([text('touch pwned')])}R` })), 'os.system'],
		['a file without a directory', Buffer.from('PK\x03\x04 and no more'), 'a complete ZIP file'],
		['no pickle', zipBytes([{ name: 'a/data/0', data }]), 'data.pkl'],
		['two pickles', zipBytes([pickled(one), { ...pickled(one), name: 'b/data.pkl' }]), 'with 2 entries'],
		['a pickle at the top', zipBytes([{ ...pickled(one), name: 'data.pkl' }]), 'with 0 entries'],
		[
			'compressed entries',
			zipBytes([pickled(one), { name: 'a/data/0', data, method: 8 }]),
			'entry a/data/0',
			'compressed',
		],
		[
			'an entry of the same name',
			zipBytes([pickled(one), { name: 'a/data/0', data }, { name: 'a/data/0', data }]),
			'a/data/0',
		],
		[
			'entries on the same bytes',
			zipBytes([pickled(one), { name: 'a/data/0', data, localOffset: 0 }]),
			'those of another entry',
		],
		['an entry beyond the file', zipBytes([pickled(one), { name: 'a/data/0', data, localOffset: 1e6 }]), 'at least'],
		[
			'an entry 2^60 bytes beyond the file',
			zipBytes([pickled(one), { name: 'a/data/0', data, localOffset: 2 ** 60 }], { zip64: true }),
			'at least',
		],
		['a big-endian file', zipBytes([pickled(one), { name: 'a/byteorder', data: Buffer.from('big') }]), '"big"'],
		['a tensor for a root', torchBytes(tensorOpcodes()), 'a dict'],
		['no storage entry', torchBytes(one, {}), 'tensor x', 'a/data/0'],
		['a storage key that climbs', torchBytes(dict({ x: tensorOpcodes({ key: '../data.pkl' }) })), 'tensor x'],
		[
			'a storage of another type',
			torchBytes(dict({ x: tensorOpcodes({ type: 'DoubleStorage' }) })),
			'tensor x',
			'48 bytes',
		],
		[
			'a storage of an unknown type',
			torchBytes(dict({ x: tensorOpcodes({ type: 'QInt8Storage' }) })),
			'torch.QInt8Storage',
		],
		['a storage that is too short', torchBytes(one, { 0: new Uint8Array(20) }), 'tensor x', 'received 20'],
		['a start beyond the storage', torchBytes(dict({ x: tensorOpcodes({ start: 1 }) })), 'tensor x', 'element 6'],
		['a negative start', torchBytes(dict({ x: tensorOpcodes({ start: -1 }) })), 'tensor x'],
		[
			'strides beyond the storage',
			torchBytes(dict({ x: tensorOpcodes({ strides: [4, 1] }) })),
			'tensor x',
			'element 6',
		],
		['a negative stride', torchBytes(dict({ x: tensorOpcodes({ strides: [3, -1] }) })), 'tensor x', 'stride'],
		['too few strides', torchBytes(dict({ x: tensorOpcodes({ strides: [1] }) })), 'tensor x', 'stride'],
		['a negative size', torchBytes(dict({ x: tensorOpcodes({ shape: [-2, 3] }) })), 'tensor x', 'shape'],
		[
			'a shape beyond 2^53',
			torchBytes(dict({ x: tensorOpcodes({ shape: [2 ** 30, 2 ** 30], strides: [0, 0] }) })),
			'tensor x',
		],
		[
			'a tensor without arguments',
			torchBytes(dict({ x: `${global('torch._utils._rebuild_tensor_v2')})R` })),
			'tensor x',
		],
		[
			'a name that two tensors get',
			torchBytes(dict({ 'a.b': tensorOpcodes(), a: dict({ b: tensorOpcodes() }) })),
			'tensor a.b',
		],
		['a dict in itself', torchBytes(`}q\x00(${text('a')}h\x00u`), 'in one another'],
		['a bomb of dicts', torchBytes(bomb), /in one another|values in dicts/],
		[
			'a wide bomb of dicts',
			torchBytes(
				`${dict(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, 'N'])))}q\x01${dict(
					Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, 'h\x01'])),
				)}`,
			),
			'values in dicts',
		],
	];
	test.each(damaged)('refuses %s', async (_, bytes, ...words) => {
		const path = folder.write('damaged.bin', bytes);
		await expectInvalidWeights(readTorchZip(path), path, ...words);
	});

	test('refuses every truncation of a real file', async () => {
		const bytes = readFileSync(`${goldenFolder}formats/flat.bin`);
		for (let length = 0; length < bytes.length; length += 31) {
			const path = folder.write('truncated.bin', bytes.subarray(0, length));
			await expectInvalidWeights(readTorchZip(path), path);
		}
	});
});
