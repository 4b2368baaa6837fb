import { CheckpointFile } from './checkpoint-file.ts';
import { invalidWeights } from './invalid.ts';
import type { Checkpoint } from './reference.ts';
import { readSafetensors } from './safetensors.ts';
import { readTorchZip } from './torch-zip.ts';

/**
 * Locates the tensors of a checkpoint file, whichever of the two formats its content is, whatever its name.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` when it is neither, damaged, or not there
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
	const start = await CheckpointFile.with(path, (file) => file.read(0, Math.min(9, file.size)));
	if (start.toString('latin1', 0, 4) === 'PK\x03\x04') return readTorchZip(path);
	// A header's JSON starts after its length.
	if (start[8] === '{'.charCodeAt(0)) return readSafetensors(path);
	throw invalidWeights(
		'a .safetensors file or a PyTorch ZIP file',
		path,
		`one that starts with ${JSON.stringify(start.toString('latin1'))}`,
	);
}
