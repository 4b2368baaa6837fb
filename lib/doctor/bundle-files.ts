// Opens every file of a bundle and reports what it is, or what is wrong with it.
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readJson } from '../../models/config-file.ts';
import { openLora } from '../../models/lora/lora.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { Checkpoint } from '../../models/weights/reference.ts';
import { adapterFiles } from '../bundle/adapters.ts';
import { readSchedule } from '../bundle/bundle.ts';
import { fitTogether, type ReadConfigs } from '../bundle/fit.ts';
import { latentColoursName, readLatentColours } from '../bundle/latent-colours.ts';
import { loraFile, loraFolder } from '../bundle/loras.ts';
import {
	checkOnnx,
	folderOf,
	isThere,
	onnxPath,
	type ReadConfig,
	readConfig,
	writeDown,
} from '../bundle/network-files.ts';
import {
	type GraphOptions,
	networks,
	type OnnxName,
	onnxNames,
	type WrittenName,
	writtenNames,
	writtenNamesFor,
	writtenNetworks,
} from '../bundle/networks.ts';
import { readOnnxModel } from '../bundle/onnx-file.ts';
import { readTokens, tokensName } from '../bundle/tokens.ts';
import { findWeights, isUnfinished } from '../bundle/weights.ts';
import { Arc2FaceError } from '../errors.ts';
import { type Decoder, type Feature, featureNames, usualDecoder } from '../options/features.ts';
import { type LoraName, loraNames } from '../options/loras.ts';
import { examineAdapters, framingUse, namesUse } from './adapters.ts';
import { type BundleFile, Examined } from './examined.ts';
import { examineJudges } from './judges.ts';

/**
 * Every file of a bundle, checked as far as anything uses it: configs, weights with the tensors and shapes that the networks ask for,
 * ONNX files, LoRAs, adapters, what judges images, tokens, the schedule; and what else lies there.
 */
export async function examineFiles(bundle: string): Promise<BundleFile[]> {
	const files = new Examined(bundle);
	const configs: Record<string, unknown> = {};
	const misfits = new Map<WrittenName, unknown>();
	for (const name of writtenNames) {
		if (!(await isExpected(bundle, name))) continue;
		const { config, checkpoint, misfit } = await examineWritten(files, bundle, name);
		if (config !== undefined) configs[name] = config;
		if (misfit !== undefined) misfits.set(name, misfit);
		else if (name === 'unet') await examineLoras(files, bundle, config as ReadConfigs['unet'] | undefined, checkpoint);
	}
	await files.check(join(bundle, 'scheduler', 'scheduler_config.json'), 'schedule', 'JSON', () => readSchedule(bundle));
	await examineTogether(files, bundle, configs, misfits);
	await examineAdapters(files, bundle, configs.unet as ReadConfig<'unet'> | undefined);

	const colours = join(bundle, latentColoursName);
	if (await isThere(colours)) {
		await files.check(colours, 'colours of previews', 'JSON', () => readLatentColours(bundle, undefined));
	}

	for (const name of onnxNames) {
		const path = onnxPath(bundle, name);
		const { label } = networks[name];
		if (!(await isThere(path))) {
			await examineAbsent(files, bundle, name);
			continue;
		}
		const model = await files.check(path, label, 'ONNX', () => checkOnnx(path, name));
		files.note(path, { tensors: model?.tensors });
	}
	await examineJudges(files, bundle);
	for (const path of await filesOf(bundle)) {
		if (files.has(path)) continue;
		await examineOther(files, path);
	}
	return await files.list();
}

/** Networks that are used together or not at all: some of them are there, this one is not. */
async function examineAbsent(files: Examined, bundle: string, name: OnnxName): Promise<void> {
	const there = [];
	for (const other of onnxNames) if (await isThere(onnxPath(bundle, other))) there.push(networks[other].label);
	if (there.length === 0) return;
	const { label } = networks[name];
	const path = onnxPath(bundle, name);
	const problem = `There is no ${path}, the ${label}: without it the ${there.join(' and the ')} is not used, and photos can't be read.`;
	const error = new Arc2FaceError('INVALID_BUNDLE', problem, {
		remedy: 'Put it there, from the model that the other is from.',
		details: { file: path },
	});
	files.blame(path, label, error);
}

/** Whether every bundle has this network, or this one has a folder for it. */
async function isExpected(bundle: string, name: WrittenName): Promise<boolean> {
	const { loaded, folders } = writtenNetworks[name];
	if (loaded === 'always' || loaded === usualDecoder) return true;
	for (const folder of folders) if (await isThere(join(bundle, folder))) return true;
	return false;
}

/** Checks one network by itself; `misfit` is the error about weights that are not those of its config. */
async function examineWritten<Name extends WrittenName>(
	files: Examined,
	bundle: string,
	name: Name,
): Promise<{ config?: ReadConfig<Name> | undefined; checkpoint?: Checkpoint; misfit?: unknown }> {
	const { weights } = writtenNetworks[name];
	const label = useOf(name);
	const folder = await files.check(join(bundle, name), label, undefined, () => folderOf(bundle, name));
	if (folder === undefined) return {};
	const config = await files.check(join(folder, 'config.json'), label, 'JSON', () => readConfig(folder, name));
	const path = await files.check(folder, label, undefined, () => findWeights(folder, weights));
	if (path === undefined) return { config };
	const checkpoint = await files.check(path, label, undefined, () => openCheckpoint(path));
	if (checkpoint === undefined) return { config };
	files.hold(checkpoint, label);
	if (config === undefined) return {};
	try {
		writeDown(name, config, checkpoint, plain);
		return { config, checkpoint };
	} catch (misfit) {
		return { config, misfit };
	}
}

