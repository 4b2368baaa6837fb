// Reading the inputs of ONNX files.
import { truncateSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readOnnxModel } from '../../lib/bundle/onnx-file.ts';
import { Graph } from '../../models/graph/graph.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();

/** Fields of protocol buffers, written independently of the package. */
const varint = (value: bigint): number[] =>
	value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...varint(value / 128n)];
const bytes = (field: number, ...parts: Uint8Array[]): Buffer => {
	const data = Buffer.concat(parts);
	return Buffer.concat([Buffer.from([...varint(BigInt(field * 8 + 2)), ...varint(BigInt(data.length))]), data]);
};
const text = (field: number, value: string) => bytes(field, Buffer.from(value));
const number = (field: number, value: bigint) => Buffer.from([...varint(BigInt(field * 8)), ...varint(value)]);
const float = (field: number) => Buffer.from([...varint(BigInt(field * 8 + 5)), 0, 0, 128, 63]);
const double = (field: number) => Buffer.from([...varint(BigInt(field * 8 + 1)), 0, 0, 0, 0, 0, 0, 240, 63]);

const input = (name: string, ...sizes: Buffer[]) =>
	bytes(11, text(1, name), bytes(2, bytes(1, number(1, 1n), bytes(2, ...sizes.map((size) => bytes(1, size))))));
const weight = (name: string, data = Buffer.alloc(0)) => bytes(5, number(1, 3n), text(8, name), bytes(9, data));
const model = (...graph: Buffer[]) => Buffer.concat([number(1, 8n), text(2, 'test'), bytes(7, ...graph)]);

describe('inputs of an ONNX file', () => {
	test('are those of the graphs that this package writes', async () => {
		const graph = new Graph('sum');
		const inputs = [
			{ name: 'input.1', shape: [1, 3, undefined, undefined] },
			{ name: 'scale', shape: [] },
		];
		const photo = graph.input('input.1', 'float32', [1, 3, 'height', 'width']);
		graph.output('y', graph.node('Mul', [photo, graph.input('scale', 'float32', [])]), 'float32');
		const file = folder.write('sum.onnx', graph.finish().graph);
		expect(await readOnnxModel(file)).toMatchObject({ inputs, outputs: 1, tensors: 0 });
	});

	test('leave out weights, of whatever size, and sizes that are open', async () => {
		const file = folder.write(
			'old.onnx',
			model(
				bytes(1, text(1, 'data'), text(2, 'y'), text(4, 'Relu'), float(20), double(21)),
				weight('first', Buffer.alloc(300_000, 255)),
				input('first', number(1, 3n)),
				input('data', text(2, 'None'), number(1, 3n), number(1, 2n ** 64n - 1n), number(1, 0n)),
				input('second', number(1, 7n)),
				weight('second', Buffer.alloc(50_000, 58)),
			),
		);
		expect(await readOnnxModel(file)).toMatchObject({
			inputs: [{ name: 'data', shape: [undefined, 3, undefined, undefined] }],
			tensors: 2,
		});
	});

	const whole = model(input('data', number(1, 1n)), weight('w', Buffer.alloc(40_000)));
	test.each([
		['empty', Buffer.alloc(0)],
		['a text', Buffer.from('this is no network but a text of some length')],
		['without inputs', model(weight('w'))],
		['without a graph', text(2, 'test')],
		['cut off', whole.subarray(0, whole.length / 2)],
		['cut off in its last number', whole.subarray(0, 14)],
		['zeros', Buffer.alloc(5000)],
		['ones', Buffer.alloc(5000, 255)],
	])('of one that is %s are refused, naming the file', async (name, content) => {
		const file = folder.write(`${name}.onnx`, content);
		await expect(readOnnxModel(file)).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			message: expect.stringContaining(file),
		});
	});

	test.each([
		['zeros', 0],
		['empty fields', 8],
	])('of %s without an end are refused without reading them all', async (_, byte) => {
		const file = folder.write('endless.onnx', Buffer.alloc(2 ** 24).fill(Buffer.from([byte, 0])));
		truncateSync(file, 2 ** 32);
		await expect(readOnnxModel(file)).rejects.toMatchObject({ code: 'INVALID_WEIGHTS' });
	});

	test('of one that is not there are refused, naming it', async () => {
		const file = folder.path('none.onnx');
		await expect(readOnnxModel(file)).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			message: expect.stringContaining(file),
		});
	});
});
