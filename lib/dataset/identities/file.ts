// Files of identities: NumPy arrays, and what `arc2face encode` writes.
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { contentOf, startBytes } from '../../../models/file-content.ts';
import { Arc2FaceError } from '../../errors.ts';
import { row, type Vectors } from '../../evaluation/vectors.ts';
import { onDisk } from '../../files/on-disk.ts';
import { writeWhole } from '../../files/write.ts';
import { embeddingLength, Identity, type IdentityLike } from '../../identity.ts';
import { headerBytes, isNpy, type NpyHeader, npyFile, npyTypes, parseHeader, prefixBytes } from './npy.ts';
import { problemOf, rowsAtATime } from './unit.ts';

/**
 * Identities from a file: a NumPy array [n, 512] of float16, float32 or float64 in C order, as `numpy.save` writes it; or JSON, of one identity, as
 * `arc2face encode` writes it, of a list of such, or of several photos as it prints them with `--json`: of those that had a face. The content decides, not the name. JSON is held in memory as a whole: for more than some thousand,
 * NumPy's format is better.
 *
 * @returns at least one, finite and not only zeros, of any length
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, naming the file and where there is one the row, counted from 0; `FILE_FAILED` when it can't be read;
 *   `OUT_OF_MEMORY`
 */
export async function readEmbeddings(file: string): Promise<Vectors> {
	return await onDisk('read', file, async () => {
		await using handle = await open(file);
		const start = await read(handle, 0, startBytes);
		if (isNpy(start)) return await readNpy(file, handle, start);
		if (/^\s*[{[]/.test(start.toString())) return ofJson(file, await handle.readFile('utf8'));
		throw unfit(file, `it is ${contentOf(start)?.what ?? 'something else'}.`);
	});
}

/**
 * As a NumPy array of float32.
 *
 * @param mode - of a new file (default: the process's)
 * @throws {Arc2FaceError} `FILE_FAILED`, leaving nothing behind
 */
export async function writeEmbeddings(file: string, { data, length }: Vectors, mode?: number): Promise<void> {
	await writeWhole(file, npyFile(data, length), mode);
}

function unfit(file: string, why: string, cause?: unknown): Arc2FaceError {
	const problem = `Expected identities, a NumPy array [n, ${embeddingLength}] or JSON, in ${file}: ${why}`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, {
		remedy:
			'Save them with `arc2face encode PHOTO… --out FILE.npy`, or in Python with ' +
			"`numpy.save(file, embeddings.astype('float32', order='C'))`.",
		details: { file: resolve(file) },
		cause,
	});
}

async function readNpy(file: string, handle: FileHandle, start: Buffer): Promise<Vectors> {
	const place = headerBytes(start.subarray(0, prefixBytes));
	const { size } = await handle.stat();
	const header =
		place && place.at + place.length <= Math.min(size, mostHeaderBytes)
			? parseHeader((await read(handle, place.at, place.length)).toString('latin1'))
			: undefined;
	if (place === undefined || header === undefined) throw unfit(file, 'its header can not be read.');
	const { rows, type } = checkHeader(file, header);
	const rowBytes = embeddingLength * type.bytes;
	const begin = place.at + place.length;
	if (begin + rows * rowBytes !== size) {
		const whole = Math.floor((size - begin) / rowBytes);
		throw unfit(
			file,
			whole < rows ? `it ends in row ${whole} of ${rows}, counted from 0.` : `it goes on after its ${rows} rows.`,
		);
	}
	const vectors = allocate(file, rows);
	for (let first = 0; first < rows; first += rowsAtATime) {
		const end = Math.min(first + rowsAtATime, rows);
		const bytes = await read(handle, begin + first * rowBytes, (end - first) * rowBytes);
		if (bytes.length < (end - first) * rowBytes) throw unfit(file, 'it became shorter while it was read.');
		vectors.data.set(type.read(bytes), first * embeddingLength);
		for (let i = first; i < end; i++) {
			const problem = problemOf(row(vectors, i));
			if (problem !== undefined) throw unfit(file, `row ${i}, counted from 0, has ${problem}.`);
		}
	}
	return vectors;
}

/** Headers have some hundred bytes. */
const mostHeaderBytes = 2 ** 16;

function checkHeader(file: string, { type: name, fortranOrder, shape }: NpyHeader) {
	const type = Object.hasOwn(npyTypes, name) ? npyTypes[name] : undefined;
	if (type === undefined) {
		const known = Object.values(npyTypes).map(({ name }) => name);
		throw unfit(file, `its numbers are of the type '${name}', not ${known.join(', ')} of little-endian order.`);
	}
	const [rows, columns] = shape;
	if (shape.length !== 2 || columns !== embeddingLength) {
		throw unfit(file, `its shape is [${shape.join(', ')}].`);
	}
	if (rows === 0) throw unfit(file, 'it has no rows.');
	if (fortranOrder) throw unfit(file, 'it is in Fortran order, column after column.');
	return { rows: rows!, type };
}

function allocate(file: string, rows: number): Vectors {
	try {
		return { data: new Float32Array(rows * embeddingLength), length: embeddingLength };
	} catch (cause) {
		const bytes = rows * embeddingLength * Float32Array.BYTES_PER_ELEMENT;
		throw new Arc2FaceError('OUT_OF_MEMORY', `There is too little memory for the ${rows} identities of ${file}.`, {
			details: { bytes },
			cause,
		});
	}
}

function ofJson(file: string, text: string): Vectors {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (cause) {
		throw unfit(file, 'it is JSON that is damaged.', cause);
	}
	const { results } = Object(json) as { results?: unknown };
	if (Array.isArray(results))
		json = results.map((result) => Object(result).identity).filter((one) => one !== undefined);
	if (Array.isArray(json) && json.length === 0) throw unfit(file, 'it has none.');
	const isList = Array.isArray(json) && typeof json[0] !== 'number';
	const list: unknown[] = isList ? (json as unknown[]) : [json];
	const data = new Float32Array(list.length * embeddingLength);
	for (const [i, one] of list.entries()) {
		const where = isList ? `entry ${i}, counted from 0: ` : '';
		// Said here: the library would repeat all that it received instead.
		if (!Array.isArray(one) && Object(one).embedding === undefined) {
			throw unfit(file, `${where}it is JSON without an \`embedding\`.`);
		}
		try {
			data.set(Identity.from(one as IdentityLike).embedding, i * embeddingLength);
		} catch (cause) {
			if (cause instanceof Arc2FaceError) throw unfit(file, where + cause.problem, cause);
			throw cause;
		}
	}
	return { data, length: embeddingLength };
}

/** Fewer bytes than that at the file's end. */
async function read(handle: FileHandle, at: number, length: number): Promise<Buffer> {
	const buffer = Buffer.allocUnsafe(length);
	let done = 0;
	while (done < length) {
		const { bytesRead } = await handle.read(buffer, done, length - done, at + done);
		if (bytesRead === 0) break;
		done += bytesRead;
	}
	return buffer.subarray(0, done);
}
