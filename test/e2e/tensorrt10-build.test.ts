// What is called of TensorRT 10 to build an engine, by its version: with a library that records it, since NVIDIA's needs a GPU.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { ConfigFile } from '../../models/config-file.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { readVaeConfig, vaeDecoder } from '../../models/vae.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { providers } from '../engines.ts';
import { inside, insideFile, onnxRuntimeLibrary } from '../inside.ts';

const recording = join(dirname(insideFile), 'arc2face_recording_tensorrt.so');
const missing = [providers.tensorrt10, recording].find((file) => !existsSync(file));
if (missing !== undefined) console.log(`Leaving out the calls of TensorRT 10: there is no ${missing}.`);

const folder = temporaryFolder();

describe.skipIf(missing !== undefined)('an engine of TensorRT', () => {
	let graph: NetworkGraph;
	let encoded: Uint8Array;
	beforeAll(async () => {
		await writeRandomBundle(folder.path('tiny'), { size: 'tiny', seed: 7 });
		const config = readVaeConfig(await ConfigFile.read(folder.path('tiny/vae/config.json')));
		const weights = await openCheckpoint(folder.path('tiny/vae/diffusion_pytorch_model.safetensors'));
		graph = vaeDecoder(config, new CheckpointWeights(weights), { precision: 'fp16' });
		encoded = await graph.encode();
	});

	/** The calls, and the model that was parsed. In a process of its own: the library's environment is that of a process. */
	async function build(version: string): Promise<{ calls: string[]; model: Uint8Array }> {
		const to = folder.path(`${version}.engine`);
		const file = folder.path('request.json');
		const paths = { provider: providers.tensorrt10, core: recording, parser: recording };
		await writeFile(file, JSON.stringify({ ...paths, weights: graph.weights, profiles: [{}], to }));
		await writeFile(folder.path('graph.onnx'), encoded);
		const script = `
			const [inside, request, graph] = process.argv.slice(1);
			const read = require('node:fs').readFileSync;
			require(inside).buildEngine({ ...JSON.parse(read(request, 'utf8')), graph: read(graph) });
		`;
		const env = { ...process.env, TEST_TENSORRT_VERSION: version };
		await promisify(execFile)(process.execPath, ['-e', script, insideFile, file, folder.path('graph.onnx')], { env });
		const engine = await readFile(to);
		const end = engine.indexOf(0);
		return { calls: engine.toString('utf8', 0, end).trimEnd().split('\n'), model: engine.subarray(end + 1) };
	}

	// Networks of 10.x are strongly typed by a bit of the flags, the second.
	test.each(['10.6.0.26', '10.12.0.36'])('%s is built of one model with the weights in it', async (version) => {
		const { calls, model } = await build(version);
		expect(calls).toEqual(['createNetworkV2 2', 'parse', 'buildSerializedNetwork']);

		const run = { library: onnxRuntimeLibrary, outputs: { image: [1, 3, 16, 16] } };
		const latents = Uint16Array.from({ length: 4 * 4 }, (_, i) => 0x3800 + 64 * i); // 0.5 and more
		const inputs = { latents: { type: 'float16', shape: [1, 4, 2, 2], data: latents } } as const;
		const inParts = inside.runNetwork({ ...run, inputs, graph: encoded, weights: graph.weights });
		expect(inside.runNetwork({ ...run, inputs, graph: model })).toEqual(inParts);
		expect(inParts.image!.data.some((level) => level !== 0)).toBe(true);
	});

	test.each(['10.13.0.35', '10.16.1.11'])(
		'%s is built of a graph and of weights that stay where they are',
		async (version) => {
			const { calls, model } = await build(version);
			expect(calls.filter((call) => !call.startsWith('loadInitializer'))).toEqual([
				'createNetworkV2 2',
				'loadModelProto',
				'parseModelProto',
				'buildSerializedNetworkToStream',
			]);
			expect(calls.length - 4).toBe(graph.weights.length);
			expect(graph.weights.length).toBeGreaterThan(0);
			expect(model).toEqual(Buffer.from(encoded));
		},
	);
});
