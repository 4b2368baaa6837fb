// What PEFT notes about a LoRA beside its tensors, which have no alphas then.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { invalidWeights } from '../weights/invalid.ts';
import type { Checkpoint } from '../weights/reference.ts';
import { moduleKey } from './names.ts';

/** By what a module's product is multiplied. */
export type Strength = (module: string, rank: number) => number;

/** Where diffusers puts the note of PEFT, https://github.com/huggingface/diffusers/blob/v0.35.0/src/diffusers/loaders/lora_base.py */
const metadataKey = 'lora_adapter_metadata';

/**
 * The strengths that PEFT's note tells: diffusers keeps it in the file, with `unet.` before each field, PEFT itself as
 * `adapter_config.json` beside `adapter_model.safetensors`. Without a note alpha is the rank, and the strength 1.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS` for a note that can't be read or followed
 */
export async function readPeftConfig({ file, metadata }: Checkpoint): Promise<Strength> {
	const inFile = metadata?.[metadataKey];
	if (inFile !== undefined) return strengthOf(parse(inFile, file, `its note ${metadataKey}`), 'unet.', file);
	if (!basename(file).startsWith('adapter_model.')) return () => 1;
	const beside = join(dirname(file), 'adapter_config.json');
	const text = await readFile(beside, 'utf8').catch((cause: NodeJS.ErrnoException) => {
		if (cause.code === 'ENOENT') return undefined;
		throw invalidWeights('a readable file', beside, `an error (${cause.code})`, { cause });
	});
	return text === undefined ? () => 1 : strengthOf(parse(text, beside), '', beside);
}

function parse(text: string, file: string, part?: string): Record<string, unknown> {
	const where = { file, ...(part !== undefined && { part }) };
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (cause) {
		throw invalidWeights('JSON', where, 'other text', { cause });
	}
	if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
	throw invalidWeights('a JSON object', where, Array.isArray(json) ? 'an array' : String(json));
}

/** From the fields of PEFT's `LoraConfig`, https://huggingface.co/docs/peft/package_reference/lora */
function strengthOf(fields: Record<string, unknown>, prefix: string, file: string): Strength {
	const read = (name: string, expected: string, fits: (value: unknown) => boolean): unknown => {
		const value = fields[prefix + name] ?? undefined;
		if (value === undefined || fits(value)) return value;
		throw invalidWeights(expected, { file, part: prefix + name }, JSON.stringify(value).slice(0, 80));
	};
	const usual = read('lora_alpha', 'a number', Number.isFinite) as number | undefined;
	const rooted = read('use_rslora', 'true or false', (value) => typeof value === 'boolean') as boolean | undefined;
	// Names of modules, or their ends. PEFT takes them for regular expressions, but writes names.
	const areNames = (value: unknown) =>
		Object.entries(Object(value)).every(([name, alpha]) => /^[\w.]+$/.test(name) && Number.isFinite(alpha));
	const others = read('alpha_pattern', 'numbers by names of modules', areNames) as Record<string, number> | undefined;
	const byKey = Object.entries(others ?? {}).map(([name, alpha]) => [moduleKey(name), alpha] as const);
	return (module, rank) => {
		const [, own] = byKey.find(([key]) => module === key || module.endsWith(`_${key}`)) ?? [];
		return (own ?? usual ?? rank) / (rooted ? Math.sqrt(rank) : rank);
	};
}
