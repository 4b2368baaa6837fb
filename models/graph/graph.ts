// Builds ONNX graphs whose weights stay in their files.
import { setImmediate } from 'node:timers/promises';
import type { DataType, WeightReference } from '../weights/reference.ts';
import { type AttributeValue, attribute, dataTypes, encoding, external, type Model, type ValueInfo } from './onnx.ts';

/** The name of a tensor in a graph. An empty one leaves out an optional input. */
export type Value = string;

/** Sizes of a tensor; a name stands for a size known only when the graph runs. */
export type Shape = readonly (number | string)[];

export type TensorDeclaration = Readonly<{ name: string; type: DataType; shape: Shape }>;

/** A network for any runtime: an ONNX model that declares its weights as external, and where those are. */
export class NetworkGraph {
	/** `name`: of the initializer in the graph. */
	readonly weights: readonly (WeightReference & { readonly name: string })[];
	readonly inputs: readonly TensorDeclaration[];
	/** Those with a known shape. */
	readonly outputs: readonly TensorDeclaration[];
	readonly #model: Model;

	constructor(model: Model, { weights, inputs, outputs }: Pick<NetworkGraph, 'weights' | 'inputs' | 'outputs'>) {
		this.#model = model;
		this.weights = weights;
		this.inputs = inputs;
		this.outputs = outputs;
	}

	/** ONNX ModelProto. */
	get graph(): Uint8Array {
		const steps = encoding(this.#model);
		for (let step = steps.next(); ; step = steps.next()) {
			if (step.done) return step.value;
		}
	}

	/** The same, without blocking the event loop. */
	async encode(): Promise<Uint8Array> {
		const steps = encoding(this.#model);
		for (let step = steps.next(); ; step = steps.next()) {
			if (step.done) return step.value;
			await setImmediate();
		}
	}
}

/** The newest operator set that both TensorRT 10 and ONNX Runtime support, and the matching file version. */
const opset = 20;
const irVersion = 9;

/** The domain of ONNX Runtime's own operators. */
export const microsoft = 'com.microsoft';

/** Writes an ONNX graph, node by node in the order of evaluation. */
export class Graph {
	readonly #name: string;
	readonly #nodes: Model['graph']['node'] = [];
	readonly #initializers: Model['graph']['initializer'] = [];
	readonly #names = new Set<Value>();
	readonly #inputs: TensorDeclaration[] = [];
	readonly #outputs: (Omit<TensorDeclaration, 'shape'> & { shape?: Shape })[] = [];
	readonly #weights: (WeightReference & { name: string })[] = [];
	readonly #domains = new Set<string>();

	constructor(name: string) {
		this.#name = name;
	}

	input(name: string, type: DataType, shape: Shape): Value {
		this.#take(name);
		this.#inputs.push({ name, type, shape });
		return name;
	}

	/** @param shape - inferred by the runtime if not given */
	output(name: string, value: Value, type: DataType, shape?: Shape): void {
		this.#add('Identity', name, [value], [this.#take(name)], {}, '');
		this.#outputs.push(shape === undefined ? { name, type } : { name, type, shape });
	}

	/**
	 * Adds a node with one output.
	 * @param label - what the node is in the network, such as `down_blocks.0.conv`; made unique if necessary
	 */
	node(
		op: string,
		inputs: readonly Value[],
		attributes: Readonly<Record<string, AttributeValue>> = {},
		{ label = op, domain = '' }: { label?: string; domain?: string } = {},
	): Value {
		const name = this.#unique(label);
		this.#add(op, name, inputs, [name], attributes, domain);
		return name;
	}

	/** Adds a node with several outputs. */
	nodeWithOutputs(
		op: string,
		count: number,
		inputs: readonly Value[],
		attributes: Readonly<Record<string, AttributeValue>> = {},
		{ label = op }: { label?: string } = {},
	): Value[] {
		const names = Array.from({ length: count }, (_, i) => this.#unique(`${label}.${i}`));
		this.#add(op, names[0]!, inputs, names, attributes, '');
		return names;
	}

	/** A tensor within the model; `data` holds its elements in row-major, little-endian order. */
	constant(type: DataType, shape: readonly number[], data: ArrayBufferView, label = 'constant'): Value {
		const name = this.#unique(label);
		const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
		this.#initializers.push({ name, data_type: dataTypes[type], dims: shape, raw_data });
		return name;
	}

	/** A tensor whose bytes stay in their file. */
	weight(name: string, reference: WeightReference): Value {
		this.#initializers.push({
			name: this.#take(name),
			data_type: dataTypes[reference.as ?? reference.type],
			dims: reference.shape,
			// ONNX requires a file name here. Runtimes get the bytes by pointer and open no file.
			external_data: [{ key: 'location', value: 'weights' }],
			data_location: external,
		});
		this.#weights.push({ ...reference, name });
		return name;
	}

	finish(): NetworkGraph {
		const opsets = [{ domain: '', version: opset }];
		if (this.#domains.has(microsoft)) opsets.push({ domain: microsoft, version: 1 });
		const model = {
			ir_version: irVersion,
			producer_name: 'arc2face-native',
			opset_import: opsets,
			graph: {
				name: this.#name,
				node: this.#nodes,
				initializer: this.#initializers,
				input: this.#inputs.map(valueInfo),
				output: this.#outputs.map(valueInfo),
			},
		};
		const outputs = this.#outputs.filter((one): one is TensorDeclaration => one.shape !== undefined);
		return new NetworkGraph(model, { weights: this.#weights, inputs: this.#inputs, outputs });
	}

	#add(
		op_type: string,
		name: string,
		inputs: readonly Value[],
		outputs: readonly Value[],
		attributes: Readonly<Record<string, AttributeValue>>,
		domain: string,
	): void {
		this.#domains.add(domain);
		this.#nodes.push({
			name,
			op_type,
			domain,
			input: [...inputs],
			output: [...outputs],
			attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
		});
	}

	#unique(label: string): string {
		let name = label;
		for (let i = 1; this.#names.has(name); i++) name = `${label}_${i}`;
		return this.#take(name);
	}

	#take(name: string): string {
		if (this.#names.has(name)) throw new Error(`graph ${this.#name} has two tensors of the name ${name}`);
		this.#names.add(name);
		return name;
	}
}

function valueInfo({ name, type, shape }: { name: string; type: DataType; shape?: Shape }): ValueInfo {
	const elem_type = dataTypes[type];
	if (shape === undefined) return { name, type: { tensor_type: { elem_type } } };
	const dim = shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
	return { name, type: { tensor_type: { elem_type, shape: { dim } } } };
}
