import type { Arc2Face } from '../arc2face.ts';
import type { DeviceRequest } from '../device.ts';
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

/** Loads the model with a progress bar. The library is imported here, not earlier: without it, `--help` still answers. */
export async function loadModel(values: OptionValues<typeof modelOptions>, context: Context): Promise<Arc2Face> {
	const { Arc2Face } = await import('../index.ts');
	const { bundle, threads, device } = values;
	return await Arc2Face.load({
		bundle,
		threads,
		device: device as DeviceRequest | undefined,
		signal: context.signal,
		onProgress: ({ done, total }) => context.progress('loading', { done, total, unit: 'steps' }),
	});
}
