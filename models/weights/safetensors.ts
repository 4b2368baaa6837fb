// Locates tensors in .safetensors files.
import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights } from './invalid.ts';
import { type Checkpoint, type DataType, dataTypeBytes, type WeightReference } from './reference.ts';
import { elementCount, isCount } from './shape.ts';

const dataTypes: ReadonlyMap<unknown, DataType> = new Map([
	['F64', 'float64'],
	['F32', 'float32'],
	['F16', 'float16'],
	['BF16', 'bfloat16'],
	['I64', 'int64'],
	['I32', 'int32'],
	['I16', 'int16'],
	['I8', 'int8'],
	['U8', 'uint8'],
	['BOOL', 'bool'],
]);

/** The limit of the format's own library: https://github.com/huggingface/safetensors#format */
const maxHeaderBytes = 100_000_000;

/**
 * Locates the tensors of a .safetensors file: 8 bytes with the header's length, a JSON header, then the tensors,
 * without a gap. Only the header is read.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when the header does not describe this file
 */
export function readSafetensors(path: string): Promise<Checkpoint> {
	return CheckpointFile.with(path, async (file) => {
		const headerBytes = await readHeaderLength(file);
		const header = parseHeader(await file.read(8, headerBytes), file.path);
		const dataStart = 8 + headerBytes;

		const located = Object.entries(header)
			.filter(([name]) => name !== '__metadata__')
			.map(([name, entry]) => [name, locate(name, entry, dataStart, file)] as const)
			.sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
		checkCoverage(located, dataStart, file);
		return { file: file.path, format: 'safetensors', tensors: new Map(located), ...metadataOf(header) };
	});
}

/** The texts beside the tensors; what is no text is left out. */
function metadataOf(header: object): Pick<Checkpoint, 'metadata'> {
	const { __metadata__: metadata } = header as { __metadata__?: unknown };
	const texts = Object.entries(Object(metadata)).filter(
		(entry): entry is [string, string] => typeof entry[1] === 'string',
	);
	return texts.length === 0 ? {} : { metadata: Object.fromEntries(texts) };
}

async function readHeaderLength(file: CheckpointFile): Promise<number> {
	const length = (await file.read(0, 8)).readBigUInt64LE();
	if (length > BigInt(maxHeaderBytes)) {
		throw invalidWeights(`a header of at most ${maxHeaderBytes} bytes`, file.path, `${length}`);
	}
	checkSize(8 + Number(length), file);
	return Number(length);
}

function parseHeader(bytes: Buffer, path: string): object {
	let header: unknown;
	try {
		header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch (cause) {
		throw invalidWeights('a header of JSON in UTF-8', path, 'other bytes', { cause });
	}
	if (typeof header !== 'object' || header === null || Array.isArray(header)) {
		const received = Array.isArray(header) ? 'an array' : `${header}`;
		throw invalidWeights('a JSON object', { file: path, part: 'the header' }, received);
	}
	return header;
}

function locate(name: string, entry: unknown, dataStart: number, file: CheckpointFile): WeightReference {
	const where = { file: file.path, tensor: name };
	const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;

	const type = dataTypes.get(dtype);
	if (type === undefined) {
		throw invalidWeights(`a type of ${[...dataTypes.keys()].join(', ')}`, where, describe(dtype), {
			remedy: otherType,
		});
	}
	const elements = Array.isArray(shape) ? elementCount(shape) : undefined;
	if (elements === undefined) {
		throw invalidWeights('a shape of non-negative integers with a product below 2^53', where, describe(shape));
	}
	const [from, to] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
	if (!isCount(from) || !isCount(to) || from > to) {
		throw invalidWeights('two offsets, the start before the end,', where, describe(offsets));
	}
	const length = elements * dataTypeBytes[type];
	if (length !== to - from) throw invalidWeights(`${length} bytes (its shape and type)`, where, `${to - from}`);
	return { file: file.path, offset: dataStart + from, length, type, shape: shape as number[] };
}

/** Tensors must follow one another to the end of the file; a duplicate name shows as a gap too. */
function checkCoverage(
	located: readonly (readonly [string, WeightReference])[],
	dataStart: number,
	file: CheckpointFile,
) {
	let end = dataStart;
	for (const [name, { offset, length }] of located) {
		if (offset !== end) {
			const what = offset < end ? 'one that overlaps the tensor before it' : 'one after bytes of no tensor';
			throw invalidWeights(
				`an offset of ${end - dataStart}`,
				{ file: file.path, tensor: name },
				`${offset - dataStart}, ${what}`,
			);
		}
		end += length;
	}
	checkSize(end, file);
	if (end !== file.size) throw invalidWeights(`${end} bytes, as its header says,`, file.path, `${file.size}`);
}

function checkSize(least: number, file: CheckpointFile): void {
	if (file.size >= least) return;
	throw invalidWeights(
		`at least ${least} bytes, as its header says,`,
		file.path,
		`${file.size}, a file that is cut short`,
	);
}

const otherType = 'Save the weights as float32, float16 or bfloat16.';

/** A value from a header, short enough for a message, however deeply nested. */
function describe(value: unknown): string {
	const shown = Array.isArray(value) ? `[${value.slice(0, 8).map(describeOne).join(', ')}]` : describeOne(value);
	return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

function describeOne(value: unknown): string {
	if (value === undefined) return 'none';
	return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
