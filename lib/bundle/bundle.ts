// Opens a model folder: finds it, reads its configs, locates its weights, and builds its networks' graphs.
import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import envPaths from 'env-paths';
import { ConfigFile } from '../../models/config-file.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { NamedTensor } from '../../models/weights/reference.ts';
import { Arc2FaceError } from '../errors.ts';
import type { ImageGeometry } from '../geometry.ts';
import type { NativeNetwork } from '../native.ts';
import { usualDecoder } from '../options/features.ts';
import type { ResolvedLora } from '../options/loras.ts';
import { packageRoot } from '../package.ts';
import type { ScheduleConfig } from '../samplers/schedule.ts';
import { readScheduleConfig } from '../samplers/schedule-config.ts';
import { type AdapterFiles, assertAdaptersUsed, findAdapters, readAdapters } from './adapters.ts';
import { type Declarations, levelsOf } from './dimensions.ts';
import { type Expressions, readExpressions } from './expressions.ts';
import { fitTogether, type ReadConfigs } from './fit.ts';
import { type Framing, readFraming } from './framing.ts';
import { type LatentColours, readLatentColours } from './latent-colours.ts';
import { type BundleLora, openLoras } from './loras.ts';
import { checkOnnx, folderOf, isThere, onnxPath, readConfig, writeDown } from './network-files.ts';
import {
	type GraphOptions,
	type NeededName,
	type NetworkName,
	networks,
	type OnnxName,
	type OptionalName,
	onnxNames,
	writtenNamesFor,
	writtenNetworks,
} from './networks.ts';
import { extraPartOf } from './official.ts';
import { readTokens, type Tokens, tokensName } from './tokens.ts';
import { findWeights } from './weights.ts';

/** A model folder, read and checked: everything that the native core loads, and how to use it. */
export type Bundle = Readonly<{
	/** Absolute path. */
	folder: string;
	/** Absolute paths, to which `networks` refer by index. */
	files: readonly string[];
	networks: BundleNetworks;
	/** Of the networks whose graphs are built here. */
	declarations: Readonly<Partial<Record<NetworkName, Declarations>>>;
	/** How often the sides of the latents are halved for inputs and outputs of the UNet. */
	levels: Readonly<Record<string, number>>;
	/** Expressions by name, of a bundle that was opened for them. */
	expressions: Expressions;
	/** Of heads that show poses. */
	framing: Framing;
	/** Of previews without the tiny decoder; undefined: not known. */
	latentColours: LatentColours | undefined;
	tokens: Tokens;
	/** Numbers per token in the text encoder's output. */
	conditioningSize: number;
	schedule: ScheduleConfig;
	/** What the UNet has besides its own weights, for the features that the bundle was opened for. */
	adapters: AdapterFiles;
	/** Those that the weights of the UNet have been added. */
	loras: readonly BundleLora[];
	geometry: ImageGeometry;
	/** Files missing for reading faces from photos; empty when none are. */
	missingFaceModels: readonly string[];
}>;

/** The two that read faces are both there or both missing; optional ones are there as the bundle was opened. */
export type BundleNetworks = Readonly<
	Record<NeededName, NativeNetwork> & Partial<Record<OnnxName | OptionalName, NativeNetwork>>
>;

/** How a bundle's graphs are built, and with what added to the UNet. */
type OpenOptions = Pick<GraphOptions, 'operators' | 'precision'> &
	Partial<Pick<GraphOptions, 'features' | 'decoder'>> &
	Readonly<{ loras?: readonly ResolvedLora[] }>;

const cpuGraphs: OpenOptions = { operators: 'onnxruntime', precision: 'fp32' };

/** The folder of the embedded bundle for `"tiny"`, else where such a download goes: in `ARC2FACE_HOME`, or the user's data folder. */
export function bundleFolder(name: string): string {
	if (name === 'tiny') return join(packageRoot, 'models', 'tiny');
	return join(process.env.ARC2FACE_HOME || envPaths('arc2face', { suffix: '' }).data, name);
}

/** @param folder - absolute path of a bundle's folder */
export function isEmbedded(folder: string): boolean {
	return folder === bundleFolder('tiny');
}

/**
 * Reads the configs of a bundle, locates its weights, and builds its networks' graphs. The weights themselves are not read.
 *
 * @param bundle - a name or a folder (default: the official bundle if it was downloaded, else the embedded one)
 * @param options - how the graphs are built, and with which LoRAs (default: for the CPU, without)
 * @throws {Arc2FaceError} `INVALID_BUNDLE` and `INVALID_WEIGHTS`, naming file and field or tensor
 */
export async function openBundle(bundle?: string, options: OpenOptions = cpuGraphs): Promise<Bundle> {
	const folder = await findBundle(bundle ?? (await defaultBundle()));
	try {
		return await read(folder, options);
	} catch (error) {
		throw withPull(error, folder);
	}
}

