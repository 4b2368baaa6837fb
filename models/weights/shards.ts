// Checkpoints in several files, as diffusers and transformers save large ones: an index says where each tensor is.
import { dirname, join } from 'node:path';
import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights } from './invalid.ts';
import type { Checkpoint, StridedReference, WeightReference } from './reference.ts';

/** An index of 20,000 tensors has 3 MB. */
const maxIndexBytes = 16 * 2 ** 20;

/** Whether the start of a file is JSON, not a header's length that looks like it. */
export function isIndex(start: Uint8Array): boolean {
	return /^\s*\{/.test(Buffer.from(start).toString('latin1')) && start.subarray(4, 8).some((byte) => byte !== 0);
}

/**
 * Locates the tensors of all files that an index names: `{ "weight_map": { "<tensor>": "<file beside the index>" } }`.
 *
 * @param open - reads one of the files
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when the index and its files disagree
 */
export async function readShards(path: string, open: (path: string) => Promise<Checkpoint>): Promise<Checkpoint> {
	const { file, places } = await readIndex(path);
	const folder = dirname(file);
	const tensors = new Map<string, WeightReference>();
	const views = new Map<string, StridedReference>();
	const found = new Map<string, string>();
	let format: Checkpoint['format'] = 'safetensors';
	for (const name of new Set(places.values())) {
		const shard = await open(join(folder, name));
		format = shard.format;
		for (const [tensor, place] of [...shard.tensors, ...(shard.views ?? [])]) {
			const subject = { file: shard.file, tensor };
			const other = found.get(tensor);
			if (other !== undefined) throw invalidWeights('no other', subject, `one in ${join(folder, other)} too`, whole);
			if (!places.has(tensor)) throw invalidWeights(`a place in ${file}`, subject, 'none', whole);
			found.set(tensor, name);
			if ('strides' in place) views.set(tensor, place);
			else tensors.set(tensor, place);
		}
	}
	for (const [tensor, name] of places) {
		const other = found.get(tensor);
		if (other === name) continue;
		const received = other === undefined ? 'a file without it' : `one in ${join(folder, other)}`;
		throw invalidWeights(`one in ${join(folder, name)}`, { file, tensor }, received, whole);
	}
	return { file, format, tensors, views };
}

const whole = { remedy: 'Copy or download the index and all of its files again, from one source.' };

/** File by tensor. */
async function readIndex(path: string): Promise<{ file: string; places: ReadonlyMap<string, string> }> {
	return await CheckpointFile.with(path, async (file) => {
		if (file.size > maxIndexBytes)
			throw invalidWeights(`at most ${maxIndexBytes} bytes of JSON`, file.path, `${file.size}`);
		let json: unknown;
		try {
			json = JSON.parse((await file.read(0, file.size)).toString('utf8'));
		} catch (cause) {
			throw invalidWeights('a JSON index of weights', file.path, 'other JSON, or damaged one', { cause });
		}
		const map = (json as { weight_map?: unknown }).weight_map;
		const entries = typeof map === 'object' && map !== null ? Object.entries(map as Record<string, unknown>) : [];
		if (entries.length === 0) throw invalidWeights('weights', file.path, 'JSON without a weight_map');
		const places = new Map<string, string>();
		for (const [tensor, name] of entries) {
			if (!isFileName(name))
				throw invalidWeights(
					'the name of a file beside it',
					{ file: file.path, tensor },
					JSON.stringify(name)?.slice(0, 80),
				);
			places.set(tensor, name);
		}
		return { file: file.path, places };
	});
}

/** Nothing outside the folder: an index is not trusted. */
function isFileName(name: unknown): name is string {
	return typeof name === 'string' && !/[/\\]/.test(name) && !name.includes('\0') && !['', '.', '..'].includes(name);
}
