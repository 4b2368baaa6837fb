// How different two images look: LPIPS on AlexNet, Zhang et al. 2018, https://arxiv.org/abs/1801.03924, as the package `lpips` 0.1.4 computes its
// version 0.1, https://github.com/richzhang/PerceptualSimilarity.
import type { NetworkGraph, Value } from '../graph/graph.ts';
import { conv2d } from '../graph/layers.ts';
import { type NetworkOptions, Scope } from '../graph/scope.ts';
import type { WeightSource } from '../weights/weight-set.ts';

/** Of −1 … 1 to what AlexNet was trained on. */
const shift = [-0.03, -0.088, -0.188];
const scale = [0.458, 0.448, 0.45];
/** Keeps the length of a feature of zeros from dividing by 0. */
const epsilon = 1e-10;

/** The convolutions of torchvision's AlexNet, by their index there; all but the first two keep the size. */
const layers = [
	{ index: 0, from: 3, to: 64, kernel: 11, stride: 4, pad: 2, pooled: false },
	{ index: 3, from: 64, to: 192, kernel: 5, stride: 1, pad: 2, pooled: true },
	{ index: 6, from: 192, to: 384, kernel: 3, stride: 1, pad: 1, pooled: true },
	{ index: 8, from: 384, to: 256, kernel: 3, stride: 1, pad: 1, pooled: false },
	{ index: 10, from: 256, to: 256, kernel: 3, stride: 1, pad: 1, pooled: false },
] as const;

/**
 * Inputs: `first` and `second` [batch, 3, height, width], RGB from 0 to 255, at least 31 pixels a side. Outputs: `distance` [batch], 0 for equal images.
 *
 * @param alexNet - named as in torchvision's `alexnet-owt-7be5be79.pth` (`features.0.weight`), whose classifier is not used
 * @param heads - one weight for each channel of a layer, named as in lpips' `weights/v0.1/alex.pth` (`lin0.model.1.weight`)
 */
export function lpips(alexNet: WeightSource, heads: WeightSource, options: NetworkOptions = {}): NetworkGraph {
	const root = Scope.root('lpips', alexNet, options);
	const images = ['first', 'second'].map((name) => root.input(name, ['batch', 3, 'height', 'width']));
	const features = featuresOf(root, root.op('Concat', images, { axis: 0 }));
	const weighted = root.from(heads);
	const terms = layers.map(({ to }, k) => {
		const [first, second] = root.split(features[k]!, 2, 0);
		const difference = root.op('Sub', [first!, second!]);
		const squared = root.op('Mul', [difference, difference]);
		const weight = weighted.at(`lin${k}.model.1`).weight('weight', [1, to, 1, 1]);
		const sum = root.op('Conv', [squared, weight], { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] });
		return weighted.at(`lin${k}`).result(root.op('GlobalAveragePool', [sum]));
	});
	const total = terms.reduce((sum, term) => root.op('Add', [sum, term]));
	root.output('distance', root.op('Reshape', [total, root.integers([-1])]), ['batch']);
	return root.finish();
}

/** After each layer's ReLU, with length 1 at each position. */
function featuresOf(root: Scope, images: Value): Value[] {
	const constants = [shift, scale].map((values) => root.compute(root.floats([3, 1, 1], values), 'float32'));
	const centred = root.op('Sub', [root.op('Div', [images, root.scalar(127.5)]), root.scalar(1)]);
	let x = root.op('Div', [root.op('Sub', [centred, constants[0]!]), constants[1]!]);
	return layers.map(({ index, from, to, kernel, stride, pad, pooled }) => {
		if (pooled) x = root.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] });
		x = conv2d(root.at(`features.${index}`), x, from, to, { kernel, stride, pads: [pad, pad, pad, pad] });
		x = root.op('Relu', [x]);
		return normalised(root, x);
	});
}

function normalised(root: Scope, x: Value): Value {
	const squares = root.op('ReduceSum', [root.op('Mul', [x, x]), root.integers([1])], { keepdims: 1 });
	return root.op('Div', [x, root.op('Add', [root.op('Sqrt', [squares]), root.scalar(epsilon)])]);
}
