// Locates tensors in files that `torch.save` wrote before PyTorch 1.6.
import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights, remedies } from './invalid.ts';
import { unpickle } from './pickle.ts';
import { type Checkpoint, dataTypeBytes } from './reference.ts';
import { isCount } from './shape.ts';
import { globals, Locator, maxPickleBytes, type Place, Storage, StorageType } from './torch-tensors.ts';

/** The pickles of the number 0x1950a86a20f9469cfc6c and of the version 1001, with which such a file begins. */
const start = Buffer.from('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.', 'latin1');

/** @param bytes - how the file begins */
export function isLegacyTorch(bytes: Uint8Array): boolean {
	return start.equals(bytes.subarray(0, start.length));
}

/**
 * Locates the tensors of such a file: after its start three pickles (about the machine, the object, the keys of its storages), then for each
 * key the storage's element count, int64, and its elements; see `_legacy_load` of
 * https://github.com/pytorch/pytorch/blob/v2.4.0/torch/serialization.py. As in {@link readTorchZip}, nothing is executed.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`
 */
export function readLegacyTorch(path: string): Promise<Checkpoint> {
	return CheckpointFile.with(path, async (file) => {
		const bytes = await file.read(0, Math.min(file.size, maxPickleBytes));
		const storages = new Map<string, unknown[]>();
		const persistentLoad = (id: unknown) => {
			if (Array.isArray(id) && typeof id[2] === 'string') storages.set(id[2], id);
			return new Storage(id);
		};
		let at = start.length;
		const next = () => {
			const { value, length } = unpickle(bytes.subarray(at), { globals, persistentLoad, file: file.path });
			at += length;
			return value;
		};
		const machine = next();
		if (machine instanceof Map && machine.get('little_endian') === false) {
			throw invalidWeights('the byte order "little"', file.path, '"big"', { remedy: remedies.resave });
		}
		const [root, keys] = [next(), next()];
		const places = await locateStorages(file, keys, storages, at);
		return new Locator(places, '', file.path).locateAll(root);
	});
}

/** They follow one another, in the order of their keys. */
async function locateStorages(
	file: CheckpointFile,
	keys: unknown,
	storages: ReadonlyMap<string, readonly unknown[]>,
	from: number,
): Promise<Map<string, Place>> {
	const where = { file: file.path, part: 'the list of storages' };
	if (!Array.isArray(keys)) throw invalidWeights('a list', where, 'another value', { remedy: remedies.resave });
	const places = new Map<string, Place>();
	let offset = from;
	for (const key of keys as unknown[]) {
		const [, type, , , count, view] = storages.get(key as string) ?? [];
		if (!(type instanceof StorageType) || !isCount(count) || (view !== null && view !== undefined)) {
			throw invalidWeights('storages of tensors, each whole', where, 'others', { remedy: remedies.resave });
		}
		const stated = (await file.read(offset, 8)).readBigInt64LE();
		if (stated !== BigInt(count)) throw invalidWeights(`a storage of ${count} elements`, where, `${stated}`);
		const length = count * dataTypeBytes[type.type];
		if (offset + 8 + length > file.size) {
			throw invalidWeights(
				`at least ${offset + 8 + length} bytes`,
				file.path,
				`${file.size}, a file that is cut short`,
			);
		}
		places.set(key as string, { offset: offset + 8, length });
		offset += 8 + length;
	}
	return places;
}
