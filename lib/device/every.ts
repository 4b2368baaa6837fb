// All GPUs of this machine that networks can run on.
import { EngineRuntimes } from '../engines/runtimes.ts';
import { loadNative } from '../native.ts';
import { chooseGpu } from './device.ts';

/** The GPUs that can be used, in order, and why the others can't. */
export async function usableGpus(
	cacheDir: string | undefined,
): Promise<{ devices: `cuda:${number}`[]; leftOut: string[] }> {
	const survey = loadNative().findGpus();
	const runtimes = new EngineRuntimes({ cacheDir });
	const devices: `cuda:${number}`[] = [];
	const leftOut: string[] = [];
	for (const index of survey.gpus.keys()) {
		const outcome = await chooseGpu(`cuda:${index}`, survey, runtimes);
		if ('device' in outcome) devices.push(outcome.device);
		else leftOut.push(`cuda:${index} is not used: ${outcome.reasons.join(' ')}`);
	}
	return { devices, leftOut };
}
