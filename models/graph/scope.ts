// A module of a network: reads its weights and writes its nodes, by their path.
import { type DataType, partOf, type WeightReference } from '../weights/reference.ts';
import type { WeightSource } from '../weights/weight-set.ts';
import type { Addition, Additions } from './additions.ts';
import { Graph, microsoft, type NetworkGraph, type Shape, type Value } from './graph.ts';
import { type AttributeValue, dataTypes } from './onnx.ts';

export type NetworkOptions = Readonly<{
	/**
	 * What the network computes in, and the type of its inputs and outputs, unless a network says otherwise (default `fp32`).
	 * Weights of another type are converted once, when a runtime loads or compiles the network.
	 */
	precision?: 'fp32' | 'fp16';
	/**
	 * `standard` (default): only operators of the ONNX standard, for any runtime. `onnxruntime`: attention as ONNX Runtime's
	 * own operator, which never holds the matrix of all pairs of positions. The largest attention of Stable Diffusion 1.5 at
	 * 512 × 512 and batch 2 then takes 2 GB less memory and a fifth less time on a CPU.
	 */
	operators?: 'standard' | 'onnxruntime';
	/** Modules (`down_blocks.0.resnets.1`) whose results become outputs of that name, to find where two networks diverge. */
	taps?: readonly string[];
}>;

type ComputeType = 'float32' | 'float16';

/** Shared by all scopes of a network. */
type Network = Readonly<{
	graph: Graph;
	weights: WeightSource;
	computeType: ComputeType;
	microsoftOperators: boolean;
	taps: ReadonlySet<string>;
	additions?: Additions;
}>;

/** A module of a network: a path such as `down_blocks.0`, which prefixes the names of its weights, and the graph it writes to. */
export class Scope {
	readonly path: string;
	readonly #network: Network;

	private constructor(path: string, network: Network) {
		this.path = path;
		this.#network = network;
	}

	/** The root module of a new network. */
	static root(name: string, weights: WeightSource, options: NetworkOptions): Scope {
		return new Scope('', {
			graph: new Graph(name),
			weights,
			computeType: options.precision === 'fp16' ? 'float16' : 'float32',
			microsoftOperators: options.operators === 'onnxruntime',
			taps: new Set(options.taps),
		});
	}

	get computeType(): ComputeType {
		return this.#network.computeType;
	}

	/** Whether the graph may hold operators that only ONNX Runtime has. */
	get microsoftOperators(): boolean {
		return this.#network.microsoftOperators;
	}

