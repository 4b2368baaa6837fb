/**
 * Gets the engines to measure from a cache, building missing ones, and says where everything is. benchmarks/gpu/run.js runs this.
 *
 *   node dist/benchmarks/gpu/prepare.js --bundle <folder> --cache <folder> --batch-sizes 2,8,16
 *
 * Prints lines of JSON (report.js); one with an `obstacle` if nothing can build and run engines.
 */
import { parseArgs } from 'node:util';
import { chooseDevice, type DeviceChoice } from '../../lib/device/device.ts';
import { openEngines, targetOf } from '../../lib/engines/prepare.ts';
import { pathsOf } from '../../lib/engines/runtimes.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { type LoadProgress, resolveLoadOptions } from '../../lib/options/load.ts';

const { values } = parseArgs({
	options: { bundle: { type: 'string' }, cache: { type: 'string' }, 'batch-sizes': { type: 'string' } },
});
const { bundle: folder, cache: cacheDir, 'batch-sizes': batchSizes } = values;
if (folder === undefined || cacheDir === undefined || batchSizes === undefined) {
	throw new Error('Expected --bundle, --cache and --batch-sizes.');
}
const say = (line: object) => console.log(JSON.stringify(line));

const choice = await choose();
if (choice !== undefined && choice.device !== 'cpu') {
	const { runtime, provider, reasons } = choice;
	const batches = batchSizes.split(',').map(Number);
	const options = resolveLoadOptions({ bundle: folder, cacheDir, batchSizes: batches });
	const { engines, bundle, precision } = await openEngines(options, { runtime, target: targetOf(choice) });
	const { tokens, geometry } = bundle;
	console.error(reasons.join('\n'));

	const prepared = await engines.prepare({ onProgress: progressOnStderr() });
	for (const { network, seconds } of prepared) {
		if (seconds !== undefined) say({ name: `building the engine of ${network}`, unit: 's', values: [seconds] });
	}
	say({
		...{ provider, version: runtime.version, precision, reasons, batchSizes: options.shapes.batchSizes },
		library: pathsOf(runtime),
		gpu: choice.index,
		files: Object.fromEntries(prepared.map(({ network, file }) => [network, file])),
		identityPosition: tokens.identityPosition,
		pixelsPerLatent: geometry.pixelsPerLatent,
		imageSize: geometry.width,
	});
}

async function choose(): Promise<DeviceChoice | undefined> {
	try {
		return await chooseDevice('cuda', { cacheDir });
	} catch (error) {
		if (!(error instanceof Arc2FaceError && error.code === 'NO_DEVICE')) throw error;
		say({ obstacle: error.message });
		return undefined;
	}
}

/** A line for every network and phase, and for every tenth of a build. */
function progressOnStderr(): (progress: LoadProgress) => void {
	let shown = '';
	return ({ network, phase, fraction }) => {
		const line = `${network}: ${phase}${phase === 'building' ? `, ${Math.floor(fraction * 10) * 10} %` : ''}`;
		if (line !== shown) console.error(line);
		shown = line;
	};
}
