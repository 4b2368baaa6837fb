// A recogniser that judges portraits although no part of the model was trained with it: an ONNX file with ArcFace's inputs and output.
import { resolve } from 'node:path';
import { bundleFolder } from '../bundle/bundle.ts';
import { checkOnnx } from '../bundle/network-files.ts';
import { type ChangedModel, loadChanged } from './changed-model.ts';

/**
 * The embedded bundle carries it, so that no large network is loaded a second time: on the CPU.
 *
 * @param file - 112 × 112 aligned crops to 512 numbers, as InsightFace exports recognisers
 * @returns a model of which only the recogniser is used
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming the file; what `Arc2Face.load` throws
 */
export async function loadJudge(
	file: string,
	{ threads, signal }: { threads?: number | undefined; signal: AbortSignal },
): Promise<ChangedModel> {
	await checkOnnx(resolve(file), 'recognizer');
	return await loadChanged(bundleFolder('tiny'), { recogniser: file }, { device: 'cpu', threads, signal });
}