	/** A module within this one. */
	at(path: string): Scope {
		return new Scope(this.#name(path), this.#network);
	}

	/** The root module of another checkpoint, whose layers become part of the same graph. */
	from(weights: WeightSource): Scope {
		return new Scope('', { ...this.#network, weights });
	}

	/** The same module, whose layers and those within it get additions. */
	adding(additions: Additions): Scope {
		return new Scope(this.path, { ...this.#network, additions });
	}

	/** What is added to the layer that this module is. */
	get addition(): Addition | undefined {
		const { additions } = this.#network;
		const layer = additions?.layers.at(this.path);
		return layer && { ...additions!, ...layer };
	}

	/** @param type - the compute type unless it is given */
	input(name: string, shape: Shape, type: DataType = this.computeType): Value {
		return this.#network.graph.input(name, type, shape);
	}

	/** An output of the compute type. */
	output(name: string, value: Value, shape: Shape): void {
		this.#network.graph.output(name, value, this.computeType, shape);
	}

	op(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, AttributeValue>> = {}): Value {
		return this.#network.graph.node(op, inputs, attributes, { label: this.#name(op) });
	}

	/** An operator of ONNX Runtime's own. */
	microsoftOp(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, AttributeValue>>): Value {
		return this.#network.graph.node(op, inputs, attributes, { label: this.#name(op), domain: microsoft });
	}

	/** Equal parts along an axis. */
	split(value: Value, parts: number, axis: number): Value[] {
		const attributes = { axis, num_outputs: parts };
		return this.#network.graph.nodeWithOutputs('Split', parts, [value], attributes, { label: this.#name('Split') });
	}

	/** A one-dimensional int64 constant: sizes, axes, positions. */
	integers(values: readonly number[]): Value {
		const data = BigInt64Array.from(values, BigInt);
		return this.#network.graph.constant('int64', [values.length], data, this.#name(`[${values.join()}]`));
	}

	/** An int64 scalar. */
	integer(value: number): Value {
		return this.#network.graph.constant('int64', [], BigInt64Array.of(BigInt(value)), this.#name(String(value)));
	}

	/** A float32 constant, whatever the compute type. */
	floats(shape: readonly number[], values: Iterable<number>, label = 'floats'): Value {
		return this.#network.graph.constant('float32', shape, Float32Array.from(values), this.#name(label));
	}

	/** A scalar of the compute type. */
	scalar(value: number): Value {
		return this.compute(this.floats([], [value], String(value)), 'float32');
	}

	/** The value in the compute type. */
	compute(value: Value, from: DataType): Value {
		return from === this.computeType ? value : this.op('Cast', [value], { to: dataTypes[this.computeType] });
	}

	/** Whether the checkpoint has this weight of the module. */
	has(name: string): boolean {
		return this.#network.weights.has(this.#name(name));
	}

	/**
	 * A weight of the module in the compute type.
	 * @param shape - as the checkpoint holds it
	 * @param as - another shape to see the same elements in
	 */
	weight(name: string, shape: readonly number[], as: readonly number[] = shape): Value {
		const full = this.#name(name);
		return this.#load(full, { ...this.#network.weights.get(full, shape), shape: as });
	}

	/** Equal parts of a weight along its first axis, each a view of the checkpoint. */
	weightParts(name: string, shape: readonly number[], parts: number): Value[] {
		return this.tensorParts(name, this.#network.weights.get(this.#name(name), shape), parts);
	}

	/** A tensor of any checkpoint, in the compute type. */
	tensor(name: string, reference: WeightReference): Value {
		return this.#load(this.#name(name), reference);
	}

	/** Equal parts of such a tensor along its first axis. */
	tensorParts(name: string, whole: WeightReference, parts: number): Value[] {
		return Array.from({ length: parts }, (_, i) => this.tensor(`${name}.${i}`, partOf(whole, i, parts)));
	}

	/** Rows of a weight [rows, size] by index, int64 of any shape. */
	gatherRows(name: string, shape: readonly number[], indices: Value): Value {
		// Looked up before they are converted: few of the rows are needed.
		const full = this.#name(name);
		const reference = this.#network.weights.get(full, shape);
		const table = this.#declare(full, reference);
		return this.compute(this.op('Gather', [table.value, indices]), table.type);
	}

	/** Names the module's result: an output of the network if listed in `taps`. */
	result(value: Value): Value {
		const { taps, graph } = this.#network;
		if (taps.has(this.path)) graph.output(this.path, value, this.computeType);
		return value;
	}

	finish(): NetworkGraph {
		return this.#network.graph.finish();
	}

	#load(name: string, reference: WeightReference): Value {
		const { value, type } = this.#declare(name, reference);
		return this.compute(value, type);
	}

	/** A weight in the graph, and the type that it has there. */
	#declare(name: string, reference: WeightReference): { value: Value; type: DataType } {
		const { graph } = this.#network;
		const { computeType: as } = this;
		// A sum with deltas is made in float32, and would lose accuracy in the type that the file has.
		//
		// TensorRT's builder would fold a Cast as well, leaving only its result in the engine. But slowly: without any,
		// Stable Diffusion 1.5's UNet was built in 3 minutes instead of 7, for 1.3 GB of memory more (TensorRT-RTX 1.6, two cores).
		const isConverted = reference.deltas !== undefined || (as === 'float16' && reference.type === 'float32');
		if (!isConverted || reference.type === as) return { value: graph.weight(name, reference), type: reference.type };
		return { value: graph.weight(name, { ...reference, as }), type: as };
	}

	#name(name: string): string {
		return this.path === '' ? name : `${this.path}.${name}`;
	}
}
