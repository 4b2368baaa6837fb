// Low-rank additions to the layers of a network (LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685) that are not fused into
// its weights, so that each row of a batch has them as strongly as it asks for.
import { invalidWeights, remedies } from '../weights/invalid.ts';
import type { LowRank, LowRankLayer } from '../weights/low-rank.ts';
import type { WeightReference } from '../weights/reference.ts';
import type { Additions } from './additions.ts';
import type { Value } from './graph.ts';
import type { AttributeValue } from './onnx.ts';
import type { Scope } from './scope.ts';

/** @param strength - how strongly each row has them, float32 [batch] */
export function additions(at: Scope, layers: LowRank, strength: Value): Additions {
	const all = { layers, batch: at.op('Shape', [strength]), strength: at.compute(strength, 'float32') };
	// How many rows there are then depends on numbers, which engines are not built for.
	if (!at.microsoftOperators) return { ...all, rows: undefined };
	const rows = at.op('Reshape', [at.op('NonZero', [strength]), at.integers([-1])]);
	return { ...all, rows, strength: at.op('Gather', [all.strength, rows]) };
}

/**
 * A linear layer's results with its addition.
 *
 * @param x - [batch · positions, from]
 * @param plain - the results in equal parts, [batch · positions, to / parts] each
 */
export function multiplied(at: Scope, x: Value, plain: readonly Value[], from: number, to: number): readonly Value[] {
	const { addition } = at;
	if (addition === undefined) return plain;
	const { batch, rows, strength } = addition;
	const rank = checkedRank(addition, [from], to);
	const down = at.tensor('lora_down', { ...addition.down, shape: [rank, from] });
	const ups = at.tensorParts('lora_up', { ...addition.up, shape: [to, rank] }, plain.length);
	const all = at.op('Concat', [batch, at.integers([-1])], { axis: 0 });
	let [taken, sizes] = [x, all];
	if (rows !== undefined) {
		const byRow = at.op('Gather', [split(at, x, all, from), rows]);
		[taken, sizes] = [merged(at, byRow, from), at.op('Shape', [byRow], { start: 0, end: 2 })];
	}
	const hidden = split(at, at.op('Gemm', [taken, down], { transB: 1 }), sizes, rank);
	const weighted = at.op('Mul', [hidden, at.op('Reshape', [strength, at.integers([-1, 1, 1])])]);
	const inner = merged(at, weighted, rank);
	const alpha = { alpha: { float: addition.scale }, transB: 1 };
	return plain.map((one, i) => {
		if (rows === undefined) return at.op('Gemm', [inner, ups[i]!, one], alpha);
		const size = to / plain.length;
		const more = split(at, at.op('Gemm', [inner, ups[i]!], alpha), sizes, size);
		return merged(at, addedTo(at, split(at, one, all, size), rows, more), size);
	});
}

/**
 * A convolution's result with its addition.
 *
 * @param x - [batch, from, height, width]
 * @param attributes - those of the convolution
 */
export function convolved(
	at: Scope,
	x: Value,
	plain: Value,
	[to, from, kernel]: readonly [to: number, from: number, kernel: number],
	attributes: Readonly<Record<string, AttributeValue>>,
): Value {
	const { addition } = at;
	if (addition === undefined) return plain;
	const { rows, strength } = addition;
	const rank = checkedRank(addition, [from, kernel, kernel], to);
	const down = at.tensor('lora_down', { ...addition.down, shape: [rank, from, kernel, kernel] });
	const up = at.tensor('lora_up', { ...addition.up, shape: [to, rank, 1, 1] });
	const factor = at.op('Mul', [strength, at.scalar(addition.scale)]);
	const taken = rows === undefined ? x : at.op('Gather', [x, rows]);
	const hidden = at.op('Mul', [
		at.op('Conv', [taken, down], attributes),
		at.op('Reshape', [factor, at.integers([-1, 1, 1, 1])]),
	]);
	const more = at.op('Conv', [hidden, up], { kernel_shape: [1, 1] });
	return rows === undefined ? at.op('Add', [plain, more]) : addedTo(at, plain, rows, more);
}

/** [rows · positions, size] as [rows, positions, size]: the positions of a row are merged with it. @param sizes - the first two, int64 [2] */
function split(at: Scope, value: Value, sizes: Value, size: number): Value {
	const shape = at.op('Concat', [sizes, at.integers([size])], { axis: 0 });
	// Of no rows, a 0 is meant as such.
	return at.op('Reshape', [value, shape], at.addition!.rows === undefined ? {} : { allowzero: 1 });
}

function merged(at: Scope, value: Value, size: number): Value {
	return at.op('Reshape', [value, at.integers([-1, size])]);
}

function addedTo(at: Scope, plain: Value, rows: Value, more: Value): Value {
	return at.op('ScatterND', [plain, at.op('Reshape', [rows, at.integers([-1, 1])]), more], { reduction: 'add' });
}

/**
 * The rank, if both factors fit the layer. Trailing axes of size 1 may be missing or there: a 1 × 1 convolution is a linear layer.
 *
 * @param inner - the axes of `down` after the rank
 */
function checkedRank({ down, up, names }: LowRankLayer, inner: readonly number[], to: number): number {
	const rank = down.shape[0] ?? 0;
	check(down, names.down, [rank, ...inner]);
	check(up, names.up, [to, rank]);
	return rank;
}

function check({ file, shape }: WeightReference, tensor: string, expected: readonly number[]): void {
	const axes = Math.max(shape.length, expected.length);
	const fits = Array.from({ length: axes }, (_, i) => (shape[i] ?? 1) === (expected[i] ?? 1)).every(Boolean);
	if (fits && shape.length > 0) return;
	throw invalidWeights(`shape [${expected.join(', ')}]`, { file, tensor }, `shape [${shape.join(', ')}]`, another);
}

const another = { remedy: remedies.otherAdapter };
