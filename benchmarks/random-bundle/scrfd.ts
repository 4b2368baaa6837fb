// A face detector with random weights.
import type { Value } from '../../models/graph/graph.ts';
import { RandomGraph } from './random-graph.ts';

export type ScrfdSize = Readonly<{
	/** Channels of the stem and blocks and channels of the four stages (strides 4, 8, 16, 32). */
	stem: number;
	blocks: readonly [number, number, number, number];
	channels: readonly [number, number, number, number];
	/** Channels of the feature pyramid and of the heads; the latter a multiple of {@link headGroups}. */
	neck: number;
	head: number;
}>;

const headGroups = 16;
const anchorsPerCell = 2;

/** Output names of InsightFace's file, for the strides 8, 16 and 32. */
const outputs = { score: ['448', '471', '494'], box: ['451', '474', '497'], keypoints: ['454', '477', '500'] } as const;
type OutputKind = keyof typeof outputs;

/** Values per anchor; the biases make scores of 1 %, so that nothing is found, and boxes 4 cells wide. */
const heads: Record<OutputKind, { values: number; bias: number }> = {
	score: { values: 1, bias: Math.log(0.01 / 0.99) },
	box: { values: 4, bias: 2 },
	keypoints: { values: 10, bias: 0 },
};

/**
 * SCRFD with keypoints and random weights, batch norms folded into the convolutions, in the interface of InsightFace's ONNX files:
 * `input.1` [1, 3, H, W], height and width multiples of 32, to nine outputs [cells · 2, 1 | 4 | 10], scores first.
 * Architecture: https://github.com/deepinsight/insightface/blob/v0.7/detection/scrfd/configs/scrfd/scrfd_10g_bnkps.py
 *
 * @returns ONNX ModelProto
 */
export function randomScrfd(size: ScrfdSize, seed: string): Uint8Array {
	const net = new RandomGraph('scrfd', seed);
	const levels = pyramid(net, backbone(net, net.input('input.1', [1, 3, 'height', 'width']), size), size);

	const predicted = levels.map((level) => predict(net, level, size));
	for (const [kind, names] of Object.entries(outputs) as [OutputKind, readonly string[]][]) {
		for (const [level, name] of names.entries()) {
			net.output(name, predicted[level]![kind], [`anchors${8 << level}`, heads[kind].values]);
		}
	}
	return net.finish();
}

/** Features at strides 8, 16 and 32: a ResNet with a stem of three convolutions and averaging shortcuts. */
function backbone(net: RandomGraph, input: Value, { stem, blocks, channels }: ScrfdSize): Value[] {
	const half = stem / 2;
	let x = net.relu(net.convolution(input, [3, half], { kernel: 3, stride: 2 }));
	x = net.relu(net.convolution(x, [half, half], { kernel: 3 }));
	x = net.relu(net.convolution(x, [half, stem], { kernel: 3 }));
	x = net.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });

	const stages: Value[] = [];
	let before = stem;
	for (const [stage, count] of blocks.entries()) {
		for (let i = 0; i < count; i++) {
			x = block(net, x, [before, channels[stage]!], i === 0 && stage > 0 ? 2 : 1);
			before = channels[stage]!;
		}
		stages.push(x);
	}
	return stages.slice(1);
}

function block(net: RandomGraph, x: Value, channels: readonly [number, number], stride: number): Value {
	const inner = net.relu(net.convolution(x, channels, { kernel: 3, stride }));
	const branch = net.convolution(inner, [channels[1], channels[1]], { kernel: 3, gain: 0.3 });
	return net.relu(net.add(branch, shortcut(net, x, channels, stride)));
}

function shortcut(net: RandomGraph, x: Value, channels: readonly [number, number], stride: number): Value {
	if (stride === 1 && channels[0] === channels[1]) return x;
	const averaged =
		stride === 1 ? x : net.op('AveragePool', [x], { kernel_shape: [stride, stride], strides: [stride, stride] });
	return net.convolution(averaged, channels, { kernel: 1, gain: Math.SQRT1_2 });
}

/** Path aggregation: from coarse to fine by up-sampling, then back by convolutions of stride 2. */
function pyramid(net: RandomGraph, features: readonly Value[], { channels, neck }: ScrfdSize): Value[] {
	const convolution = (x: Value, stride = 1) => net.convolution(x, [neck, neck], { kernel: 3, stride, gain: 0.7 });

	const lateral = features.map((x, i) => net.convolution(x, [channels[i + 1]!, neck], { kernel: 1, gain: 0.7 }));
	for (let i = lateral.length - 2; i >= 0; i--) lateral[i] = net.add(lateral[i]!, upsample(net, lateral[i + 1]!));

	const levels = lateral.map((x) => convolution(x));
	for (let i = 1; i < levels.length; i++) levels[i] = net.add(levels[i]!, convolution(levels[i - 1]!, 2));
	return levels.map((x, i) => (i === 0 ? x : convolution(x)));
}

function upsample(net: RandomGraph, x: Value): Value {
	const scales = net.floats([1, 1, 2, 2]);
	const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
	return net.op('Resize', [x, '', scales], attributes);
}

/** Scores, distances to the sides of the box and offsets of the keypoints, a row for each anchor of each cell. */
function predict(net: RandomGraph, level: Value, { neck, head }: ScrfdSize): Record<OutputKind, Value> {
	let x = level;
	for (const inputs of [neck, head, head]) {
		x = net.relu(net.groupNorm(net.convolution(x, [inputs, head], { kernel: 3 }), head, headGroups));
	}
	const rows = (kind: OutputKind): Value => {
		const { values, bias } = heads[kind];
		const map = net.convolution(x, [head, values * anchorsPerCell], { kernel: 3, gain: 0.2, bias });
		const lastAxis = net.op('Transpose', [map], { perm: [0, 2, 3, 1] });
		return net.op('Reshape', [lastAxis, net.integers([-1, values])]);
	};
	return { score: net.op('Sigmoid', [rows('score')]), box: rows('box'), keypoints: rows('keypoints') };
}
