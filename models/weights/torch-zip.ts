// Locates tensors in files that `torch.save` wrote.
import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights, remedies } from './invalid.ts';
import { unpickle } from './pickle.ts';
import type { Checkpoint } from './reference.ts';
import { globals, Locator, maxPickleBytes, Storage } from './torch-tensors.ts';
import { locateZipEntries, type StoredEntry } from './zip.ts';

/**
 * Locates the tensors of a file that `torch.save` wrote: a ZIP file of stored entries, the pickle `data.pkl` and
 * one entry `data/<key>` per storage. Only the directory and the pickle are read, and nothing of the pickle is executed.
 * The file holds a dict; tensors of nested dicts get names with dots, and values that are not tensors are left out.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when the pickle does not describe this file, or asks for more than tensors need
 */
export function readTorchZip(path: string): Promise<Checkpoint> {
	return CheckpointFile.with(path, async (file) => {
		const entries = await locateZipEntries(file);
		const folder = findFolder(entries, file.path);
		await checkByteOrder(file, entries.get(`${folder}byteorder`));

		const pickle = entries.get(`${folder}data.pkl`)!;
		if (pickle.length > maxPickleBytes) {
			const where = { file: file.path, part: 'the pickle' };
			throw invalidWeights(`at most ${maxPickleBytes} bytes`, where, `${pickle.length}`, { remedy: remedies.resave });
		}
		const { value: root } = unpickle(await file.read(pickle.offset, pickle.length), {
			globals,
			persistentLoad: (id) => new Storage(id),
			file: file.path,
		});
		return new Locator(entries, `${folder}data/`, file.path).locateAll(root);
	});
}

/** The folder at the top of the ZIP file, with a slash; named like the file when it was saved. */
function findFolder(entries: ReadonlyMap<string, StoredEntry>, path: string): string {
	const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
	if (pickles.length !== 1) {
		const received = `a ZIP file with ${pickles.length} entries <folder>/data.pkl`;
		throw invalidWeights('a file of torch.save', path, received, { remedy: remedies.resave });
	}
	return pickles[0]!.slice(0, -'data.pkl'.length);
}

/** Files of PyTorch before 2.1 do not state the order, and are little-endian. */
async function checkByteOrder(file: CheckpointFile, entry: StoredEntry | undefined): Promise<void> {
	if (entry === undefined) return;
	const order = (await file.read(entry.offset, Math.min(entry.length, 20))).toString('latin1');
	if (order !== 'little') throw invalidWeights('the byte order "little"', file.path, JSON.stringify(order));
}
