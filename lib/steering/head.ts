// Nobody's head, whose normal maps show poses: models/tiny/recipe/export_head.py wrote it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '../../models/weights/safetensors.ts';
import { packageRoot } from '../package.ts';

/** Lengths are in head units (10 cm): x to the right of who looks at the face, y up, z towards them. */
export type NeutralHead = Readonly<{
	/** A grid [rows, columns, 3]: rows go down, columns around the head and back to the first. */
	positions: Float32Array;
	rows: number;
	columns: number;
	/** [2, 3], at the image's left first. */
	eyes: Float32Array;
	/** Corners [2, 3], at the image's left first. */
	mouth: Float32Array;
}>;

let head: Promise<NeutralHead> | undefined;

/** Read once. */
export function neutralHead(): Promise<NeutralHead> {
	head ??= read().catch((error: unknown) => {
		head = undefined;
		throw error;
	});
	return head;
}

async function read(): Promise<NeutralHead> {
	const path = join(packageRoot, 'models', 'neutral-head.safetensors');
	const { tensors } = await readSafetensors(path);
	const bytes = await readFile(path);
	const floats = (name: string) => {
		const { offset, length } = tensors.get(name)!;
		return new Float32Array(new Uint8Array(bytes.subarray(offset, offset + length)).buffer);
	};
	const [rows, columns] = tensors.get('positions')!.shape as [number, number, number];
	return { positions: floats('positions'), rows, columns, eyes: floats('eyes'), mouth: floats('mouth') };
}