async function read(
	folder: string,
	{ operators, precision, features = [], decoder = usualDecoder, loras: wanted = [] }: OpenOptions,
): Promise<Bundle> {
	const options = { operators, precision, features, decoder };
	const names = writtenNamesFor(options);
	const folders = new Map<NetworkName, string>();
	for (const name of names) folders.set(name, await about(name, () => folderOf(folder, name)));
	const found: Record<string, unknown> = {};
	for (const name of names) found[name] = await about(name, () => readConfig(folders.get(name)!, name));
	const configs = found as ReadConfigs;
	const schedule = await readSchedule(folder);
	const { vocabularySize, positions, hiddenSize } = configs.textEncoder.config;
	const tokens = await readTokens(folder, vocabularySize, positions);
	const geometry = fitTogether(configs);
	const adapterFiles = await about('unet', () => findAdapters(folder, options.features));
	const adapters = await about('unet', () => readAdapters(adapterFiles));
	const expressions = options.features.includes('expression') ? await readExpressions(folder) : new Map();
	const framing = options.features.includes('control') ? await readFraming(folder) : 'ffhq';
	const latentColours = await readLatentColours(folder, configs.vaeDecoder?.config);
	const loras = await about('unet', () => openLoras(folder, wanted));

	const files = new FileList();
	const opened: Partial<Record<NetworkName, NativeNetwork>> = {};
	const declarations: Partial<Record<NetworkName, Declarations>> = {};
	const paths = onnxNames.map((name) => ({ name, path: onnxPath(folder, name) }));
	const missing = [];
	for (const { path } of paths) if (!(await isThere(path))) missing.push(relative(folder, path));
	if (missing.length === 0) {
		for (const { name, path } of paths) {
			await about(name, () => checkOnnx(path, name));
			opened[name] = { file: files.indexOf(path) };
		}
	}
	for (const name of names) {
		opened[name] = await about(name, async () => {
			const checkpoint = await openCheckpoint(await findWeights(folders.get(name)!, writtenNetworks[name].weights));
			// Building a graph takes some ten milliseconds: timers and connections get their turn in between.
			await setImmediate();
			const written = writeDown(name, configs[name]!, checkpoint, {
				...options,
				adapters,
				loras: name === 'unet' ? loras : [],
			});
			declarations[name] = written;
			return await files.refer(written);
		});
	}
	await about('unet', async () => assertAdaptersUsed(adapters));
	return {
		folder,
		files: files.paths,
		networks: opened as BundleNetworks,
		declarations,
		levels: levelsOf(declarations.unet!),
		adapters: adapterFiles,
		expressions,
		framing,
		latentColours,
		tokens,
		conditioningSize: hiddenSize,
		schedule,
		loras,
		geometry,
		missingFaceModels: missing,
	};
}

/** Adds the network's name to an error. */
export async function about<T>(network: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw error instanceof Arc2FaceError ? error.with({ details: { network } }) : error;
	}
}

export async function readSchedule(folder: string): Promise<ScheduleConfig> {
	return readScheduleConfig(await ConfigFile.read(join(folder, 'scheduler', 'scheduler_config.json')));
}

/** The official bundle, once it has its UNet, which is downloaded last: until then it is incomplete. */
async function defaultBundle(): Promise<string> {
	const folder = folderOf(bundleFolder('arc2face'), 'unet');
	return await folder
		.then((path) => findWeights(path, networks.unet.weights))
		.then(
			() => 'arc2face',
			() => 'tiny',
		);
}

/**
 * The folder of a bundle. A plain word is a name, and if there is no such bundle, a folder; anything else is a folder.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE` when there is no such folder
 */
export async function findBundle(bundle: string): Promise<string> {
	const isName = /^[\w-][\w.-]*$/.test(bundle);
	const candidates = isName ? [bundleFolder(bundle), resolve(bundle)] : [resolve(bundle)];
	for (const candidate of candidates) {
		const found = await stat(candidate).catch(() => undefined);
		if (found?.isDirectory()) return candidate;
	}
	const problem = `Found no bundle "${bundle}": there is no folder ${candidates.join(' or ')}.`;
	const remedy = isName
		? 'Run `arc2face pull` for the official bundle, or name a folder.'
		: 'Name a folder that is there.';
	throw new Arc2FaceError('INVALID_BUNDLE', problem, { remedy, details: { bundle } });
}

/**
 * A pull mends missing or damaged files of the official bundle, but not an edited field, a permission, what it has none of (tokens, a tiny
 * decoder), or files that are elsewhere.
 */
export function withPull(error: unknown, folder: string): unknown {
	if (!(error instanceof Arc2FaceError) || folder !== bundleFolder('arc2face')) return error;
	const { field, systemCode, file = '' } = error.details;
	if (field !== undefined || systemCode === 'EACCES' || basename(file) === tokensName) return error;
	const path = relative(folder, file).split(sep).join('/');
	if (file !== '' && (path.startsWith('../') || isAbsolute(path))) return error;
	if (networks.tinyDecoder.folders.includes(path.split('/')[0]!)) return error;
	const part = extraPartOf(path);
	const command = part === undefined ? 'arc2face pull' : `arc2face pull --with ${part}`;
	return error.with({ remedy: `Run \`${command}\`: it brings what is missing, and again what is damaged.` });
}

/** Gives each file its index, which the native core refers to it by. */
export class FileList {
	readonly paths: string[] = [];

	indexOf(path: string): number {
		const known = this.paths.indexOf(path);
		return known >= 0 ? known : this.paths.push(path) - 1;
	}

	async refer(network: NetworkGraph): Promise<NativeNetwork> {
		const indexed = <Tensor extends NamedTensor>({ file, ...tensor }: Tensor) => ({
			...tensor,
			file: this.indexOf(file),
		});
		const weights = network.weights.map(({ deltas, ...weight }) => ({
			...indexed(weight),
			...(deltas && { deltas: deltas.map((one) => ({ ...one, up: indexed(one.up), down: indexed(one.down) })) }),
		}));
		return { graph: await network.encode(), weights };
	}
}
