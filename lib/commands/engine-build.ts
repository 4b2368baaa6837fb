import { stat } from 'node:fs/promises';
import { abandonable } from '../call.ts';
import { formatBytes } from '../cli/bytes.ts';
import { type Context, type OptionSpec, type OptionValues, UsageError } from '../cli/command.ts';
import { loadingDisplay, loadOptions, modelOptions } from '../cli/model.ts';
import { shapeOptions } from '../cli/shapes.ts';
import { table } from '../cli/table.ts';
import { capabilityName, parseCapability, rtxCapabilities } from '../engines/capability.ts';
import type { BuildTarget } from '../engines/prepare.ts';
import { resolveLoadOptions } from '../options/load.ts';

export type Building = { folder: string; built: EngineRow[] };
type EngineRow = {
	network: string;
	product: string;
	version: string;
	gpu: string;
	precision: string;
	file: string;
	bytes: number;
	/** Undefined for an engine that was there already. */
	seconds?: number;
};

/** The options of `engines build`. */
export const buildOptions = {
	bundle: modelOptions.bundle,
	device: { type: 'string', value: 'DEVICE', help: 'build: for which GPU, cuda or cuda:N (default: cuda)' },
	precision: { type: 'string', value: 'TYPE', help: 'build: fp16 or fp32 (default: fp16)' },
	capability: {
		type: 'string',
		value: 'LIST',
		help: 'build: for GPUs of these compute capabilities, such as 8.9,12.0, which need not be here (TensorRT-RTX)',
	},
	...optionsOf('build', shapeOptions),
} as const;

/** The same options, of which the help says that one action has them. */
function optionsOf<Specs extends Readonly<Record<string, OptionSpec>>>(action: string, specs: Specs): Specs {
	const own = Object.entries(specs).map(([name, spec]) => [name, { ...spec, help: `${action}: ${spec.help}` }]);
	return Object.fromEntries(own) as Specs;
}

/** Builds what is missing in the cache, as the first load with these options would. */
export async function buildEngines(
	values: OptionValues<typeof buildOptions & Pick<typeof modelOptions, 'cache-dir'>>,
	context: Context,
): Promise<Building> {
	const capabilities = chosenCapabilities(values);
	const resolved = resolveLoadOptions(loadOptions(values));
	const { device, cacheDir } = resolved;
	if (device === 'cpu')
		throw new UsageError('Expected cuda or cuda:N for --device but received cpu, which has no engines.');

	// Imported here, because `--help` does not need them.
	const { chooseBuilder, chooseDevice } = await import('../device/device.ts');
	const { EngineRuntimes } = await import('../engines/runtimes.ts');
	const { describeTarget } = await import('../engines/key.ts');
	const { openEngines, targetFor, targetOf } = await import('../engines/prepare.ts');
	const { cacheFolder } = await import('../files/cache-folder.ts');

	const libraries = new EngineRuntimes({ cacheDir });
	const plans: { runtime: Awaited<ReturnType<typeof chooseBuilder>>; target: BuildTarget }[] = [];
	if (capabilities === undefined) {
		const choice = await chooseDevice(device === 'auto' ? 'cuda' : device, { libraries });
		if (choice.device !== 'cpu') plans.push({ runtime: choice.runtime, target: targetOf(choice) });
	} else {
		const runtime = await chooseBuilder(libraries);
		// A GPU's load looks for an engine for its capability alone.
		plans.push(...capabilities.map((capability) => ({ runtime, target: targetFor(capability) })));
	}
	const { signal } = context;
	const onProgress = loadingDisplay(context);
	const result: Building = { folder: cacheFolder('engines', cacheDir), built: [] };
	for (const { runtime, target } of plans) {
		const { engines } = await openEngines(resolved, { runtime, target });
		// A builder may take a while to stop; until it has, this process stays, but the user need not be kept in the dark.
		const prepared = await abandonable(engines.prepare({ signal, onProgress }), signal);
		for (const { network, precision, file, seconds } of prepared) {
			result.built.push({
				...{ network, product: runtime.product, version: runtime.version, gpu: describeTarget(target.identity) },
				...{ precision, file, bytes: (await stat(file)).size, ...(seconds === undefined ? {} : { seconds }) },
			});
		}
	}
	return result;
}

/** @throws {UsageError} for what are no capabilities, or none that engines can be built for from afar */
function chosenCapabilities({ capability, device }: { capability: string | undefined; device: string | undefined }) {
	if (capability === undefined) return undefined;
	if (device !== undefined) throw new UsageError('Expected either --device or --capability but received both.');
	return [...new Set(capability.split(','))].map((text) => {
		const number = parseCapability(text.trim());
		if (number !== undefined && rtxCapabilities.includes(number)) return number;
		const known = rtxCapabilities.map(capabilityName).join(', ');
		throw new UsageError(`Expected some of ${known} for --capability but received "${text}".`);
	});
}

export function describeBuilding({ folder, built }: Building): string {
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
}
