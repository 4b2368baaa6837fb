// Builds ONNX models with random weights.
import { Graph, type Shape, type Value } from '../../models/graph/graph.ts';
import { type Distribution, randomChunks } from './random-values.ts';

export type ConvolutionOptions = Readonly<{
	kernel: number;
	stride?: number;
	/** Times He's deviation √(2 / fan-in), which keeps the size of values through a ReLU (default 1). */
	gain?: number;
	/** Of the biases (default 0). */
	bias?: number;
}>;

/** An ONNX model with embedded random weights, and the layers of face networks. Values are [N, C, H, W]. */
export class RandomGraph {
	readonly #graph: Graph;
	readonly #seed: string;
	#tensors = 0;

	constructor(name: string, seed: string) {
		this.#graph = new Graph(name);
		this.#seed = seed;
	}

	input(name: string, shape: Shape): Value {
		return this.#graph.input(name, 'float32', shape);
	}

	output(name: string, value: Value, shape: Shape): void {
		this.#graph.output(name, value, 'float32', shape);
	}

	/** ONNX ModelProto. */
	finish(): Uint8Array {
		return this.#graph.finish().graph;
	}

	op(...node: Parameters<Graph['node']>): Value {
		return this.#graph.node(...node);
	}

	integers(values: readonly number[]): Value {
		return this.#graph.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
	}

	floats(values: readonly number[]): Value {
		return this.#graph.constant('float32', [values.length], Float32Array.from(values));
	}

	convolution(x: Value, [inputs, outputs]: readonly [number, number], options: ConvolutionOptions): Value {
		const { kernel, stride = 1, gain = 1, bias = 0 } = options;
		const fanIn = inputs * kernel * kernel;
		const weight = this.#random([outputs, inputs, kernel, kernel], { mean: 0, deviation: gain * Math.sqrt(2 / fanIn) });
		const padding = (kernel - 1) / 2;
		return this.op('Conv', [x, weight, this.#random([outputs], { mean: bias, deviation: 0.01 })], {
			kernel_shape: [kernel, kernel],
			pads: [padding, padding, padding, padding],
			strides: [stride, stride],
		});
	}

	linear(x: Value, [inputs, outputs]: readonly [number, number]): Value {
		const weight = this.#random([outputs, inputs], { mean: 0, deviation: Math.sqrt(1 / inputs) });
		return this.op('Gemm', [x, weight, this.#random([outputs], { mean: 0, deviation: 0.01 })], { transB: 1 });
	}

	/** For inputs of mean 0 and variance 1, with a scale of about 1: nearly the identity. */
	batchNorm(x: Value, channels: number): Value {
		const [scale, bias, mean, variance] = [1, 0, 0, 1].map((centre) =>
			this.#random([channels], { mean: centre, deviation: 0.05 }),
		);
		return this.op('BatchNormalization', [x, scale!, bias!, mean!, variance!], { epsilon: { float: 1e-5 } });
	}

	/** As PyTorch exports it below opset 21: instance normalisation of the groups, then a scale and a shift per channel. */
	groupNorm(x: Value, channels: number, groups: number): Value {
		const constant = (value: number) => this.floats(Array<number>(groups).fill(value));
		const grouped = this.op('Reshape', [x, this.integers([0, groups, -1])]);
		const normalised = this.op('InstanceNormalization', [grouped, constant(1), constant(0)], {
			epsilon: { float: 1e-5 },
		});
		const restored = this.op('Reshape', [normalised, this.op('Shape', [x])]);
		const [scale, shift] = [1, 0].map((mean) => this.#random([channels, 1, 1], { mean, deviation: 0.05 }));
		return this.op('Add', [this.op('Mul', [restored, scale!]), shift!]);
	}

	relu(x: Value): Value {
		return this.op('Relu', [x]);
	}

	prelu(x: Value, channels: number): Value {
		return this.op('PRelu', [x, this.#random([channels, 1, 1], { mean: 0.25, deviation: 0.02 })]);
	}

	add(a: Value, b: Value): Value {
		return this.op('Add', [a, b]);
	}

	#random(shape: readonly number[], distribution: Distribution): Value {
		const name = `weight.${this.#tensors++}`;
		const count = shape.reduce((product, size) => product * size, 1);
		const bytes = new Uint8Array(4 * count);
		let offset = 0;
		for (const chunk of randomChunks(this.#seed, name, count, 'float32', distribution)) {
			bytes.set(chunk, offset);
			offset += chunk.length;
		}
		return this.#graph.constant('float32', shape, bytes, name);
	}
}
