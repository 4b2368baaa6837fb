// The graphs that this package writes, run by ONNX Runtime.
import { describe, expect, test } from 'vitest';
import { Graph } from '../../models/graph/graph.ts';
import { Scope } from '../../models/graph/scope.ts';
import { WeightInventory } from '../../models/weights/weight-set.ts';
import { float32, int64, runNetwork } from '../networks.ts';

describe('Graph', () => {
	test('writes what ONNX Runtime reads: every kind of attribute, constants of several types, several outputs', () => {
		const graph = new Graph('kinds');
		const x = graph.input('x', 'float32', ['batch', 4]);
		const slope = graph.node('LeakyRelu', [x], { alpha: { float: 1 } }); // would be an integer without the mark
		const [left, right] = graph.nodeWithOutputs('Split', 2, [slope], { axis: -1, num_outputs: 2 });
		const wide = graph.constant('float64', [2], Float64Array.of(10, 20));
		const narrow = graph.node('Cast', [wide], { to: 1 });
		const product = graph.node('Einsum', [left!, narrow], { equation: 'bi,i->bi' });
		const swapped = graph.node('Transpose', [graph.node('Sub', [product, right!])], { perm: [1, 0] });
		const rounded = graph.node('Constant', [], { value_floats: { floats: [1, 2] } });
		const sum = graph.node('Add', [
			swapped,
			graph.node('Unsqueeze', [rounded, graph.constant('int64', [1], BigInt64Array.of(1n))]),
		]);
		graph.output('y', sum, 'float32', [2, 'batch']);

		const network = graph.finish();
		const { y } = runNetwork(network, { x: float32([2, 4], [1, 2, 3, 4, 5, 6, 7, -8]) }, { y: [2, 2] });
		// Columns 0 and 1 times 10 and 20, less columns 2 and 3, as rows; 1 and 2 added to the rows.
		expect([...y!.data]).toEqual([10 - 3 + 1, 50 - 7 + 1, 40 - 4 + 2, 120 + 8 + 2]);
		expect(network.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['batch', 4] }]);
		expect(network.outputs).toEqual([{ name: 'y', type: 'float32', shape: [2, 'batch'] }]);
	});

	test('tells nodes of one label apart, and refuses two tensors of one name', () => {
		const graph = new Graph('names');
		const x = graph.input('x', 'int64', ['n']);
		const labels = ['Neg', 'Neg', 'Neg'].map((op) => graph.node(op, [x]));
		expect(new Set(labels).size).toBe(3);
		expect(() => graph.input('x', 'int64', ['n'])).toThrow('two tensors of the name x');
		graph.output('y', labels[2]!, 'int64', ['n']);
		expect([...runNetwork(graph.finish(), { x: int64([2], [3, -4]) }, { y: [2] }).y!.data]).toEqual([-3, 4]);
	});
});

describe('Scope', () => {
	test('declares weights by their place in the checkpoint, in parts and in other shapes too', () => {
		const inventory = new WeightInventory();
		const net = Scope.root('parts', inventory, {});
		const at = net.at('block.0');
		at.weightParts('proj.weight', [6, 4], 2);
		at.weight('norm.weight', [8], [8, 1, 1]);
		const place = ({ name, offset, length, shape }: ReturnType<Scope['finish']>['weights'][number]) => ({
			name,
			offset,
			length,
			shape,
		});
		expect(net.finish().weights.map(place)).toEqual([
			{ name: 'block.0.proj.weight.0', offset: 0, length: 48, shape: [3, 4] },
			{ name: 'block.0.proj.weight.1', offset: 48, length: 48, shape: [3, 4] },
			{ name: 'block.0.norm.weight', offset: 0, length: 32, shape: [8, 1, 1] },
		]);
		expect([...inventory.shapes]).toEqual([
			['block.0.proj.weight', [6, 4]],
			['block.0.norm.weight', [8]],
		]);
	});
});
