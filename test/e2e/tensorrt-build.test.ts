// Builds engines with NVIDIA's builder, which needs no GPU.
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { judgeNames, judgePaths, readJudges } from '../../lib/bundle/judges.ts';
import { judgeProfiles, networkProfiles } from '../../lib/engines/profiles.ts';
import { featureNames } from '../../lib/options/features.ts';
import { packageRoot } from '../../lib/package.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { Graph, type NetworkGraph } from '../../models/graph/graph.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { providers, rtx, withoutRtx } from '../engines.ts';
import { type EngineBuild, inside } from '../inside.ts';
import { writeAlexNetWeights, writeInceptionWeights, writeLpipsHeads } from '../judge-weights.ts';

const reason = withoutRtx();
if (reason !== undefined) console.log(`Leaving out the engines of TensorRT-RTX: ${reason}.`);

const folder = temporaryFolder();
const inBundle = (path: string) => folder.path(`tiny/${path}`);
const config = (part: string) => ConfigFile.read(inBundle(`${part}/config.json`));
const weights = async (path: string) => new CheckpointWeights(await openCheckpoint(inBundle(path)));

type Network = Pick<EngineBuild, 'profiles'> & ({ graph: NetworkGraph } | { file: string });

/** The tiny bundle's networks with the shapes that the pipeline runs them with: 128 × 128 pixels, up to 4 rows. */
async function networks(precision: 'fp32' | 'fp16'): Promise<Record<string, Network>> {
	const unetConfig = readUNetConfig(await config('arc2face'));
	const textConfig = readTextEncoderConfig(await config('encoder'));
	const vaeConfig = readVaeConfig(await config('vae'));
	const unetWeights = await weights('arc2face/diffusion_pytorch_model.safetensors');
	const textWeights = await weights('encoder/pytorch_model.bin');
	const vaeWeights = await weights('vae/diffusion_pytorch_model.safetensors');
	const side = unetConfig.sampleSize ?? 16;
	const options = { precision } as const;
	return {
		textEncoder: {
			graph: textEncoder(textConfig, textWeights, { ...options, input: 'identity' }),
			profiles: [{ input_ids: [1, textConfig.positions], identity: [1, 512], identity_position: [1] }],
		},
		unet: {
			graph: unet(unetConfig, unetWeights, options),
			profiles: [1, 2, 4].map((rows) => ({
				sample: [rows, 4, side, side],
				timestep: [rows],
				encoder_hidden_states: [rows, textConfig.positions, unetConfig.conditioningSize],
			})),
		},
		vaeDecoder: { graph: vaeDecoder(vaeConfig, vaeWeights, options), profiles: [{ latents: [1, 4, side, side] }] },
		vaeEncoder: {
			graph: vaeEncoder(vaeConfig, vaeWeights, options),
			profiles: [{ image: [1, 3, side * vaeConfig.pixelsPerLatent, side * vaeConfig.pixelsPerLatent] }],
		},
	};
}

async function build(network: Network, options: Partial<EngineBuild> = {}) {
	const { profiles } = network;
	const from =
		'file' in network
			? { file: network.file }
			: { graph: await network.graph.encode(), weights: network.graph.weights };
	return inside.buildEngine({ ...rtx, ...from, profiles, capabilities: [89], ...options });
}

/** The promise's rejection. */
async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
	return promise.then(
		() => Promise.reject(new Error('Nothing was thrown.')),
		(error) => error,
	);
}

