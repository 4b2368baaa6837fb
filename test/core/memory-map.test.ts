// Weights are read from mapped files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Graph } from '../../models/graph/graph.ts';
import { inside, onnxRuntimeLibrary } from '../inside.ts';

const folder = mkdtempSync(join(tmpdir(), 'arc2face-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** y = x · w, with a large w in a file that the run reads from and that is mapped over many pages. */
function product(file: string) {
	const size = 1 << 20;
	const graph = new Graph('product');
	const w = graph.weight('w', { file, offset: 0, length: 4 * size, type: 'float32', shape: [size] });
	graph.output('y', graph.node('Mul', [graph.input('x', 'float32', [1]), w]), 'float32', [size]);
	const { graph: model, weights } = graph.finish();
	return {
		library: onnxRuntimeLibrary,
		graph: model,
		weights,
		inputs: { x: { shape: [1], data: Float32Array.of(2) } },
	};
}

const weights = new Float32Array(1 << 20).fill(3);

test('weights are read where they lie', () => {
	const file = join(folder, 'whole.bin');
	writeFileSync(file, weights);
	expect(inside.runNetwork(product(file)).y!.data.every((value) => value === 6)).toBe(true);
});

// Windows does not let mapped files be shortened.
test.runIf(process.platform !== 'win32')(
	'a file that is cut short while it is mapped fails the run, not the process',
	() => {
		const file = join(folder, 'cut.bin');
		writeFileSync(file, weights);
		expect(() => inside.runNetwork({ ...product(file), shorten: file })).toThrow(
			expect.objectContaining({ code: 'INVALID_WEIGHTS', message: expect.stringContaining(file) }),
		);
		writeFileSync(file, weights);
		expect(inside.runNetwork(product(file)).y!.data[0]).toBe(6);
	},
);

test.each([
	['that is missing', join(folder, 'missing.bin')],
	['that is a folder', folder],
])('a file %s is refused by its name', (_, file) => {
	expect(() => inside.runNetwork(product(file))).toThrow(
		expect.objectContaining({ code: 'INVALID_WEIGHTS', message: expect.stringContaining(file) }),
	);
});
