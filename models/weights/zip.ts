// Locates the entries of ZIP files.
import * as yauzl from 'yauzl';
import { Arc2FaceError } from '../../lib/errors.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights, remedies } from './invalid.ts';

/** An uncompressed file inside a ZIP file. */
export type StoredEntry = Readonly<{
	/** First byte, from the start of the ZIP file. */
	offset: number;
	length: number;
}>;

/** More than ten times as many as the largest networks of the Stable Diffusion family have. */
const maxEntries = 20_000;

/**
 * Locates the entries of a ZIP file, ZIP64 included, without reading their data.
 *
 * @returns the entries by name, in the order of the directory
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when the directory is damaged, or an entry is compressed or encrypted,
 *   has another's name or shares bytes with another
 */
export async function locateZipEntries(file: CheckpointFile): Promise<ReadonlyMap<string, StoredEntry>> {
	await checkEnd(file);
	const entries = new Map<string, StoredEntry>();
	const zip = await reading(
		file,
		yauzl.fromRandomAccessReaderPromise(new Reader(file), file.size, { autoClose: false }),
	);
	if (zip.entryCount > maxEntries)
		throw invalidWeights(`at most ${maxEntries} entries`, file.path, `${zip.entryCount}`);

	const directory = zip.eachEntry();
	for (;;) {
		const next = await reading(file, directory.next());
		if (next.done) break;
		const entry = next.value;
		const where = { file: file.path, part: `entry ${entry.fileName}` };
		if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
			throw invalidWeights('stored bytes', where, 'compressed or encrypted ones', { remedy: remedies.resave });
		}
		if (entries.has(entry.fileName)) throw invalidWeights('one entry of this name', where, 'several');
		const { fileDataStart } = await reading(file, zip.readLocalFileHeaderPromise(entry, { minimal: true }));
		entries.set(entry.fileName, { offset: fileDataStart, length: entry.uncompressedSize });
	}
	checkDisjoint(entries, file.path);
	return entries;
}

function checkDisjoint(entries: ReadonlyMap<string, StoredEntry>, path: string): void {
	let end = 0;
	for (const [name, { offset, length }] of [...entries].sort(
		([, a], [, b]) => a.offset - b.offset || a.length - b.length,
	)) {
		if (offset < end)
			throw invalidWeights('bytes of its own', { file: path, part: `entry ${name}` }, 'those of another entry');
		end = offset + length;
	}
}

/** The directory is at the end, so a file without its end record was truncated. */
async function checkEnd(file: CheckpointFile): Promise<void> {
	const length = Math.min(file.size, endRecordBytes + longestComment);
	const end = await file.read(file.size - length, length);
	if (!end.includes('PK\x05\x06', 0, 'latin1'))
		throw invalidWeights('a complete ZIP file', file.path, 'one that is cut short');
}
const endRecordBytes = 22;
const longestComment = 0xffff;

/** Names the file in the library's errors. */
async function reading<T>(file: CheckpointFile, promise: Promise<T>): Promise<T> {
	try {
		return await promise;
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw cause;
		throw invalidWeights('a complete ZIP file', file.path, cause instanceof Error ? cause.message : String(cause), {
			cause,
		});
	}
}

/** The library's own reader throws uncatchably when a damaged directory points far beyond the file. */
class Reader extends yauzl.RandomAccessReader {
	readonly #file: CheckpointFile;

	constructor(file: CheckpointFile) {
		super();
		this.#file = file;
	}

	override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void) {
		this.#file.read(position, length).then(
			(bytes) => {
				bytes.copy(buffer, offset);
				done(null);
			},
			(error) => done(error),
		);
	}
}
