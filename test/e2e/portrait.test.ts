// Portraits through NVIDIA's engines, against the CPU's.
import { describe, expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { awaitNative } from '../../lib/call.ts';
import { explain } from '../../lib/device/obstacles.ts';
import { type BuildTarget, ModelEngines, nativeEngines, targetFor } from '../../lib/engines/prepare.ts';
import { productTable } from '../../lib/engines/products.ts';
import { type EngineRuntime, EngineRuntimes, pathsOf } from '../../lib/engines/runtimes.ts';
import { Arc2Face } from '../../lib/index.ts';
import { loadNative, type NativeEngine, type NativeNetworks } from '../../lib/native.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { findRuntimes, type Runtime, withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const how = { seed: 42, count: 2, steps: 25 };

for (const runtime of await findRuntimes()) {
	if (!runtime.provider.startsWith('tensorrt')) continue;
	if (runtime.reason !== undefined) console.log(`Leaving out portraits by ${runtime.name}: ${runtime.reason}`);
	describe.skipIf(runtime.reason !== undefined)(runtime.name, { timeout: 600_000 }, () => paintsAsTheCpu(runtime));
}

function paintsAsTheCpu({ device, library, provider }: Runtime): void {
	test.each(['fp16', 'fp32'] as const)('a portrait of the tiny bundle in %s is that of the CPU', async (precision) => {
		await using cpu = await Arc2Face.load({ bundle: 'tiny', device: 'cpu' });
		const expected = await cpu.generate(identity, how);
		await withEnvironment({ ARC2FACE_PROVIDER: library }, async () => {
			const cacheDir = folder.path(`${provider}-${precision}`);
			await using gpu = await Arc2Face.load({ bundle: 'tiny', device, precision, cacheDir, batchSizes: [4] });
			const images = await gpu.generate(identity, how);
			for (const [i, { data }] of images.entries()) {
				const sum = data.reduce((total, level, at) => total + Math.abs(level - expected[i]!.data[at]!), 0);
				// Invisible. A wrong layer, weight or coefficient is off by tens of levels.
				expect(sum / data.length, `image ${i}`).toBeLessThanOrEqual(2);
			}
		});
	});
}

// NVIDIA does not document what TensorRT-RTX does on a GPU that it does not list, so this package does not try. Whoever has one
// sees it here, in the library's own words.
describe('TensorRT-RTX on a GPU that it is not documented for', { timeout: 600_000 }, () => {
	const { gpus, driver = '', obstacle = 'there is no GPU' } = loadNative().findGpus();
	const { name = '', capability = 0, multiprocessors = 0 } = gpus[0] ?? {};
	const itself = { native: { gpu: 0 }, cached: { gpu: name, capability, multiprocessors, driver } };

	test.for<[string, BuildTarget]>([
		['the GPU itself', itself],
		// Perhaps one for another GPU runs.
		['compute capability 8.9', targetFor(89)],
	])('opens an engine that was built for %s, or says why not', async ([what, target], { skip }) => {
		skip(gpus.length === 0, obstacle);
		skip(productTable['TensorRT-RTX'].runsOn(capability), `it is documented for ${name}`);
		const libraries = new EngineRuntimes({ env: { ...process.env, ARC2FACE_PROVIDER: undefined } });
		const runtime = await libraries.first('TensorRT-RTX');
		if (runtime === undefined) return skip(explain(await libraries.obstacles('TensorRT-RTX'), false).reasons.join(' '));

		const outcome = await tryEngines(runtime, target);
		const { product, version } = runtime;
		console.log(`${product} ${version} on ${name}, an engine for ${what}: ${outcome}`);
		// Other failures have none of our codes.
		expect(outcome).not.toMatch(/undefined: /);
	});
});

/** Builds engines of the tiny bundle and opens them on the first GPU; returns how that went. */
async function tryEngines(runtime: EngineRuntime, target: BuildTarget): Promise<string> {
	const bundle = await openBundle('tiny', { operators: 'standard', precision: 'fp16' });
	const { tokens, geometry } = bundle;
	const shapes = { batchSizes: [2], imageSizes: [geometry], detectionSize: 640 };
	const cacheDir = folder.path('any-gpu');
	const engines = await ModelEngines.of(bundle, { runtime, target, precision: 'fp16', shapes, cacheDir });
	const words = ({ code, message }: Error & { code?: string }) => `${code}: ${message}`;
	let networks: NativeNetworks<NativeEngine>;
	try {
		networks = nativeEngines(await engines.prepare());
	} catch (error) {
		return `it is not built; ${words(error as Error)}`;
	}
	try {
		const request = { runtime: { engines: pathsOf(runtime), gpu: 0 }, files: [], networks, ...tokens };
		const model = await awaitNative(
			() => loadNative().load({ ...request, pixelsPerLatent: geometry.pixelsPerLatent }),
			undefined,
		);
		await model.dispose();
		return 'it is built, opens and runs';
	} catch (error) {
		return `it is built; ${words(error as Error)}`;
	}
}
