import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import envPaths from 'env-paths';
import { ConfigFile } from '../../models/config-file.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import type { NetworkOptions } from '../../models/graph/scope.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder } from '../../models/vae.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { Arc2FaceError } from '../errors.ts';
import { type ImageGeometry, latentChannels } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import type { NativeNetwork } from '../native.ts';
import { packageRoot } from '../package.ts';
import type { ScheduleConfig } from '../samplers/schedule.ts';
import { readScheduleConfig } from '../samplers/schedule-config.ts';
import { readTokens, type Tokens } from './tokens.ts';

/** A model folder, read and checked: everything that the native core is to load, and how it is used. */
export type Bundle = Readonly<{
	/** Absolute path. */
	folder: string;
	/** Absolute paths, to which `networks` refer by index. */
	files: readonly string[];
	networks: BundleNetworks;
	tokens: Tokens;
	/** Numbers that the text encoder makes of each token. */
	conditioningSize: number;
	schedule: ScheduleConfig;
	geometry: ImageGeometry;
	/** Files that the folder lacks for reading faces from photos; none when it can. */
	missingFaceModels: readonly string[];
}>;

/** Those that read faces are both there or both missing. */
export type BundleNetworks = Readonly<
	Record<'textEncoder' | 'unet' | 'vaeDecoder', NativeNetwork> &
		Partial<Record<'detector' | 'recognizer', NativeNetwork>>
>;

/** How networks are written down. Files that are networks already, those that read faces, stay as they are. */
export type GraphOptions = Readonly<Required<Pick<NetworkOptions, 'operators' | 'precision'>>>;

const cpuGraphs: GraphOptions = { operators: 'onnxruntime', precision: 'fp32' };

/** The folder of the embedded bundle for `"tiny"`, else where downloads of that name go: in `ARC2FACE_HOME`, or the user's data folder. */
export function bundleFolder(name: string): string {
	if (name === 'tiny') return join(packageRoot, 'models', 'tiny');
	return join(process.env.ARC2FACE_HOME || envPaths('arc2face', { suffix: '' }).data, name);
}

/**
 * Reads the configs of a bundle, locates its weights, and writes down its networks. Weights themselves stay unread.
 *
 * @param bundle - a name or a folder (default: the official bundle if it was downloaded, else the embedded one)
 * @param options - how the networks are written down (default: for the CPU)
 * @throws {Arc2FaceError} `INVALID_BUNDLE` and `INVALID_WEIGHTS`, naming file and field or tensor
 */
