// Writes bundles of random weights.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../lib/files/folder.ts';
import { fileFailed } from '../../lib/files/on-disk.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readTinyAutoencoderConfig, tinyDecoder, tinyEncoder } from '../../models/tiny-autoencoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { WeightInventory } from '../../models/weights/weight-set.ts';
import {
	controlNetConfig,
	randomControlNet,
	randomExpressionAdapter,
	randomExpressions,
	randomReferenceAdapter,
} from './adapters.ts';
import { randomArcFace } from './arcface.ts';
import { type BundleSizeName, bundleSizes, scheduler } from './bundle-size.ts';
import { positionIds, randomTensors } from './initialisation.ts';
import { randomLora } from './lora.ts';
import { NewFile } from './new-file.ts';
import { writeSafetensors } from './safetensors-writer.ts';
import { randomScrfd } from './scrfd.ts';
import { writeTorchZip } from './torch-zip-writer.ts';

export type RandomBundleOptions = {
	/** `full`: the official networks' sizes, 4.5 GB; `tiny`: 128 × 128 pixels, 7 MB. */
	size: BundleSizeName;
	/** Integer that decides every value (default 0). */
	seed?: number;
	/** Adds a ControlNet, an expression adapter and a reference adapter, together of 0.8 GB or 3 MB. */
	adapters?: boolean;
	/** Adds a LoRA for few steps, of 135 MB or 0.2 MB. */
	lcmLora?: boolean;
	/** Adds a tiny autoencoder, of 5 MB or 0.2 MB. */
	taesd?: boolean;
	/** Called when a file is complete; `path` is the one in the bundle. */
	onFile?: (file: { path: string; sizeBytes: number }) => void;
};

/**
 * Writes a bundle with the official layout, file formats, names and shapes of tensors, and random weights: Arc2Face takes
 * the time and memory of the real one, and paints noise. The same seed gives the same bytes on every machine.
 * Files get their names when complete, replacing those of an earlier bundle.
 *
 * @throws {Arc2FaceError} `FILE_FAILED` when a file cannot be written
 */
export async function writeRandomBundle(
	folder: string,
	{ size, seed = 0, adapters = false, lcmLora = false, taesd = false, onFile }: RandomBundleOptions,
): Promise<void> {
	const {
		unet: unetConfig,
		encoder,
		vae,
		taesd: tinyConfig,
		tokens,
		type,
		arcface,
		scrfd,
		imageEmbedding,
		referenceRank,
		loraRank,
	} = bundleSizes[size];
	const random = (network: string, weights: WeightInventory) =>
		randomTensors(weights.shapes, `${seed}/${network}`, type);

	const write = async (path: string, content: (file: string) => Promise<void>) => {
		const sizeBytes = await writeFile(join(folder, path), content);
		onFile?.({ path, sizeBytes });
	};
	const writeJson = (path: string, value: object) => write(path, (file) => writeBytes(file, jsonBytes(value)));

	await writeJson('arc2face/config.json', unetConfig);
	const unetTensors = random('unet', unetWeights(unetConfig));
	await write('arc2face/diffusion_pytorch_model.safetensors', (file) => writeSafetensors(file, unetTensors));

	await writeJson('encoder/config.json', encoder);
	const encoderTensors = [
		positionIds('text_model.embeddings.position_ids', encoder.max_position_embeddings),
		...random('encoder', encoderWeights(encoder)),
	];
	await write('encoder/pytorch_model.bin', (file) => writeTorchZip(file, encoderTensors));

	await writeJson('vae/config.json', vae);
	const vaeTensors = random('vae', vaeWeights(vae));
	await write('vae/diffusion_pytorch_model.safetensors', (file) => writeSafetensors(file, vaeTensors));

	await writeJson('scheduler/scheduler_config.json', scheduler);
	await write('antelopev2/arcface.onnx', (file) => writeBytes(file, randomArcFace(arcface, `${seed}/arcface`)));
	await write('antelopev2/scrfd_10g_bnkps.onnx', (file) => writeBytes(file, randomScrfd(scrfd, `${seed}/scrfd`)));
	if (tokens !== undefined) await writeJson('tokens.json', tokens);
	if (lcmLora) {
		const lora = randomLora(unetWeights(unetConfig), { rank: loraRank, seed: `${seed}/lcm-lora` });
		await write('lcm-lora/pytorch_lora_weights.safetensors', (file) => writeSafetensors(file, lora));
	}
	if (taesd) {
		await writeJson('taesd/config.json', tinyConfig);
		const tinyTensors = randomTensors(tinyWeights(tinyConfig).shapes, `${seed}/taesd`, 'float32');
		await write('taesd/diffusion_pytorch_model.safetensors', (file) => writeSafetensors(file, tinyTensors));
	}
	if (!adapters) return;

	const control = controlNetConfig(unetConfig, imageEmbedding);
	await writeJson('controlnet/config.json', control);
	const controlTensors = randomControlNet(control, `${seed}/controlnet`);
	await write('controlnet/diffusion_pytorch_model.safetensors', (file) => writeSafetensors(file, controlTensors));
	const expression = randomExpressionAdapter(unetConfig, `${seed}/exp_adapter`);
	await write('exp_adapter/exp_adapter.bin', (file) => writeTorchZip(file, expression));
	await writeJson('expressions.json', randomExpressions(['smile', 'frown']));
	const reference = randomReferenceAdapter(unetConfig, { rank: referenceRank, seed: `${seed}/ref_adapter` });
	await write('ref_adapter/pytorch_lora_weights.safetensors', (file) => writeSafetensors(file, reference));
}

function unetWeights(config: object): WeightInventory {
	const weights = new WeightInventory();
	unet(readUNetConfig(new ConfigFile('arc2face/config.json', config)), weights);
	return weights;
}

function encoderWeights(config: object): WeightInventory {
	// As in the official file.
	const weights = new WeightInventory((name) => name.startsWith('text_model.'));
	textEncoder(readTextEncoderConfig(new ConfigFile('encoder/config.json', config)), weights);
	return weights;
}

function vaeWeights(config: object): WeightInventory {
	// Stable Diffusion 1.5's file uses the attention's old names.
	const weights = new WeightInventory((name) => name.endsWith('.query.weight'));
	const vae = readVaeConfig(new ConfigFile('vae/config.json', config));
	vaeEncoder(vae, weights);
	vaeDecoder(vae, weights);
	return weights;
}

function tinyWeights(config: object): WeightInventory {
	const weights = new WeightInventory();
	const tiny = readTinyAutoencoderConfig(new ConfigFile('taesd/config.json', config));
	tinyEncoder(tiny, weights);
	tinyDecoder(tiny, weights);
	return weights;
}

/** @returns the file's size in bytes */
async function writeFile(file: string, content: (file: string) => Promise<void>): Promise<number> {
	try {
		await makeFolder(dirname(file));
		await content(file);
		return (await stat(file)).size;
	} catch (cause) {
		if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
		throw fileFailed('write', file, cause);
	}
}

function writeBytes(file: string, bytes: Uint8Array): Promise<void> {
	return NewFile.with(file, (created) => created.append(bytes));
}

function jsonBytes(value: object): Uint8Array {
	return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
