import type { Arc2Face } from '../arc2face.ts';
import type { DeviceRequest } from '../device.ts';
import { resolveLoadOptions } from '../options.ts';
import type { Context, OptionValues } from './command.ts';

/** The options of every command that loads a model. */
export const modelOptions = {
	bundle: {
		type: 'string',
		value: 'NAME',
		help: 'name or folder of the model (default: arc2face if pulled, else tiny)',
	},
	device: { type: 'string', value: 'DEVICE', help: 'auto, cpu, cuda or cuda:N (default: auto)' },
	threads: { type: 'number', value: 'N', help: 'threads on the CPU (default: one per core)' },
} as const;

/**
 * Loads the model with a progress bar, when its options and the headers of the photos that it is for are in order.
 *
 * @throws {Arc2FaceError} as `Arc2Face.load` does; `INVALID_IMAGE`, naming the photo, before the model is loaded
 */
export async function loadModel(
	{ bundle, threads, device }: OptionValues<typeof modelOptions>,
	photos: readonly string[],
	context: Context,
): Promise<Arc2Face> {
	const options = { bundle, threads, device: device as DeviceRequest | undefined };
	resolveLoadOptions(options);
	// Imported here, not earlier: without sharp, which both need, `--help` and `doctor` still answer.
	const { checkPhoto } = await import('../photo.ts');
	await Promise.all(photos.map((photo) => checkPhoto(photo)));
	const { Arc2Face } = await import('../index.ts');
	return await Arc2Face.load({
		...options,
		signal: context.signal,
		onProgress: ({ done, total }) => context.progress('loading', { done, total, unit: 'steps' }),
	});
}