export async function openBundle(bundle?: string, options: GraphOptions = cpuGraphs): Promise<Bundle> {
	const folder = await locate(bundle ?? defaultBundle());
	const config = (file: string) => ConfigFile.read(join(folder, file));
	const weights = async (subfolder: string, names: readonly string[]) =>
		new CheckpointWeights(await openCheckpoint(firstOf(join(folder, subfolder), names)));

	const unetFile = await config('arc2face/config.json');
	const textFile = await config('encoder/config.json');
	const vaeFile = await config('vae/config.json');
	const unetConfig = readUNetConfig(unetFile);
	const textConfig = readTextEncoderConfig(textFile);
	const vaeConfig = readVaeConfig(vaeFile);
	const schedule = readScheduleConfig(await config('scheduler/scheduler_config.json'));
	const tokens = await readTokens(folder, textConfig.vocabularySize, textConfig.positions);

	// What each part leaves to another has to fit it.
	if (textConfig.hiddenSize < embeddingLength) throw textFile.error('hidden_size', `at least ${embeddingLength}`);
	if (unetConfig.conditioningSize !== textConfig.hiddenSize) {
		throw unetFile.error('cross_attention_dim', `the encoder's hidden_size ${textConfig.hiddenSize}`);
	}
	for (const field of ['inChannels', 'outChannels'] as const) {
		const name = field === 'inChannels' ? 'in_channels' : 'out_channels';
		if (unetConfig[field] !== latentChannels) throw unetFile.error(name, `${latentChannels}`);
	}
	if (vaeConfig.latentChannels !== latentChannels) throw vaeFile.error('latent_channels', `${latentChannels}`);
	if (vaeConfig.imageChannels !== 3) throw vaeFile.error('out_channels', '3');

	const unetWeights = await weights('arc2face', diffusersNames);
	const textWeights = await weights('encoder', ['model.safetensors', 'pytorch_model.bin']);
	const vaeWeights = await weights('vae', diffusersNames);
	// Writing down a graph takes some ten milliseconds: timers and connections get their turn in between.
	const textGraph = textEncoder(textConfig, textWeights, { ...options, input: 'identity' });
	await setImmediate();
	const unetGraph = unet(unetConfig, unetWeights, options);
	await setImmediate();
	const vaeGraph = vaeDecoder(vaeConfig, vaeWeights, options);
	await setImmediate();
	unetWeights.assertAllUsed();
	textWeights.assertAllUsed({ ignore: /(^|\.)position_ids$/ });
	vaeWeights.assertAllUsed({ ignore: /^(encoder|quant_conv)\./ });

	const files = new FileList();
	const missingFaceModels = Object.values(faceModels).filter((file) => !existsSync(join(folder, file)));
	const reading =
		missingFaceModels.length > 0
			? {}
			: {
					detector: { file: files.indexOf(join(folder, faceModels.detector)) },
					recognizer: { file: files.indexOf(join(folder, faceModels.recognizer)) },
				};
	const networks = {
		...reading,
		textEncoder: await files.refer(textGraph),
		unet: await files.refer(unetGraph),
		vaeDecoder: await files.refer(vaeGraph),
	};

	const { pixelsPerLatent } = vaeConfig;
	const side = (unetConfig.sampleSize ?? 64) * pixelsPerLatent; // Stable Diffusion 1's, when the config does not say
	const geometry = { width: side, height: side, pixelsPerLatent };
	const conditioningSize = textConfig.hiddenSize;
	return { folder, files: files.paths, networks, tokens, conditioningSize, schedule, geometry, missingFaceModels };
}

/** The official bundle once its UNet is there, which a download brings last: until then it is no bundle. */
function defaultBundle(): string {
	const folder = join(bundleFolder('arc2face'), 'arc2face');
	return diffusersNames.some((name) => existsSync(join(folder, name))) ? 'arc2face' : 'tiny';
}

/** In the order of preference. */
const diffusersNames = ['diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.fp16.safetensors'];
const faceModels = { detector: 'antelopev2/scrfd_10g_bnkps.onnx', recognizer: 'antelopev2/arcface.onnx' } as const;

/** A plain word is a name, and if there is no such bundle, a folder; anything else is a folder. */
async function locate(bundle: string): Promise<string> {
	const isName = /^[\w-][\w.-]*$/.test(bundle);
	const candidates = isName ? [bundleFolder(bundle), resolve(bundle)] : [resolve(bundle)];
	for (const candidate of candidates) {
		const found = await stat(candidate).catch(() => undefined);
		if (found?.isDirectory()) return candidate;
	}
	throw new Arc2FaceError(
		'INVALID_BUNDLE',
		`Found no bundle "${bundle}": there is no folder ${candidates.join(' or ')}.`,
	);
}

function firstOf(folder: string, names: readonly string[]): string {
	const name = names.find((one) => existsSync(join(folder, one)));
	if (name !== undefined) return join(folder, name);
	throw new Arc2FaceError('INVALID_BUNDLE', `Found no weights in ${folder}: there is no ${names.join(' or ')}.`);
}

/** Gives each file the index by which the native core knows it. */
class FileList {
	readonly paths: string[] = [];

	indexOf(path: string): number {
		const known = this.paths.indexOf(path);
		return known >= 0 ? known : this.paths.push(path) - 1;
	}

	async refer(network: NetworkGraph): Promise<NativeNetwork> {
		const { weights } = network;
		return {
			graph: await network.encode(),
			weights: weights.map(({ file, ...weight }) => ({ ...weight, file: this.indexOf(file) })),
		};
	}
}
