// A face recogniser with random weights.
import type { Value } from '../../models/graph/graph.ts';
import { RandomGraph } from './random-graph.ts';

export type ArcFaceSize = Readonly<{
	/** Blocks of each of the four stages; the first of a stage halves height and width. */
	blocks: readonly [number, number, number, number];
	/** Channels of each stage. */
	channels: readonly [number, number, number, number];
}>;

const inputSize = 112;
const embeddingSize = 512;

/**
 * IResNet with random weights, batch norms folded into the convolutions where inference allows it, in the interface of
 * InsightFace's ONNX files: `input.1` [N, 3, 112, 112], RGB in −1…1, to `683` [N, 512], not normalised.
 * Architecture: https://github.com/deepinsight/insightface/blob/v0.7/recognition/arcface_torch/backbones/iresnet.py
 *
 * @returns ONNX ModelProto
 */
export function randomArcFace({ blocks, channels }: ArcFaceSize, seed: string): Uint8Array {
	const net = new RandomGraph('arcface', seed);
	let x = net.input('input.1', ['N', 3, inputSize, inputSize]);
	x = net.prelu(net.convolution(x, [3, channels[0]], { kernel: 3 }), channels[0]);
	let before = channels[0];
	for (const [stage, count] of blocks.entries()) {
		for (let i = 0; i < count; i++) {
			x = block(net, x, [before, channels[stage]!], i === 0 ? 2 : 1);
			before = channels[stage]!;
		}
	}
	const features = net.op('Flatten', [net.batchNorm(x, before)], { axis: 1 });
	const side = inputSize / 2 ** blocks.length;
	const embedding = net.linear(features, [before * side * side, embeddingSize]);
	net.output('683', net.batchNorm(embedding, embeddingSize), ['N', embeddingSize]);
	return net.finish();
}

function block(net: RandomGraph, x: Value, [inputs, outputs]: readonly [number, number], stride: number): Value {
	const inner = net.prelu(net.convolution(net.batchNorm(x, inputs), [inputs, outputs], { kernel: 3 }), outputs);
	// Small, so that values stay of order 1 over a hundred layers.
	const branch = net.convolution(inner, [outputs, outputs], { kernel: 3, stride, gain: 0.2 });
	if (stride === 1) return net.add(branch, x);
	return net.add(branch, net.convolution(x, [inputs, outputs], { kernel: 1, stride, gain: Math.SQRT1_2 }));
}