// Minutes, because test machines have two cores.
describe.skipIf(reason !== undefined)('TensorRT-RTX builds without a GPU', { timeout: 1_200_000 }, () => {
	beforeAll(() => writeRandomBundle(inBundle('.'), { size: 'tiny', seed: 7 }));

	test('says what it is', () => {
		expect(inside.probeEngines(rtx)).toEqual({ product: 'TensorRT-RTX', version: expect.stringMatching(/^1\.6\./) });
	});

	test.each(['textEncoder', 'unet', 'vaeDecoder', 'vaeEncoder'])('%s in fp16', async (name) => {
		const { bytes, phases } = await build((await networks('fp16'))[name]!, { name });
		expect(bytes).toBeGreaterThan(10_000);
		expect(phases).toBeGreaterThan(0);
	});

	test('the UNet in fp32', async () => {
		expect((await build((await networks('fp32')).unet!)).bytes).toBeGreaterThan(10_000);
	});

	test.each([
		['SCRFD', 'scrfd_10g_bnkps', [1, 3, 128, 128]],
		['ArcFace', 'arcface', [1, 3, 112, 112]],
	])('%s, as its file is', async (name, file, shape) => {
		// The embedded bundle's detector is of another architecture than the official one.
		for (const folder of [inBundle('antelopev2'), join(packageRoot, 'models/tiny/antelopev2')]) {
			const network = { file: join(folder, `${file}.onnx`), profiles: [{ 'input.1': shape }] };
			expect((await build(network, { name })).bytes).toBeGreaterThan(10_000);
		}
	});

	test.each(['unet', 'controlNet'] as const)('%s of a model with every feature', async (name) => {
		const bundle = folder.path('steered');
		await writeRandomBundle(bundle, { size: 'tiny', seed: 7, adapters: true });
		const graphs = { operators: 'standard', precision: 'fp16', features: featureNames } as const;
		const opened = await openBundle(bundle, graphs);
		const shapes = { imageSizes: [{ width: 128, height: 96 }], batchSizes: [2], detectionSize: 640 };
		const { profiles } = networkProfiles[name](opened, shapes);
		const network = opened.networks[name];
		if (network === undefined || !('graph' in network)) throw new Error(`no graph of ${name}`);
		const weights = network.weights.map(({ deltas: _, ...weight }) => ({
			...weight,
			file: opened.files[weight.file]!,
		}));
		const request = { ...rtx, graph: network.graph, weights, profiles, capabilities: [89], name };
		expect((await inside.buildEngine(request)).bytes).toBeGreaterThan(10_000);
	});

	test.each(judgeNames)('%s, which judges images', async (name) => {
		const bundle = folder.path('judges');
		await mkdir(join(bundle, 'evaluation'), { recursive: true });
		const writers = { inception: [writeInceptionWeights], lpips: [writeAlexNetWeights, writeLpipsHeads] }[name];
		for (const [k, path] of judgePaths(bundle, name).entries()) await writers[k]!(path);
		const opened = await readJudges(bundle, [name], 'standard');
		const { profiles } = judgeProfiles(opened.declarations[name]!, [{ width: 128, height: 96 }]);
		const network = opened.networks[name];
		if (network === undefined || !('graph' in network)) throw new Error(`no graph of ${name}`);
		const weights = network.weights.map(({ deltas: _, ...weight }) => ({
			...weight,
			file: opened.files[weight.file]!,
		}));
		const request = { ...rtx, graph: network.graph, weights, profiles, capabilities: [89], name };
		expect((await inside.buildEngine(request)).bytes).toBeGreaterThan(10_000);
	});

	test('stops when it is told to', async () => {
		const error = await failure(build((await networks('fp16')).vaeDecoder!, { stopAfter: 1 }));
		expect(error.code).toBe('CANCELLED');
	});

	test('names the node that the parser refuses', async () => {
		const graph = new Graph('broken');
		const x = graph.input('x', 'float32', ['n', 4]);
		graph.output('y', graph.node('FarFetched', [x], {}, { label: 'middle.far_fetched' }), 'float32', ['n', 4]);
		const error = await failure(build({ graph: graph.finish(), profiles: [{ x: [1, 4] }] }, { name: 'broken' }));
		expect(error.code).toBe('ENGINE_FAILED');
		expect(error.message).toContain('middle.far_fetched');
		expect(error.message).toContain('FarFetched');
	});

	test('names the weight that does not fit', async () => {
		const { graph, profiles } = (await networks('fp32')).vaeDecoder as { graph: NetworkGraph } & Network;
		const [first, ...others] = graph.weights;
		const error = await failure(
			Promise.resolve().then(() =>
				inside.buildEngine({
					...rtx,
					graph: graph.graph,
					weights: [{ ...first!, shape: [1], length: 4 }, ...others],
					profiles,
					capabilities: [89],
				}),
			),
		);
		expect(error.code).toBe('INVALID_WEIGHTS');
		expect(error.message).toContain(first!.name);
	});

	test.each([
		['of a missing input', {}, 'the input x'],
		['of other fixed sizes', { x: [1, 5] }, '[?, 4]'],
	])('refuses a profile %s', async (_, profile, text) => {
		const graph = new Graph('relu');
		graph.output('y', graph.node('Relu', [graph.input('x', 'float32', ['n', 4])]), 'float32', ['n', 4]);
		const error = await failure(build({ graph: graph.finish(), profiles: [profile as Record<string, number[]>] }));
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.message).toContain(text);
	});
});

const elf = (program: string, ...argv: string[]) => execFileSync(program, argv, { encoding: 'utf8' });
const needsNvidia = (file: string) => /NEEDED.*(nvinfer|tensorrt|cuda|nvonnx)/.test(elf('readelf', '-d', file));

describe.skipIf(process.platform !== 'linux')('libraries on Linux', () => {
	test.skipIf(reason !== undefined).each(Object.values(providers))('%s exports the ABI and nothing else', (file) => {
		const symbols = elf('nm', '-D', '--defined-only', file).trim().split('\n');
		expect(symbols.map((line) => line.split(' ').at(-1))).toEqual(['Arc2FaceGetEngineApi']);
		expect(needsNvidia(file)).toBe(false);
	});

	test('the addon needs no library of NVIDIA', () => {
		expect(needsNvidia(createRequire(import.meta.url)('node-gyp-build').resolve(packageRoot))).toBe(false);
	});
});
