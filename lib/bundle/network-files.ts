// Reads the files of one network of a bundle, step by step.
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigFile } from '../../models/config-file.ts';
import { obstacleAt } from '../../models/file-content.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { LoraWeights, type ScaledLora } from '../../models/lora/lora-weights.ts';
import { invalidWeights } from '../../models/weights/invalid.ts';
import type { Checkpoint } from '../../models/weights/reference.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Wording } from '../messages/wording.ts';
import type { Feature } from '../options/features.ts';
import {
	type Configs,
	type GraphOptions,
	type NetworkName,
	networks,
	type OnnxName,
	onnxNetworks,
	type WrittenName,
	type WrittenNetwork,
	writtenNetworks,
} from './networks.ts';
import { type OnnxModel, readOnnxModel } from './onnx-file.ts';

/** A config, and the file that it comes from, for messages. */
export type ReadConfig<Name extends WrittenName> = Readonly<{ file: ConfigFile; config: Configs[Name] }>;

/**
 * Where the files of a network are.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, naming the folder, when there is none for it
 */
export async function folderOf(bundle: string, name: NetworkName): Promise<string> {
	const { folders, label, loaded } = networks[name];
	const paths = folders.map((folder) => join(bundle, folder));
	for (const path of paths) if ((await stat(path).catch(() => undefined))?.isDirectory()) return path;
	const file = paths[0]!;
	const cause = await stat(file).then(
		() => undefined,
		(error: NodeJS.ErrnoException) => error,
	);
	const { what, remedy } = cause === undefined ? { what: 'a file' } : await obstacleAt(file, cause);
	const put = `Put it there, with the config.json and the weights of the ${label}`;
	throw new Arc2FaceError('INVALID_BUNDLE', `Expected the folder ${file} with the ${label} but received ${what}.`, {
		remedy: remedy ?? ((wording) => put + orElse(loaded, wording)),
		details: { file, ...(cause?.code && { systemCode: cause.code }) },
		cause,
	});
}

function orElse(loaded: string | readonly Feature[], { option }: Wording): string {
	// No pull brings it: the official bundle has none.
	if (loaded === 'taesd') {
		const vae = option('decoder', 'vae');
		return ` (for Stable Diffusion 1.5: those of madebyollin/taesd on Hugging Face), or load the model with ${vae}.`;
	}
	if (typeof loaded === 'string') return '.';
	return `, or load the model without ${loaded.map((feature) => `\`${feature}\``).join(' and ')}.`;
}

export async function readConfig<Name extends WrittenName>(folder: string, name: Name): Promise<ReadConfig<Name>> {
	const file = await ConfigFile.read(join(folder, 'config.json'));
	return { file, config: row(name).readConfig(file) };
}

/** @throws {Arc2FaceError} `INVALID_WEIGHTS` when the weights, or LoRAs, are not those of the network that the config describes */
export function writeDown<Name extends WrittenName>(
	name: Name,
	{ config }: ReadConfig<Name>,
	checkpoint: Checkpoint,
	{ loras = [], ...options }: GraphOptions & { loras?: readonly ScaledLora[] },
): NetworkGraph {
	const { graph, leftOver } = row(name);
	const weights = new CheckpointWeights(checkpoint);
	const sums = new LoraWeights(weights, loras);
	const written = graph(config, sums, options);
	weights.assertAllUsed(leftOver === undefined ? {} : { ignore: leftOver });
	sums.assertAllUsed();
	return written;
}

/** Where the file of an ONNX network is. */
export function onnxPath(bundle: string, name: OnnxName): string {
	const { folders, file } = onnxNetworks[name];
	return join(bundle, folders[0], file);
}

/** @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming the file, when it is not such a network */
export async function checkOnnx(path: string, name: OnnxName): Promise<OnnxModel> {
	const { label, inputs, outputs } = onnxNetworks[name];
	const model = await readOnnxModel(path);
	if (model.inputs.length === inputs && model.outputs === outputs) return model;
	const count = (i: number, o: number) => `${i} input${i === 1 ? '' : 's'} and ${o} output${o === 1 ? '' : 's'}`;
	const received = `a network with ${count(model.inputs.length, model.outputs)}`;
	const remedy = `Put the ${label} there: another network lies in its place.`;
	throw invalidWeights(`a ${label} with ${count(inputs, outputs)}`, path, received, { remedy });
}

/** Whether something has this name, even a dangling link: whoever opens it reports that. */
export async function isThere(path: string): Promise<boolean> {
	return await lstat(path).then(
		() => true,
		(error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
	);
}

/** The row of a network, with the types of this one. */
function row<Name extends WrittenName>(name: Name): WrittenNetwork<Configs[Name]> {
	return writtenNetworks[name] as unknown as WrittenNetwork<Configs[Name]>;
}
