// Layers that networks share: linear, convolution, norms, activation, upsampling.
import type { Value } from './graph.ts';
import { convolved, multiplied } from './low-rank.ts';
import type { Scope } from './scope.ts';

/**
 * `x · weightᵀ + bias`
 * @param x - [rows, from]
 * @returns [rows, to]
 */
export function linear(at: Scope, x: Value, from: number, to: number, { bias = true } = {}): Value {
	// Gemm takes the weight as checkpoints hold it, [to, from]; a transposed copy would cost memory while loading.
	const inputs = [x, at.weight('weight', [to, from])];
	if (bias) inputs.push(at.weight('bias', [to]));
	return at.result(multiplied(at, x, [at.op('Gemm', inputs, { transB: 1 })], from, to)[0]!);
}

type ConvolutionOptions = Readonly<{ kernel?: number; stride?: number; pads?: readonly number[]; bias?: boolean }>;

/**
 * 2-D convolution.
 * @param x - [batch, from, height, width]
 * @param pads - at the top, left, bottom and right (default: half the kernel, which keeps the size if the stride is 1)
 */
export function conv2d(
	at: Scope,
	x: Value,
	from: number,
	to: number,
	{ kernel = 3, stride = 1, pads, bias = true }: ConvolutionOptions = {},
): Value {
	const inputs = [x, at.weight('weight', [to, from, kernel, kernel])];
	if (bias) inputs.push(at.weight('bias', [to]));
	const half = (kernel - 1) / 2;
	const attributes = {
		kernel_shape: [kernel, kernel],
		strides: [stride, stride],
		pads: pads ?? [half, half, half, half],
	};
	return at.result(convolved(at, x, at.op('Conv', inputs, attributes), [to, from, kernel], attributes));
}

/**
 * Each group of channels with mean 0 and variance 1, then a scale and a shift per channel.
 * @param x - [batch, channels, height, width]
 */
export function groupNorm(at: Scope, x: Value, channels: number, groups: number, epsilon: number): Value {
	// As an instance normalisation of [batch, groups, rest]: ONNX Runtime's kernel for it takes half the time of the
	// GroupNormalization operator, which it decomposes with a variance E[x²] − E[x]² that is also less exact.
	const ones = at.compute(at.floats([groups], new Array(groups).fill(1), 'ones'), 'float32');
	const zeros = at.compute(at.floats([groups], new Array(groups).fill(0), 'zeros'), 'float32');
	const grouped = at.op('Reshape', [x, at.integers([0, groups, -1])]);
	const normal = at.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
	const image = at.op('Reshape', [normal, at.op('Shape', [x])]);
	const scaled = at.op('Mul', [image, at.weight('weight', [channels], [channels, 1, 1])]);
	return at.result(at.op('Add', [scaled, at.weight('bias', [channels], [channels, 1, 1])]));
}

/** @param x - [rows, size]; each row is normalised */
export function layerNorm(at: Scope, x: Value, size: number, epsilon: number): Value {
	const inputs = [x, at.weight('weight', [size]), at.weight('bias', [size])];
	return at.result(at.op('LayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } }));
}

/** x · sigmoid(x) */
export function silu(at: Scope, x: Value): Value {
	return at.op('Mul', [x, at.op('Sigmoid', [x])]);
}

/** To twice the size or, with `like`, to the height and width of that image; each pixel is its nearest neighbour's. */
export function upsampleNearest(at: Scope, x: Value, like?: Value): Value {
	const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
	if (like === undefined) return at.op('Resize', [x, '', at.floats([4], [1, 1, 2, 2], 'double')], nearest);
	const sizes = [at.op('Shape', [x], { end: 2 }), at.op('Shape', [like], { start: 2 })];
	return at.op('Resize', [x, '', '', at.op('Concat', sizes, { axis: 0 })], nearest);
}
