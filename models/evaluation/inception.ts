// The Inception network of the Fréchet inception distance: TensorFlow's of 2015 as pytorch-fid ported it, https://github.com/mseitzer/pytorch-fid
// (pytorch_fid/inception.py), which differs from torchvision's in its pools.
import type { NetworkGraph, Value } from '../graph/graph.ts';
import { type NetworkOptions, Scope } from '../graph/scope.ts';
import type { WeightSource } from '../weights/weight-set.ts';

/** Numbers in the features of an image: the mean of the last layer over its positions, pool3. */
export const inceptionFeatures = 2048;

/** Pixels a side of what the network reads; images are stretched to it. */
const side = 299;
const batchNormEpsilon = 1e-3;

type Kernel = number | readonly [height: number, width: number];
type Step = Readonly<{ kernel?: Kernel; stride?: number; pad?: Kernel }>;

/**
 * Inputs: `image` [batch, 3, height, width], RGB from 0 to 255. Outputs: `features` [batch, 2048].
 *
 * Tensors are named as in `pt_inception-2015-12-05-6726825d.pth`, whose classifier (`fc`) is not used.
 */
export function inception(weights: WeightSource, options: NetworkOptions = {}): NetworkGraph {
	const root = Scope.root('inception', weights, options);
	let x = root.input('image', ['batch', 3, 'height', 'width']);
	x = root.at('resize').result(toInput(root, x));
	x = convolution(root.at('Conv2d_1a_3x3'), x, 3, 32, { kernel: 3, stride: 2 });
	x = convolution(root.at('Conv2d_2a_3x3'), x, 32, 32, { kernel: 3 });
	x = convolution(root.at('Conv2d_2b_3x3'), x, 32, 64, { kernel: 3, pad: 1 });
	x = root.at('maxpool1').result(maxPool(root, x, 2));
	x = convolution(root.at('Conv2d_3b_1x1'), x, 64, 80);
	x = convolution(root.at('Conv2d_4a_3x3'), x, 80, 192, { kernel: 3 });
	x = root.at('maxpool2').result(maxPool(root, x, 2));
	x = blockA(root.at('Mixed_5b'), x, 192, 32);
	x = blockA(root.at('Mixed_5c'), x, 256, 64);
	x = blockA(root.at('Mixed_5d'), x, 288, 64);
	x = blockB(root.at('Mixed_6a'), x, 288);
	for (const [name, inner] of Object.entries({ Mixed_6b: 128, Mixed_6c: 160, Mixed_6d: 160, Mixed_6e: 192 })) {
		x = blockC(root.at(name), x, inner);
	}
	x = blockD(root.at('Mixed_7a'), x);
	x = blockE(root.at('Mixed_7b'), x, 1280, meanPool);
	// The port keeps what looks like a slip of the original: a maximum instead of a mean.
	x = blockE(root.at('Mixed_7c'), x, 2048, (at, value) => maxPool(at, value, 1));
	const pooled = root.op('Flatten', [root.op('GlobalAveragePool', [x])]);
	root.output('features', pooled, ['batch', inceptionFeatures]);
	return root.finish();
}

/** 0 … 255 to −1 … 1, stretched without a filter against aliasing, as `interpolate(mode="bilinear", align_corners=False)` does. */
function toInput(at: Scope, image: Value): Value {
	const share = at.op('Div', [image, at.scalar(255)]);
	const sizes = at.op('Concat', [at.op('Shape', [share], { end: 2 }), at.integers([side, side])], { axis: 0 });
	const attributes = { mode: 'linear', coordinate_transformation_mode: 'half_pixel' };
	const resized = at.op('Resize', [share, '', '', sizes], attributes);
	return at.op('Sub', [at.op('Mul', [resized, at.scalar(2)]), at.scalar(1)]);
}

/** Without bias, then batch normalisation and ReLU. */
function convolution(
	at: Scope,
	x: Value,
	from: number,
	to: number,
	{ kernel = 1, stride = 1, pad = 0 }: Step = {},
): Value {
	const [height, width] = pairOf(kernel);
	const [vertical, horizontal] = pairOf(pad);
	const convolved = at.op('Conv', [x, at.at('conv').weight('weight', [to, from, height, width])], {
		...{ kernel_shape: [height, width], strides: [stride, stride] },
		pads: [vertical, horizontal, vertical, horizontal],
	});
	const norm = at.at('bn');
	const parameters = ['weight', 'bias', 'running_mean', 'running_var'].map((name) => norm.weight(name, [to]));
	const normal = at.op('BatchNormalization', [convolved, ...parameters], { epsilon: { float: batchNormEpsilon } });
	return at.result(at.op('Relu', [normal]));
}

function maxPool(at: Scope, x: Value, stride: number): Value {
	const pads = stride === 1 ? [1, 1, 1, 1] : [0, 0, 0, 0];
	return at.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [stride, stride], pads });
}

