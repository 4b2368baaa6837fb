// The messages of the ONNX format, and their encoding.
import protobuf from 'protobufjs/light.js';
import type { DataType } from '../weights/reference.ts';

/**
 * The messages of an ONNX model, as far as this package writes them, with names and field numbers from
 * https://github.com/onnx/onnx/blob/v1.15.0/onnx/onnx.proto, which also says what each means.
 */
export type Model = {
	ir_version: number;
	producer_name: string;
	opset_import: { domain: string; version: number }[];
	graph: {
		name: string;
		node: Node[];
		initializer: Tensor[];
		input: ValueInfo[];
		output: ValueInfo[];
	};
};

export type Node = {
	name: string;
	op_type: string;
	domain: string;
	input: string[];
	output: string[];
	attribute: Attribute[];
};

/** Whole numbers become ONNX integers unless written as `{ float: … }`. */
export type AttributeValue = number | readonly number[] | string | { float: number } | { floats: readonly number[] };

export type Tensor = {
	name: string;
	data_type: number;
	dims: readonly number[];
	/** Little-endian, row-major. */
	raw_data?: Uint8Array;
	/** Where the bytes are, if in a file and not in the model. */
	external_data?: { key: string; value: string }[];
	data_location?: typeof external;
};

export type ValueInfo = {
	name: string;
	type: {
		tensor_type: {
			elem_type: number;
			shape?: { dim: ({ dim_value: number } | { dim_param: string })[] };
		};
	};
};

/** TensorProto.DataLocation.EXTERNAL */
export const external = 1;

/** TensorProto.DataType */
export const dataTypes: Readonly<Record<DataType, number>> = {
	float32: 1,
	uint8: 2,
	int8: 3,
	int16: 5,
	int32: 6,
	int64: 7,
	bool: 9,
	float16: 10,
	float64: 11,
	bfloat16: 16,
};

/** One of `f`, `i`, `s`, `floats`, `ints`; `type` (AttributeProto.AttributeType) says which. */
export type Attribute = { name: string; type: number; [field: string]: unknown };

export function attribute(name: string, value: AttributeValue): Attribute {
	if (typeof value === 'number') return { name, type: 2, i: value };
	if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
	if ('float' in value) return { name, type: 1, f: value.float };
	if ('floats' in value) return { name, type: 6, floats: value.floats };
	return { name, type: 7, ints: value };
}

/**
 * Encodes a model as a file. Yields after every few milliseconds of work, so that a caller can give others
 * their turn: a full-size network takes about a hundred.
 */
export function* encoding({ graph, ...model }: Model): Generator<undefined, Uint8Array> {
	// Encoded parts can be concatenated into one message, as each holds other entries of the repeated fields.
	const { node, initializer, ...rest } = graph;
	const type = schema.lookupType('GraphProto');
	const parts = [type.encode(rest).finish()];
	for (const [field, entries] of Object.entries({ node, initializer })) {
		for (let i = 0; i < entries.length; i += entriesAtOnce) {
			parts.push(type.encode({ [field]: entries.slice(i, i + entriesAtOnce) }).finish());
			yield;
		}
	}
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	const lengthDelimited = 2;
	const head = schema.lookupType('ModelProto').encode(model);
	head.uint32((graphField << 3) | lengthDelimited).uint32(length);
	return Buffer.concat([head.finish(), ...parts]);
}
const entriesAtOnce = 100;
const graphField = 7;

const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id }) as const;
const one = (type: string, id: number) => ({ type, id });

const schema = protobuf.Root.fromJSON({
	nested: {
		ModelProto: {
			fields: {
				ir_version: one('int64', 1),
				producer_name: one('string', 2),
				graph: one('GraphProto', graphField),
				opset_import: repeated('OperatorSetIdProto', 8),
			},
		},
		OperatorSetIdProto: { fields: { domain: one('string', 1), version: one('int64', 2) } },
		GraphProto: {
			fields: {
				node: repeated('NodeProto', 1),
				name: one('string', 2),
				initializer: repeated('TensorProto', 5),
				input: repeated('ValueInfoProto', 11),
				output: repeated('ValueInfoProto', 12),
			},
		},
		NodeProto: {
			fields: {
				input: repeated('string', 1),
				output: repeated('string', 2),
				name: one('string', 3),
				op_type: one('string', 4),
				attribute: repeated('AttributeProto', 5),
				domain: one('string', 7),
			},
		},
		AttributeProto: {
			fields: {
				name: one('string', 1),
				f: one('float', 2),
				i: one('int64', 3),
				s: one('bytes', 4),
				floats: repeated('float', 7),
				ints: repeated('int64', 8),
				type: one('int32', 20),
			},
		},
		TensorProto: {
			fields: {
				dims: repeated('int64', 1),
				data_type: one('int32', 2),
				name: one('string', 8),
				raw_data: one('bytes', 9),
				external_data: repeated('StringStringEntryProto', 13),
				data_location: one('int32', 14),
			},
		},
		StringStringEntryProto: { fields: { key: one('string', 1), value: one('string', 2) } },
		ValueInfoProto: { fields: { name: one('string', 1), type: one('TypeProto', 2) } },
		TypeProto: { fields: { tensor_type: one('TensorType', 1) } },
		TensorType: { fields: { elem_type: one('int32', 1), shape: one('TensorShapeProto', 2) } },
		TensorShapeProto: { fields: { dim: repeated('Dimension', 1) } },
		Dimension: { fields: { dim_value: one('int64', 1), dim_param: one('string', 2) } },
	},
});
