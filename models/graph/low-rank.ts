// Low-rank additions to the layers of a network (LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685) that are not fused into
// its weights, so that each row of a batch has them as strongly as it asks for.
import { invalidWeights, remedies } from '../weights/invalid.ts';
import type { LowRankLayer } from '../weights/low-rank.ts';
import type { WeightReference } from '../weights/reference.ts';
import type { Value } from './graph.ts';
import type { AttributeValue } from './onnx.ts';
import type { Scope } from './scope.ts';

/**
 * A linear layer's results with its addition.
 *
 * @param x - [batch · positions, from]
 * @param plain - the results in equal parts, [batch · positions, to / parts] each
 */
export function multiplied(at: Scope, x: Value, plain: readonly Value[], from: number, to: number): readonly Value[] {
	const { addition } = at;
	if (addition === undefined) return plain;
	const rank = checkedRank(addition, [from], to);
	const down = at.tensor('lora_down', { ...addition.down, shape: [rank, from] });
	const ups = at.tensorParts('lora_up', { ...addition.up, shape: [to, rank] }, plain.length);
	const hidden = at.op('Gemm', [x, down], { transB: 1 });
	// By row of the batch: the positions of a row are merged with it.
	const byRow = at.op('Reshape', [hidden, byBatch(at, addition.strength, [-1, rank])]);
	const weighted = at.op('Mul', [byRow, at.op('Reshape', [addition.strength, at.integers([-1, 1, 1])])]);
	const rows = at.op('Reshape', [weighted, at.integers([-1, rank])]);
	const alpha = { alpha: { float: addition.scale }, transB: 1 };
	return plain.map((one, i) => at.op('Gemm', [rows, ups[i]!, one], alpha));
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
	const rank = checkedRank(addition, [from, kernel, kernel], to);
	const down = at.tensor('lora_down', { ...addition.down, shape: [rank, from, kernel, kernel] });
	const up = at.tensor('lora_up', { ...addition.up, shape: [to, rank, 1, 1] });
	const factor = at.op('Mul', [addition.strength, at.scalar(addition.scale)]);
	const hidden = at.op('Mul', [
		at.op('Conv', [x, down], attributes),
		at.op('Reshape', [factor, at.integers([-1, 1, 1, 1])]),
	]);
	return at.op('Add', [plain, at.op('Conv', [hidden, up], { kernel_shape: [1, 1] })]);
}

function byBatch(at: Scope, strength: Value, sizes: readonly number[]): Value {
	return at.op('Concat', [at.op('Shape', [strength]), at.integers(sizes)], { axis: 0 });
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
