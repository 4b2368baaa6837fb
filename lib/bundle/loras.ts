// Opens the LoRAs that a model is loaded with: the bundle's own, or others.
import { basename, join, resolve } from 'node:path';
import { type Lora, openLora } from '../../models/lora/lora.ts';
import { Arc2FaceError } from '../errors.ts';
import { nearest } from '../messages/nearest.ts';
import { type LoraName, loraNames, type ResolvedLora } from '../options/loras.ts';
import { isThere } from './network-files.ts';
import { findWeights } from './weights.ts';

/** A LoRA, how strongly it is added, and its name if the bundle has it. */
export type BundleLora = Readonly<{ lora: Lora; scale: number; name?: LoraName }>;

/** Where in a bundle each LoRA with a name is. */
const folders: Readonly<Record<LoraName, string>> = { lcm: 'lcm-lora' };

/** What names of its weights begin with, as diffusers saves them. */
const weights = ['pytorch_lora_weights'] as const;

/**
 * @param bundle - absolute path of its folder
 * @throws {Arc2FaceError} `INVALID_BUNDLE` when it lacks one of a name, `INVALID_WEIGHTS` for a file that is no LoRA
 */
export async function openLoras(bundle: string, loras: readonly ResolvedLora[]): Promise<BundleLora[]> {
	const opened: BundleLora[] = [];
	for (const { scale, ...which } of loras) {
		const lora = 'name' in which ? await openLora(await loraFile(bundle, which.name)) : await openFile(which.path);
		opened.push({ lora, scale, ...('name' in which && { name: which.name }) });
	}
	return opened;
}

/** What is no file may be meant as a name. */
async function openFile(path: string): Promise<Lora> {
	return await openLora(resolve(path)).catch((error: unknown) => {
		const meant = basename(path) === path ? nearest(path.toLowerCase(), loraNames) : undefined;
		const isMissing = error instanceof Arc2FaceError && error.details.systemCode === 'ENOENT';
		if (!isMissing || meant === undefined) throw error;
		throw error.with({
			remedy: ({ either }) =>
				`${either(`\`loras: ['${meant}']\``, `--${meant}`)} adds the bundle's own LoRA of that name.`,
		});
	});
}

/** Where a bundle keeps a LoRA of its own, if it has it. */
export function loraFolder(bundle: string, name: LoraName): string {
	return join(bundle, folders[name]);
}

/**
 * Absolute path of a bundle's own LoRA.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE` when there is none
 */
export async function loraFile(bundle: string, name: LoraName): Promise<string> {
	const folder = loraFolder(bundle, name);
	if (await isThere(folder)) return await findWeights(folder, weights);
	throw new Arc2FaceError('INVALID_BUNDLE', `The bundle has no LoRA "${name}": there is no folder ${folder}.`, {
		remedy: `Put ${weights[0]}.safetensors there, or name the file of a LoRA.`,
		details: { bundle, file: folder },
	});
}
