import { describe, expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle.ts';
import { awaitNative } from '../../lib/call.ts';
import { EngineLibraries, pathsOf } from '../../lib/engine-libraries.ts';
import { Arc2Face } from '../../lib/index.ts';
import { ModelEngines, nativeEngines, targetFor } from '../../lib/model-engines.ts';
import { loadNative } from '../../lib/native.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { findRuntimes, type Runtime, withEnvironment } from '../runtimes.ts';

// Portraits through NVIDIA's engines, against the CPU's.

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
				// What no eye sees. A wrong layer, weight or coefficient is off by tens of levels.
				expect(sum / data.length, `image ${i}`).toBeLessThanOrEqual(2);
			}
		});
	});
}

// NVIDIA's documents do not say what TensorRT-RTX does on a GPU that they do not list, so this package does not try. Whoever has one
// learns it here.
describe('TensorRT-RTX on a GPU that it is not documented for', { timeout: 600_000 }, () => {
	test('works, or says why not', async (context) => {
		const { gpus, obstacle } = loadNative().findGpus();
		const [gpu] = gpus;
		if (gpu === undefined) return context.skip(obstacle);
		const libraries = new EngineLibraries({ env: { ...process.env, ARC2FACE_PROVIDER: undefined } });
		const runtime = await libraries.first('TensorRT-RTX');
		if (runtime === undefined) return context.skip((await libraries.obstacles('TensorRT-RTX')).join(' '));

		const bundle = await openBundle('tiny', { operators: 'standard', precision: 'fp16' });
		const shapes = { batchSizes: [2], imageSizes: [bundle.geometry], detectionSize: 640 };
		const { capability } = gpu;
		const request = { runtime, target: targetFor(capability), precision: 'fp16', shapes } as const;
		const engines = await ModelEngines.of(bundle, { ...request, cacheDir: folder.path('any-gpu') });
		const outcome = await engines
			.prepare()
			.then((prepared) => {
				const { tokens, geometry } = bundle;
				const { pixelsPerLatent } = geometry;
				const networks = nativeEngines(prepared);
				const runs = { runtime: { engines: pathsOf(runtime), gpu: 0 }, files: [], networks };
				return awaitNative(() => loadNative().load({ ...runs, ...tokens, pixelsPerLatent }), undefined);
			})
			.then(
				async (model) => {
					await model.dispose();
					return 'works';
				},
				(error: Error & { code?: string }) => `${error.code}: ${error.message}`,
			);
		console.log(
			`${runtime.product} ${runtime.version} on ${gpu.name}, compute capability ${capability / 10}: ${outcome}`,
		);
		// A failure of another kind has no code of ours.
		expect(outcome).not.toMatch(/^undefined: /);
	});
});
