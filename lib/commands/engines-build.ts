// `engines build`: builds ahead of time what the first load on a GPU would build.
import { stat } from 'node:fs/promises';
import { abandonable } from '../call.ts';
import { formatBytes } from '../cli/bytes.ts';
import { type Context, defineCommand, UsageError } from '../cli/command.ts';
import { decoderOptions } from '../cli/decoder.ts';
import { loraOptions } from '../cli/loras.ts';
import { loadingDisplay, loadOptions, modelOptions } from '../cli/model.ts';
import { shapeOptions } from '../cli/shapes.ts';
import { table } from '../cli/table.ts';
import { chooseBuilder, chooseDevice } from '../device/device.ts';
import { capabilityName, parseCapability, rtxCapabilities } from '../engines/capability.ts';
import { describeTarget } from '../engines/key.ts';
import { type BuildTarget, openEngines, targetFor, targetOf } from '../engines/prepare.ts';
import { EngineRuntimes } from '../engines/runtimes.ts';
import { cacheFolder } from '../files/cache-folder.ts';
import { chosenFeatures } from '../options/features.ts';
import { resolveLoadOptions } from '../options/load.ts';

type Plan = { runtime: Awaited<ReturnType<typeof chooseBuilder>>; target: BuildTarget };
type Built = {
	network: string;
	product: string;
	version: string;
	gpu: string;
	precision: string;
	file: string;
	bytes: number;
	/** Undefined for an engine that already existed. */
	seconds?: number;
};

export default defineCommand({
	arguments: [],
	options: {
		bundle: modelOptions.bundle,
		device: { type: 'string', value: 'DEVICE', help: 'for which GPU, cuda or cuda:N (default: cuda)' },
		precision: { type: 'string', value: 'TYPE', help: 'fp16 or fp32 (default: fp16)' },
		capability: {
			type: 'list',
			value: 'LIST',
			help: 'for GPUs of these compute capabilities, such as 8.9,12.0, which need not be here (TensorRT-RTX)',
		},
		edit: { type: 'boolean', help: 'also for image-to-image and inpainting: generate --image' },
		control: { type: 'boolean', help: 'also for poses: generate --pose, --control' },
		expression: { type: 'boolean', help: 'also for generate --expression; the UNet then has an engine of its own' },
		reference: { type: 'boolean', help: 'also for generate --reference, likewise' },
		...loraOptions,
		...decoderOptions,
		...shapeOptions,
		cacheDir: modelOptions.cacheDir,
	},
	example: 'arc2face engines build --bundle arc2face',
	json: {
		folder: 'where the engines are',
		'built[].network': 'one engine for each network and GPU',
		'built[].product': 'what builds and runs it',
		'built[].version': 'of that product',
		'built[].gpu': 'for which GPU, or which compute capability',
		'built[].precision': 'fp16 or fp32',
		'built[].file': 'the engine',
		'built[].bytes': 'its size',
		'built[].seconds': 'how long it took, unless it was there already',
	},

	async run({ values }, context) {
		const capabilities = chosenCapabilities(values);
		const features = chosenFeatures(values);
		const resolved = resolveLoadOptions(loadOptions({ ...values, features }));
		const { device, cacheDir } = resolved;
		if (device === 'cpu') {
			throw new UsageError('Expected cuda or cuda:N for --device but received cpu, which has no engines.');
		}
		const plans = await plansFor(capabilities, device === 'auto' ? 'cuda' : device, cacheDir);
		const built: Built[] = [];
		for (const plan of plans) built.push(...(await build(resolved, plan, context)));
		return { folder: cacheFolder('engines', cacheDir), built };
	},

	text: ({ folder, built }) => {
		const rows = built.map(({ network, product, version, gpu, precision, bytes, seconds }) => [
			network,
			`${product} ${version}`,
			gpu,
			precision,
			formatBytes(bytes),
			seconds === undefined ? 'there already' : `built in ${seconds.toFixed(1)} s`,
		]);
		return [
			table(['network', 'product', 'GPU', 'precision', 'size', 'state'], rows),
			'',
			`The engines are in ${folder}`,
		].join('\n');
	},
});

/** What to build with, and for which GPUs. */
async function plansFor(
	capabilities: readonly number[] | undefined,
	device: `cuda:${number}` | 'cuda',
	cacheDir: string | undefined,
): Promise<Plan[]> {
	const runtimes = new EngineRuntimes({ cacheDir });
	if (capabilities === undefined) {
		const choice = await chooseDevice(device, { runtimes });
		return choice.device === 'cpu' ? [] : [{ runtime: choice.runtime, target: targetOf(choice) }];
	}
	const runtime = await chooseBuilder(runtimes);
	// Loading on a GPU looks for an engine for exactly its capability.
	return capabilities.map((capability) => ({ runtime, target: targetFor(capability) }));
}

async function build(
	request: ReturnType<typeof resolveLoadOptions>,
	{ runtime, target }: Plan,
	context: Context,
): Promise<Built[]> {
	const { engines } = await openEngines(request, { runtime, target });
	const preparing = engines.prepare({ signal: context.signal, onProgress: loadingDisplay(context) });
	const built = [];
	// A builder may take a while to stop, and this process waits for it, so the user is told.
	for (const { network, precision, file, seconds } of await abandonable(preparing, context.signal)) {
		built.push({
			...{ network, product: runtime.product, version: runtime.version, gpu: describeTarget(target.cached) },
			...{ precision, file, bytes: (await stat(file)).size, ...(seconds === undefined ? {} : { seconds }) },
		});
	}
	return built;
}

/** @throws {UsageError} for anything but capabilities that engines can be built for without the GPU */
function chosenCapabilities({ capability, device }: { capability: string[] | undefined; device: string | undefined }) {
	if (capability === undefined) return undefined;
	if (device !== undefined) throw new UsageError('Expected either --device or --capability but received both.');
	return [...new Set(capability)].map((text) => {
		const number = parseCapability(text);
		if (number !== undefined && rtxCapabilities.includes(number)) return number;
		const known = rtxCapabilities.map(capabilityName).join(', ');
		throw new UsageError(`Expected some of ${known} for --capability but received "${text}".`);
	});
}
