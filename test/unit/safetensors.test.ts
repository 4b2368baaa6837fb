// Reading .safetensors files.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../benchmarks/random-bundle/safetensors-writer.ts';
import { dataTypeBytes } from '../../models/weights/reference.ts';
import { readSafetensors } from '../../models/weights/safetensors.ts';
import { expectInvalidWeights, safetensorsBytes, temporaryFolder, tensorBytes } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

const folder = temporaryFolder();

describe('readSafetensors', () => {
	const files = readdirSync(goldenFolder, { recursive: true, encoding: 'utf8' }).filter((name) =>
		name.endsWith('.safetensors'),
	);

	test.each(files)('locates what the header says: %s', async (name) => {
		const path = goldenFolder + name;
		const { file, tensors } = await readSafetensors(path);
		expect(file).toBe(path);

		const bytes = readFileSync(path);
		const headerEnd = 8 + Number(bytes.readBigUInt64LE());
		const { __metadata__: _, ...header } = JSON.parse(bytes.toString('utf8', 8, headerEnd));
		expect(tensors.size).toBe(Object.keys(header).length);
		for (const [key, { shape, data_offsets }] of Object.entries<{ shape: number[]; data_offsets: number[] }>(header)) {
			const [from, to] = data_offsets;
			expect(tensors.get(key)).toMatchObject({ file: path, offset: headerEnd + from!, length: to! - from!, shape });
		}
		const offsets = [...tensors.values()].map(({ offset }) => offset);
		expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
	});

	test('knows every type, scalars and empty tensors', async () => {
		const types = Object.keys(dataTypeBytes) as (keyof typeof dataTypeBytes)[];
		const path = folder.path('types.safetensors');
		const tensors = types.flatMap((type, i) => [
			{ name: type, type, shape: [3], chunks: () => [new Uint8Array(3 * dataTypeBytes[type]).fill(i)] },
			{ name: `${type} scalar`, type, shape: [], chunks: () => [new Uint8Array(dataTypeBytes[type]).fill(i)] },
			{ name: `${type} empty`, type, shape: [2, 0], chunks: () => [] },
		]);
		await writeSafetensors(path, tensors);

		const read = (await readSafetensors(path)).tensors;
		expect([...read.keys()]).toEqual(tensors.map(({ name }) => name));
		for (const { name, type, shape, chunks } of tensors) {
			const tensor = read.get(name)!;
			expect(tensor).toMatchObject({ type, shape });
			expect(tensorBytes(tensor)).toEqual(Buffer.concat(chunks()));
		}
	});

	const f32 = (shape: unknown, from: unknown, to: unknown) => ({ dtype: 'F32', shape, data_offsets: [from, to] });
	const damaged: [string, Uint8Array, ...(string | RegExp)[]][] = [
		['an empty file', new Uint8Array(0), 'at least 8 bytes'],
		['a file that ends in the length', new Uint8Array(5), 'received 5'],
		['a header longer than the file', safetensorsBytes({}).subarray(0, 9), 'at least 10 bytes', 'cut short'],
		['a header of 2^63 bytes', Buffer.from('000000000000008041', 'hex'), '9223372036854775808'],
		['a header that is no UTF-8', safetensorsBytes('{"\xff": 1}').fill(0xff, 9, 12), 'JSON in UTF-8'],
		['a header that is no JSON', safetensorsBytes('{"a": '), 'JSON in UTF-8'],
		['a header that is an array', safetensorsBytes('[1, 2]'), 'a JSON object'],
		['a header that is null', safetensorsBytes('null'), 'a JSON object'],
		['a tensor that is no object', safetensorsBytes({ x: 3 }), 'tensor x'],
		[
			'an unknown type',
			safetensorsBytes({ x: { ...f32([1], 0, 4), dtype: 'F8_E4M3' } }, new Uint8Array(4)),
			'tensor x',
			'F8_E4M3',
		],
		[
			'a type that is a deep array',
			safetensorsBytes(`{"x":{"dtype":${'['.repeat(1e5)}${']'.repeat(1e5)}}}`),
			'tensor x',
		],
		['a negative size', safetensorsBytes({ x: f32([-1], 0, 4) }, new Uint8Array(4)), 'tensor x', '[-1]'],
		['a fractional size', safetensorsBytes({ x: f32([0.5], 0, 4) }, new Uint8Array(4)), 'tensor x', '[0.5]'],
		['a size that is text', safetensorsBytes({ x: f32(['1'], 0, 4) }, new Uint8Array(4)), 'tensor x'],
		[
			'a shape beyond 2^53',
			safetensorsBytes({ x: f32([2 ** 30, 2 ** 30], 0, 4) }, new Uint8Array(4)),
			'tensor x',
			'2^53',
		],
		['a shape beyond 2^53 times 0', safetensorsBytes({ x: f32([2 ** 40, 2 ** 40, 0], 0, 0) }), 'tensor x', '2^53'],
		['no shape', safetensorsBytes({ x: f32(undefined, 0, 4) }, new Uint8Array(4)), 'tensor x', 'received none'],
		[
			'offsets beyond the file',
			safetensorsBytes({ x: f32([2], 0, 8) }, new Uint8Array(4)),
			'at least 70 bytes',
			'cut short',
		],
		['offsets the wrong way round', safetensorsBytes({ x: f32([1], 4, 0) }, new Uint8Array(4)), 'tensor x', '[4, 0]'],
		['a negative offset', safetensorsBytes({ x: f32([1], -4, 0) }, new Uint8Array(4)), 'tensor x', '[-4, 0]'],
		[
			'three offsets',
			safetensorsBytes({ x: { ...f32([1], 0, 4), data_offsets: [0, 4, 4] } }, new Uint8Array(4)),
			'tensor x',
		],
		[
			'a length that is not its shape',
			safetensorsBytes({ x: f32([3], 0, 8) }, new Uint8Array(8)),
			'tensor x',
			'12 bytes',
			'received 8',
		],
		[
			'overlapping tensors',
			safetensorsBytes({ x: f32([2], 0, 8), y: f32([1], 4, 8) }, new Uint8Array(8)),
			'tensor y',
			'overlaps',
		],
		[
			'a gap between tensors',
			safetensorsBytes({ x: f32([1], 0, 4), y: f32([1], 8, 12) }, new Uint8Array(12)),
			'tensor y',
			'no tensor',
		],
		[
			'a name used twice',
			safetensorsBytes(
				'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
				new Uint8Array(8),
			),
			'tensor x',
		],
		['bytes after the tensors', safetensorsBytes({ x: f32([1], 0, 4) }, new Uint8Array(6)), /received \d+/],
	];
	test.each(damaged)('refuses %s', async (_, bytes, ...words) => {
		const path = folder.write('damaged.safetensors', bytes);
		await expectInvalidWeights(readSafetensors(path), path, ...words);
	});

	test('refuses every truncation of a real file', async () => {
		const bytes = readFileSync(`${goldenFolder}misc/slerp.safetensors`);
		for (let length = 0; length < bytes.length; length += 97) {
			const path = folder.write('truncated.safetensors', bytes.subarray(0, length));
			await expectInvalidWeights(readSafetensors(path), path);
		}
	});
});
