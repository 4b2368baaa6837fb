/** Builds an engine of one network of a bundle in fp16 by TensorRT-RTX, which needs no GPU, in this process. */
import { join } from 'node:path';

/** @typedef {import('../dist/models/config-file.js').ConfigFile} ConfigFile */
/** @typedef {import('../dist/models/weights/weight-set.js').WeightSource} WeightSource */

/**
 * @template Config
 * @param {string} folder - of the network: config.json and weights as diffusers names them
 * @param {{
 *   name: string,
 *   readConfig: (file: ConfigFile) => Config,
 *   define: (config: Config, weights: WeightSource, options: { precision: 'fp16' }) => import('../dist/models/graph/graph.js').NetworkGraph,
 *   profile: (config: Config) => Record<string, number[]>,
 * }} network
 * @param {{ to: string, inspectable?: boolean, env?: NodeJS.ProcessEnv }} options - `to`: path of the engine file
 * @returns {Promise<number>} seconds that the build took
 */
export async function buildOne(folder, { name, readConfig, define, profile }, { env = process.env, ...options }) {
	const { ConfigFile } = await import('../dist/models/config-file.js');
	const { EngineRuntimes, pathsOf } = await import('../dist/lib/engines/runtimes.js');
	const { loadNative } = await import('../dist/lib/native.js');
	const { openCheckpoint } = await import('../dist/models/weights/checkpoint.js');
	const { CheckpointWeights } = await import('../dist/models/weights/weight-set.js');

	const file = join(folder, 'diffusion_pytorch_model.safetensors');
	const config = readConfig(await ConfigFile.read(join(folder, 'config.json')));
	const network = define(config, new CheckpointWeights(await openCheckpoint(file)), { precision: 'fp16' });
	const library = await new EngineRuntimes({ env }).first('TensorRT-RTX');
	if (library === undefined) throw new Error('Expected TensorRT-RTX, but it was not found.');
	const start = performance.now();
	await loadNative().buildEngine({
		...{ library: pathsOf(library), name, files: [file], target: { capabilities: [89] }, ...options },
		network: { graph: await network.encode(), weights: network.weights.map((one) => ({ ...one, file: 0 })) },
		profiles: [profile(config)],
	}).promise;
	return (performance.now() - start) / 1000;
}
