// A recogniser that judges portraits although no part of the model was trained with it: an ONNX file with ArcFace's inputs and output.
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Arc2Face } from '../arc2face.ts';
import { bundleFolder } from '../bundle/bundle.ts';
import { checkOnnx, onnxPath } from '../bundle/network-files.ts';

/** A model of which only the recogniser is used. */
export type JudgeModel = AsyncDisposable & Readonly<{ model: Arc2Face }>;

/**
 * The embedded bundle carries it, so that no large network is loaded a second time: from a temporary folder of links, on the CPU.
 *
 * @param file - 112 × 112 aligned crops to 512 numbers, as InsightFace exports recognisers
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming the file; what `Arc2Face.load` throws
 */
export async function loadJudge(
	file: string,
	{ threads, signal }: { threads?: number | undefined; signal: AbortSignal },
): Promise<JudgeModel> {
	await checkOnnx(resolve(file), 'recognizer');
	const carrier = bundleFolder('tiny');
	const folder = await mkdtemp(join(tmpdir(), 'arc2face-judge-'));
	const remove = () => rm(folder, { recursive: true, force: true });
	try {
		// On Windows, links to folders (junctions) need no privilege; links to files would.
		for (const name of ['arc2face', 'encoder', 'vae', 'scheduler'])
			await symlink(join(carrier, name), join(folder, name), 'junction');
		const detector = onnxPath(carrier, 'detector');
		const recogniser = onnxPath(folder, 'recognizer');
		await mkdir(dirname(recogniser));
		await copyFile(detector, join(dirname(recogniser), basename(detector)));
		await copyFile(join(carrier, 'tokens.json'), join(folder, 'tokens.json'));
		await symlink(resolve(file), recogniser).catch(() => copyFile(file, recogniser));
		const model = await Arc2Face.load({ bundle: folder, device: 'cpu', threads, signal });
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
