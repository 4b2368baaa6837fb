// Reads what an ONNX file says about its network, skipping the weights.
import { contentOf, startBytes } from '../../models/file-content.ts';
import { CheckpointFile } from '../../models/weights/checkpoint-file.ts';
import { invalidWeights } from '../../models/weights/invalid.ts';

/** An input of a network: its name, and its sizes; undefined where they are left open. */
export type OnnxInput = Readonly<{ name: string; shape: readonly (number | undefined)[] }>;

export type OnnxModel = Readonly<{
	inputs: readonly OnnxInput[];
	/** How many outputs it has. */
	outputs: number;
	/** How many weights it holds. */
	tensors: number;
	bytes: number;
}>;

/**
 * Reads the head of a network in an ONNX file. Names and numbers of fields:
 * https://github.com/onnx/onnx/blob/v1.15.0/onnx/onnx.proto
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming the file, if it is not an ONNX model, incomplete, or missing
 */
export function readOnnxModel(path: string): Promise<OnnxModel> {
	return CheckpointFile.with(path, async (file) => {
		try {
			return await readModel(file);
		} catch (cause) {
			if (!(cause instanceof Malformed)) throw cause;
			const found = contentOf(await file.read(0, Math.min(startBytes, file.size)));
			const { what, remedy } = found ?? { what: cause.message };
			throw invalidWeights('an ONNX model', file.path, what, { cause, ...(remedy && { remedy }) });
		}
	});
}

async function readModel(file: CheckpointFile): Promise<OnnxModel> {
	const message = new Message(new Bytes(file), { start: 0, end: file.size });
	const [graph] = await message.all(modelProto.graph);
	if (graph === undefined) throw new Malformed();
	const weights = new Set<string>();
	for (const weight of await graph.all(graphProto.initializer)) {
		const name = await weight.text(tensorProto.name);
		if ((await weight.number(tensorProto.location)) === externalLocation) {
			const remedy = 'Save it in one file: `onnx.save_model(onnx.load(file), file)`.';
			throw invalidWeights('weights', { file: file.path, tensor: name }, 'a place in another file', { remedy });
		}
		weights.add(name);
	}
	// Old versions of the format list weights among the inputs.
	const inputs = [];
	for (const input of await graph.all(graphProto.input)) inputs.push(await readInput(input));
	if (inputs.length === 0) throw new Malformed();
	return {
		inputs: inputs.filter(({ name }) => !weights.has(name)),
		outputs: (await graph.all(graphProto.output)).length,
		tensors: weights.size,
		bytes: file.size,
	};
}

const modelProto = { graph: 7 } as const;
const graphProto = { initializer: 5, input: 11, output: 12 } as const;
const tensorProto = { name: 8, location: 14 } as const;
const externalLocation = 1;
const valueInfoProto = { name: 1, type: 2 } as const;
const typeProto = { tensorType: 1 } as const;
const tensorType = { shape: 2 } as const;
const tensorShapeProto = { dimension: 1 } as const;
const dimension = { value: 1 } as const;

async function readInput(input: Message): Promise<OnnxInput> {
	const shape = await input.inside(valueInfoProto.type, typeProto.tensorType, tensorType.shape);
	const sizes = [];
	for (const size of await shape.all(tensorShapeProto.dimension)) {
		const value = (await size.number(dimension.value)) ?? 0;
		// Some tools write 0 or −1 (all 64 bits set) for an open size.
		sizes.push(value > 0 && value < 2 ** 31 ? value : undefined);
	}
	return { name: await input.text(valueInfoProto.name), shape: sizes };
}

/** The bytes are not a message: the error says what they are instead. */
class Malformed extends Error {
	constructor(what = 'a damaged one') {
		super(what);
	}
}

type Range = { start: number; end: number };

/** A message of protocol buffers in a file: https://protobuf.dev/programming-guides/encoding/ */
class Message {
	readonly #bytes: Bytes;
	readonly #range: Range;

	constructor(bytes: Bytes, range: Range) {
		this.#bytes = bytes;
		this.#range = range;
	}

	/** Every message of that field. */
	async all(field: number): Promise<Message[]> {
		const found = [];
		for await (const one of this.#fields()) {
			if (one.field === field && 'start' in one) found.push(new Message(this.#bytes, one));
		}
		return found;
	}

	/** The message at this path of nested fields. */
	async inside(...fields: number[]): Promise<Message> {
		const [first, ...rest] = fields;
		if (first === undefined) return this;
		const [message] = await this.all(first);
		if (message === undefined) throw new Malformed();
		return await message.inside(...rest);
	}

	async text(field: number): Promise<string> {
		const [message] = await this.all(field);
		if (message === undefined) return '';
		const { start, end } = message.#range;
		if (end - start > longestName) throw new Malformed();
		return (await this.#bytes.read(start, end - start)).toString('utf8');
	}

	async number(field: number): Promise<number | undefined> {
		for await (const one of this.#fields()) if (one.field === field && 'value' in one) return one.value;
		return undefined;
	}

	async *#fields(): AsyncGenerator<{ field: number } & ({ value: number } | Range)> {
		const { start, end } = this.#range;
		let count = 0;
		for (let at = start; at < end; ) {
			const tag = await this.#varint(at);
			const field = Math.floor(tag.value / 8);
			at = tag.end;
			// Other bytes may parse as empty fields to the end of the file.
			if (field === 0 || ++count > mostFields) throw new Malformed();
			switch (tag.value % 8) {
				case 0: {
					const { value, end } = await this.#varint(at);
					yield { field, value };
					at = end;
					break;
				}
				case 1:
					at += 8;
					break;
				case 2: {
					const length = await this.#varint(at);
					at = length.end + length.value;
					if (at > end) throw new Malformed(start === 0 ? 'one that is cut short' : undefined);
					yield { field, start: length.end, end: at };
					break;
				}
				case 5:
					at += 4;
					break;
				default:
					throw new Malformed();
			}
		}
	}

	/** A varint: seven bits a byte, lowest first. Beyond 53 bits precision is lost, but none of ours is that long. */
	async #varint(at: number): Promise<{ value: number; end: number }> {
		const bytes = await this.#bytes.read(at, Math.min(10, this.#range.end - at));
		let value = 0;
		for (const [i, byte] of bytes.entries()) {
			value += (byte % 128) * 2 ** (7 * i);
			if (byte < 128) return { value, end: at + i + 1 };
		}
		throw new Malformed();
	}
}
const longestName = 65_536;
const mostFields = 100_000;

/** The bytes of a file, read a block at a time, because most reads lie close together. */
class Bytes {
	readonly #file: CheckpointFile;
	#block: Buffer = Buffer.alloc(0);
	#start = 0;

	constructor(file: CheckpointFile) {
		this.#file = file;
	}

	async read(at: number, length: number): Promise<Buffer> {
		const from = at - this.#start;
		if (from >= 0 && from + length <= this.#block.length) return this.#block.subarray(from, from + length);
		this.#block = await this.#file.read(at, Math.max(length, Math.min(blockBytes, this.#file.size - at)));
		this.#start = at;
		return this.#block.subarray(0, length);
	}
}
const blockBytes = 16_384;
