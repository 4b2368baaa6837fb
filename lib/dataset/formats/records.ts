// Files of records: dmlc's RecordIO (https://github.com/dmlc/dmlc-core/blob/main/include/dmlc/recordio.h).
import { Arc2FaceError } from '../../errors.ts';
import { readInPieces } from '../../files/pieces.ts';

/** Before every part of a record, so that readers can begin anywhere. */
const magic = Buffer.from([0x0a, 0x23, 0xd7, 0xce]);

/** A record is one part, or several where its contents have the magic number: that one is left out between them. */
const partOf = { one: 0, first: 1, middle: 2, last: 3 } as const;

/**
 * Length of a part's head: the magic number, and a number of which the three highest bits say which part it is, the others its length.
 * Every part begins at a multiple of four bytes.
 */
const headBytes = 8;

/** @param contents - fewer than 2²⁹ bytes */
export function encodeRecord(contents: Buffer): Buffer {
	const parts: Buffer[] = [];
	let start = 0;
	for (let at = contents.indexOf(magic); at >= 0; at = contents.indexOf(magic, at + 1)) {
		// Readers look for it at multiples of four only.
		if (at % 4 !== 0) continue;
		parts.push(head(start === 0 ? partOf.first : partOf.middle, at - start), contents.subarray(start, at));
		start = at + magic.length;
	}
	parts.push(head(start === 0 ? partOf.one : partOf.last, contents.length - start), contents.subarray(start));
	parts.push(Buffer.alloc(padding(contents.length)));
	return Buffer.concat(parts);
}

function head(part: number, length: number): Buffer {
	const bytes = Buffer.alloc(headBytes);
	magic.copy(bytes);
	bytes.writeUInt32LE((part << 29) | length, magic.length);
	return bytes;
}

const padding = (length: number) => (4 - (length % 4)) % 4;

/**
 * The records of a file, in order.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` if it can't be read or is no such file; the signal's reason when stopped
 */
export async function* readRecords(file: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
	let rest: Buffer = Buffer.alloc(0);
	let parts: Buffer[] = [];
	for await (const piece of readInPieces(file, signal)) {
		rest = Buffer.concat([rest, piece]);
		while (rest.length >= headBytes) {
			if (!rest.subarray(0, magic.length).equals(magic)) throw damaged(file, 'none begins where one has to');
			const number = rest.readUInt32LE(magic.length);
			const [part, length] = [number >>> 29, number & 0x1fffffff];
			const end = headBytes + length;
			if (rest.length < end + padding(length)) break;
			parts.push(rest.subarray(headBytes, end));
			rest = rest.subarray(end + padding(length));
			if (part === partOf.one || part === partOf.last) {
				yield Buffer.concat(parts);
				parts = [];
			} else {
				parts.push(magic);
			}
		}
	}
	if (rest.length + parts.length > 0) throw damaged(file, 'it ends within one');
}

export function damaged(file: string, how: string): Arc2FaceError {
	return new Arc2FaceError('FILE_FAILED', `Expected ${file} to be a whole file of records, but ${how}.`, {
		remedy: 'Delete its folder and have it made again.',
		details: { file },
	});
}