/** Of what lies within the image. */
function meanPool(at: Scope, x: Value): Value {
	return at.op('AveragePool', [x], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 });
}

function blockA(at: Scope, x: Value, from: number, pooled: number): Value {
	const narrow = convolution(at.at('branch5x5_1'), x, from, 48);
	const double = convolution(at.at('branch3x3dbl_1'), x, from, 64);
	const wider = convolution(at.at('branch3x3dbl_2'), double, 64, 96, { kernel: 3, pad: 1 });
	return joined(at, [
		convolution(at.at('branch1x1'), x, from, 64),
		convolution(at.at('branch5x5_2'), narrow, 48, 64, { kernel: 5, pad: 2 }),
		convolution(at.at('branch3x3dbl_3'), wider, 96, 96, { kernel: 3, pad: 1 }),
		convolution(at.at('branch_pool'), meanPool(at, x), from, pooled),
	]);
}

function blockB(at: Scope, x: Value, from: number): Value {
	const double = convolution(at.at('branch3x3dbl_1'), x, from, 64);
	const wider = convolution(at.at('branch3x3dbl_2'), double, 64, 96, { kernel: 3, pad: 1 });
	return joined(at, [
		convolution(at.at('branch3x3'), x, from, 384, { kernel: 3, stride: 2 }),
		convolution(at.at('branch3x3dbl_3'), wider, 96, 96, { kernel: 3, stride: 2 }),
		maxPool(at, x, 2),
	]);
}

function blockC(at: Scope, x: Value, inner: number): Value {
	const from = 768;
	const chain = (names: string, first: Value, steps: readonly (readonly [to: number, kernel: 'row' | 'column'])[]) =>
		steps.reduce<{ value: Value; channels: number }>(
			({ value, channels }, [to, kernel], k) => ({
				value: convolution(at.at(`${names}_${k + 2}`), value, channels, to, line(kernel, 7)),
				channels: to,
			}),
			{ value: first, channels: inner },
		).value;
	const [single, double] = ['branch7x7', 'branch7x7dbl'].map((name) => convolution(at.at(`${name}_1`), x, from, inner));
	return joined(at, [
		convolution(at.at('branch1x1'), x, from, 192),
		chain('branch7x7', single!, [
			[inner, 'row'],
			[192, 'column'],
		]),
		chain('branch7x7dbl', double!, [
			[inner, 'column'],
			[inner, 'row'],
			[inner, 'column'],
			[192, 'row'],
		]),
		convolution(at.at('branch_pool'), meanPool(at, x), from, 192),
	]);
}

function blockD(at: Scope, x: Value): Value {
	const from = 768;
	const narrow = convolution(at.at('branch3x3_1'), x, from, 192);
	let long = convolution(at.at('branch7x7x3_1'), x, from, 192);
	long = convolution(at.at('branch7x7x3_2'), long, 192, 192, line('row', 7));
	long = convolution(at.at('branch7x7x3_3'), long, 192, 192, line('column', 7));
	return joined(at, [
		convolution(at.at('branch3x3_2'), narrow, 192, 320, { kernel: 3, stride: 2 }),
		convolution(at.at('branch7x7x3_4'), long, 192, 192, { kernel: 3, stride: 2 }),
		maxPool(at, x, 2),
	]);
}

function blockE(at: Scope, x: Value, from: number, pool: (at: Scope, x: Value) => Value): Value {
	const single = convolution(at.at('branch3x3_1'), x, from, 384);
	const double = convolution(at.at('branch3x3dbl_1'), x, from, 448);
	const wider = convolution(at.at('branch3x3dbl_2'), double, 448, 384, { kernel: 3, pad: 1 });
	return joined(at, [
		convolution(at.at('branch1x1'), x, from, 320),
		convolution(at.at('branch3x3_2a'), single, 384, 384, line('row', 3)),
		convolution(at.at('branch3x3_2b'), single, 384, 384, line('column', 3)),
		convolution(at.at('branch3x3dbl_3a'), wider, 384, 384, line('row', 3)),
		convolution(at.at('branch3x3dbl_3b'), wider, 384, 384, line('column', 3)),
		convolution(at.at('branch_pool'), pool(at, x), from, 192),
	]);
}

function joined(at: Scope, branches: readonly Value[]): Value {
	return at.result(at.op('Concat', branches, { axis: 1 }));
}

/** A convolution along a row or a column that keeps the size. */
function line(direction: 'row' | 'column', length: number): Step {
	const half = (length - 1) / 2;
	return direction === 'row' ? { kernel: [1, length], pad: [0, half] } : { kernel: [length, 1], pad: [half, 0] };
}

function pairOf(kernel: Kernel): readonly [number, number] {
	return typeof kernel === 'number' ? [kernel, kernel] : kernel;
}
