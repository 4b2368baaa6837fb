// Loads a variant of a bundle.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Arc2Face } from '../../lib/index.ts';

const linkedFolders = ['arc2face', 'encoder', 'vae', 'scheduler'];
const files = ['antelopev2/scrfd_10g_bnkps.onnx', 'antelopev2/arcface.onnx', 'tokens.json'] as const;
type Changes = Partial<Record<(typeof files)[number], Uint8Array | string>>;

/** A model, and the temporary folder of its bundle. */
export type ChangedModel = AsyncDisposable & Readonly<{ model: Arc2Face }>;

/**
 * Loads a bundle with some files replaced, from a temporary folder in the same layout. Weights are not
 * copied: their folders are links.
 */
export async function loadChanged(bundle: string, changes: Changes): Promise<ChangedModel> {
	const folder = await mkdtemp(join(tmpdir(), 'arc2face-changed-'));
	const remove = () => rm(folder, { recursive: true, force: true });
	try {
		// On Windows, links to folders (junctions) need no privilege; links to files would.
		for (const name of linkedFolders) await symlink(join(bundle, name), join(folder, name), 'junction');
		await mkdir(join(folder, 'antelopev2'));
		for (const file of files) {
			const original = join(bundle, file);
			const content = changes[file] ?? (existsSync(original) ? await readFile(original) : undefined);
			if (content !== undefined) await writeFile(join(folder, file), content);
		}
		const model = await Arc2Face.load({ bundle: folder });
		return {
			model,
			async [Symbol.asyncDispose]() {
				await model.dispose();
				await remove();
			},
		};
	} catch (error) {
		await remove();
		throw error;
	}
}
