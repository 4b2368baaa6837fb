// Opens a checkpoint of any format, in one file or several.
import { contentOf, startBytes } from '../file-content.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights } from './invalid.ts';
import type { Checkpoint } from './reference.ts';
import { readSafetensors } from './safetensors.ts';
import { isIndex, readShards } from './shards.ts';
import { isLegacyTorch, readLegacyTorch } from './torch-legacy.ts';
import { readTorchZip } from './torch-zip.ts';

/**
 * Locates the tensors of a checkpoint file, or of the files that an index names. The format is told by its content, not its name.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when it is none of these, damaged, or missing
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
	const start = await readStart(path);
	return isIndex(start) ? await readShards(path, openFile) : await openFile(path, start);
}

async function openFile(path: string, start?: Uint8Array): Promise<Checkpoint> {
	start ??= await readStart(path);
	const latin1 = Buffer.from(start.subarray(0, 9)).toString('latin1');
	if (latin1.startsWith('PK\x03\x04')) return await readTorchZip(path);
	if (isLegacyTorch(start)) return await readLegacyTorch(path);
	// A header's JSON starts after its length.
	if (latin1[8] === '{') return await readSafetensors(path);
	const { what, remedy } = contentOf(start) ?? { what: `one that starts with ${JSON.stringify(latin1)}` };
	throw invalidWeights('a .safetensors file or a file of PyTorch', path, what, { ...(remedy && { remedy }) });
}

function readStart(path: string): Promise<Buffer> {
	return CheckpointFile.with(path, (file) => file.read(0, Math.min(startBytes, file.size)));
}
