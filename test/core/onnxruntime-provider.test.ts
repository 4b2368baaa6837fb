// ONNX Runtime as a provider: opening the library, loading and running networks.
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Graph } from '../../models/graph/graph.ts';
import type { DataType } from '../../models/weights/reference.ts';
import { inside, insideFile, type NetworkRun, onnxRuntimeLibrary } from '../inside.ts';

const folder = mkdtempSync(join(tmpdir(), 'arc2face-'));
afterAll(() => rmSync(folder, { recursive: true }));

function thrown(action: () => unknown): Error & { code?: string } {
	try {
		action();
	} catch (error) {
		return error as Error;
	}
	throw new Error('Nothing was thrown.');
}

/** y = x · w, with w in a file. */
function product(values: NodeJS.ArrayBufferView, type: DataType = 'float32') {
	const file = join(folder, `${type}.bin`);
	writeFileSync(file, values);
	const graph = new Graph('product');
	const w = graph.weight('w', { file, offset: 0, length: values.byteLength, type, shape: [2] });
	const cast = type === 'float32' ? w : graph.node('Cast', [w], { to: 1 });
	graph.output('y', graph.node('Mul', [graph.input('x', 'float32', ['n', 2]), cast]), 'float32', ['n', 2]);
	const { graph: model, weights } = graph.finish();
	const run: NetworkRun = {
		library: onnxRuntimeLibrary,
		name: 'product',
		graph: model,
		weights,
		inputs: { x: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
		outputs: { y: [2, 2] },
	};
	return { run, file };
}

/** Minutes of work, so that only an interrupt ends it soon. */
function endless(): NetworkRun {
	const graph = new Graph('endless');
	const x = graph.input('x', 'float32', ['n', 'n']);
	let value = x;
	for (let i = 0; i < 4000; i++) value = graph.node('MatMul', [value, x]);
	graph.output('y', value, 'float32', ['n', 'n']);
	const size = 1024;
	return {
		library: onnxRuntimeLibrary,
		graph: graph.finish().graph,
		inputs: { x: { shape: [size, size], data: new Float32Array(size * size) } },
		outputs: { y: [size, size] },
	};
}

describe('the library', () => {
	test.each([
		['is missing', join(folder, 'missing.so'), "it can't be opened"],
		['is a text', import.meta.filename, 'it is no shared library'],
		['is cut short', join(folder, 'short.so'), 'it is cut short'],
		['is another library', join(folder, 'other.so'), 'OrtGetApiBase'],
	])('is refused when it %s', (_, library, reason) => {
		// Linux's messages; other systems word these faults differently.
		if (process.platform !== 'linux') reason = library;
		copyFileSync(onnxRuntimeLibrary, join(folder, 'short.so'));
		truncateSync(join(folder, 'short.so'), 1_000_000);
		copyFileSync(insideFile, join(folder, 'other.so'));
		const error = thrown(() => inside.runNetwork({ ...product(new Float32Array(2)).run, library }));
		expect(error).toMatchObject({ code: 'NO_DEVICE' });
		expect(error.message).toContain(library);
		expect(error.message).toContain(reason);
	});
});

describe('a network', () => {
	test.each([
		['float32', Float32Array.of(2, 3)],
		['float64', Float64Array.of(2, 3)],
		['float16', Uint16Array.of(0x4000, 0x4200)],
		['bfloat16', Uint16Array.of(0x4000, 0x4040)],
		['int64', BigInt64Array.of(2n, 3n)],
		['uint8', Uint8Array.of(2, 3)],
	] as const)('takes weights of type %s from their file', (type, values) => {
		const { y } = inside.runNetwork(product(values, type).run);
		expect(y).toEqual({ shape: [2, 2], data: Float32Array.of(2, 6, 6, 12) });
	});

	test.each([
		['the size of an input', { inputs: { x: { shape: [4], data: new Float32Array(4) } } }, 'float32 [4]'],
		['the type of an input', { inputs: { x: { type: 'int32', shape: [2, 2], data: new Int32Array(4) } } }, 'int32'],
		['the size of an output', { outputs: { y: [1, 2] } }, 'output'],
	] as const)('refuses %s when it does not fit', (_, change, part) => {
		const error = thrown(() => inside.runNetwork({ ...product(Float32Array.of(2, 3)).run, ...change }));
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
		expect(error.message).toContain('product');
		expect(error.message).toContain(part);
	});

	test('of a broken graph is refused by its name', () => {
		const run = { ...product(Float32Array.of(2, 3)).run, graph: new TextEncoder().encode('This is no graph.') };
		const error = thrown(() => inside.runNetwork(run));
		expect(error).toMatchObject({ code: 'INVALID_WEIGHTS' });
		expect(error.message).toContain('the network product');
	});

	test.each([0, 100])('stops in the middle of a run after %d ms', (cancelAfterMs) => {
		const started = performance.now();
		expect(thrown(() => inside.runNetwork({ ...endless(), cancelAfterMs }))).toMatchObject({ code: 'CANCELLED' });
		// Includes loading, and the machine may be busy; the whole run would take many minutes.
		expect(performance.now() - started).toBeLessThan(60_000);
	});
});