/** What a network of a bundle is for. */
function useOf(name: WrittenName): string {
	const { label, loaded } = writtenNetworks[name];
	return loaded === 'taesd' ? `${label}, with --decoder taesd` : label;
}

const plain: GraphOptions = {
	...{ operators: 'standard', precision: 'fp32' },
	...{ features: featureNames, decoder: usualDecoder },
};

/** Checks the LoRAs of a bundle and, as far as its UNet could be read, that they fit it. */
async function examineLoras(
	files: Examined,
	bundle: string,
	unet: ReadConfigs['unet'] | undefined,
	checkpoint: Checkpoint | undefined,
): Promise<void> {
	for (const name of loraNames) {
		const folder = loraFolder(bundle, name);
		if (!(await isThere(folder))) continue;
		const use = loraUse(name);
		const path = await files.check(folder, use, undefined, () => loraFile(bundle, name));
		if (path === undefined) continue;
		await files.check(path, use, undefined, async () => {
			files.hold(await openCheckpoint(path), use);
			const lora = await openLora(path);
			if (unet && checkpoint) writeDown('unet', unet, checkpoint, { ...plain, loras: [{ lora, scale: 1 }] });
		});
	}
}

function loraUse(name: LoraName): string {
	return `LoRA of the UNet, with --${name}`;
}

/** What not every bundle has, by the feature, decoder or LoRA that it is: what its files are for, those that it can't be without first. */
const extraUses = {
	control: [useOf('controlNet'), framingUse],
	expression: [adapterFiles.expression.label, namesUse],
	reference: [adapterFiles.reference.label],
	taesd: [useOf('tinyDecoder')],
	lcm: [loraUse('lcm')],
} as const satisfies Partial<Record<Feature | Decoder | LoraName, readonly [string, ...string[]]>>;

export type Extra = keyof typeof extraUses;

/** Those that are there, with nothing wrong. */
export function extrasAmong(files: readonly BundleFile[]): Extra[] {
	return (Object.keys(extraUses) as Extra[]).filter((extra) => {
		const uses: readonly string[] = extraUses[extra];
		const own = files.filter(({ use }) => use !== undefined && uses.includes(use));
		return own.some(({ use }) => use === uses[0]) && own.every(({ error }) => error === undefined);
	});
}

/** The files of a bundle and of its folders, without hidden ones. */
async function filesOf(bundle: string): Promise<string[]> {
	const inside = async (folder: string) =>
		(await readdir(folder)).filter((name) => !name.startsWith('.')).map((name) => join(folder, name));
	const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() === true;
	const files = [];
	for (const path of await inside(bundle)) {
		const found = (await isFolder(path)) ? await inside(path) : [path];
		for (const file of found) if (!(await isFolder(file))) files.push(file);
	}
	return files;
}

/**
 * Checks that the networks fit together, as far as they could be read. A config that fits neither its own weights nor another network is
 * at fault, and its weights are not; one that fits its weights is not at fault when another network has a misfit.
 */
async function examineTogether(
	files: Examined,
	bundle: string,
	configs: Partial<ReadConfigs>,
	misfits: ReadonlyMap<WrittenName, unknown>,
): Promise<void> {
	const isWhole = writtenNamesFor({ features: [], decoder: usualDecoder }).every((name) => configs[name] !== undefined);
	const fault = isWhole && faultOf(configs as ReadConfigs);
	const isBlamed = (name: WrittenName) => fault && configs[name]?.file.file === fault.details.file;
	if (fault && (misfits.size === 0 || [...misfits.keys()].some(isBlamed))) files.blame(bundle, undefined, fault);
	for (const [name, misfit] of misfits) if (!isBlamed(name)) files.blame(bundle, useOf(name), misfit);

	const path = join(bundle, tokensName);
	const isOwn = await isThere(path);
	const { textEncoder } = configs;
	if (textEncoder !== undefined && !misfits.has('textEncoder')) {
		const { vocabularySize, positions } = textEncoder.config;
		const format = isOwn ? 'JSON' : undefined;
		await files.check(path, 'tokens', format, () => readTokens(bundle, vocabularySize, positions));
	} else if (isOwn) {
		await files.check(path, 'tokens', 'JSON', () => readJson(path));
	}
}

function faultOf(configs: ReadConfigs): Arc2FaceError | undefined {
	try {
		fitTogether(configs);
		return undefined;
	} catch (error) {
		if (error instanceof Arc2FaceError) return error;
		throw error;
	}
}

/** Says what a file is that nothing uses. It is not at fault, whatever it is. */
async function examineOther(files: Examined, path: string): Promise<void> {
	if (isUnfinished(path)) return files.note(path, { format: 'unfinished download' });
	const name = basename(path);
	const look = async () => {
		if (name.endsWith('.json')) {
			await readJson(path);
			files.note(path, { format: 'JSON' });
		} else if (name.endsWith('.onnx')) {
			const { tensors } = await readOnnxModel(path);
			files.note(path, { format: 'ONNX', tensors });
		} else if (/\.safetensors$|(^|_)(model|adapter)(\.\w+)?\.bin$/.test(name)) {
			files.hold(await openCheckpoint(path));
		} else {
			files.note(path, {});
		}
	};
	await look().catch(() => files.note(path, {}));
}
