// Loads a variant of a bundle.
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Arc2Face } from '../arc2face.ts';
import { isThere, onnxPath } from '../bundle/network-files.ts';
import { tokensName } from '../bundle/tokens.ts';
import type { LoadOptions } from '../options/load.ts';

/** What takes the place of the bundle's own. */
export type Changes = Readonly<{
	/** A file: 112 × 112 aligned crops to 512 numbers, as InsightFace exports recognisers. */
	recogniser?: string;
	/** The text of `tokens.json`. */
	tokens?: string;
}>;

/** A model, and the temporary folder of its bundle. */
export type ChangedModel = AsyncDisposable & Readonly<{ model: Arc2Face }>;

const linkedFolders = ['arc2face', 'encoder', 'vae', 'scheduler'];

/**
 * From a temporary folder in the layout of a bundle, whose weights are links: with the networks that are always needed, and those that read faces.
 *
 * @param bundle - its folder
 * @throws {Arc2FaceError} what `Arc2Face.load` throws
 */
export async function loadChanged(
	bundle: string,
	{ recogniser = onnxPath(bundle, 'recognizer'), tokens }: Changes,
	options: Omit<LoadOptions, 'bundle'> = {},
): Promise<ChangedModel> {
	const folder = await mkdtemp(join(tmpdir(), 'arc2face-changed-'));
	const remove = () => rm(folder, { recursive: true, force: true });
	try {
		// On Windows, links to folders (junctions) need no privilege; links to files would.
		for (const name of linkedFolders) await symlink(resolve(bundle, name), join(folder, name), 'junction');
		await mkdir(dirname(onnxPath(folder, 'recognizer')));
		await put(onnxPath(bundle, 'detector'), onnxPath(folder, 'detector'));
		await put(recogniser, onnxPath(folder, 'recognizer'));
		if (tokens === undefined) await put(join(bundle, tokensName), join(folder, tokensName));
		else await writeFile(join(folder, tokensName), tokens);
		const model = await Arc2Face.load({ ...options, bundle: folder });
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

/** A file that a bundle may be without is left out. */
async function put(from: string, to: string): Promise<void> {
	if (await isThere(from)) await symlink(resolve(from), to).catch(() => copyFile(from, to));
}
