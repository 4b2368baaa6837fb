// The options that add LoRAs to the UNet.
import type { LoraChoice } from '../options/loras.ts';
import type { OptionValues } from './command.ts';
import { localPath } from './path.ts';
import { readNumber } from './values.ts';

export const loraOptions = {
	lora: {
		type: 'repeated',
		value: 'FILE[:SCALE]',
		help: 'a LoRA to add to the UNet, and how strongly (default: 1); may be repeated',
	},
	lcm: { type: 'boolean', help: "add the bundle's own LoRA for few steps, with which defaults are others" },
} as const;

/** @returns undefined for none */
export function chosenLoras({
	lora = [],
	lcm = false,
}: Partial<OptionValues<typeof loraOptions>>): LoraChoice[] | undefined {
	const loras: LoraChoice[] = [...(lcm ? (['lcm'] as const) : []), ...lora.map(readLora)];
	return loras.length === 0 ? undefined : loras;
}

/** A colon within a path, as in `C:\style.safetensors` or a URL, has no number behind it. */
function readLora(text: string): LoraChoice {
	const [, path = '', number = ''] = /^(.+):([^:]*)$/s.exec(text) ?? [];
	const scale = readNumber(number);
	return scale === undefined ? { path: localPath(text, 'loras') } : { path: localPath(path, 'loras'), scale };
}
