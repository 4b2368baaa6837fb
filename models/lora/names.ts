// The names of tensors in LoRA files, in every spelling that trainers and converters give them.

/** What a tensor of a LoRA is: half of a pair, or the number that the pair's product is multiplied by, before it is divided by the rank. */
export type LoraRole = 'down' | 'up' | 'alpha';

/** Which module of which network a tensor is for, and what it is there. */
export type LoraName = Readonly<{
	part: 'unet' | 'textEncoder';
	/** See {@link moduleKey}. */
	module: string;
	/** Undefined for what is no part of a LoRA, but of a related method. */
	role: LoraRole | undefined;
}>;

/** A module's path with dots and underscores alike, because kohya's names do not tell them apart: `down_blocks_0_resnets_1_conv1`. */
export function moduleKey(path: string): string {
	return path.replaceAll('.', '_');
}

/**
 * Reads a name. The spellings, for the module `mid_block.attentions.0.transformer_blocks.0.attn1.to_q`:
 *
 * - kohya: `lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight`, `.lora_up.weight`, `.alpha`
 * - diffusers: `unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora.down.weight`, `.lora.up.weight`
 * - diffusers of old: `mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight`
 * - PEFT: `base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight`, `.lora_B.weight`
 *
 * Prefixes and endings may also be mixed, as converters do.
 */
export function readLoraName(name: string): LoraName {
	const own = name.replace(/^(base_model\.model\.)+/, '');
	const [prefix = ''] = /^(lora_unet_|unet[._]|lora_te\d?_|text_encoder(_\d)?[._]|text_model\.)/.exec(own) ?? [];
	const part = prefix === '' || prefix.includes('unet') ? 'unet' : 'textEncoder';
	const { path, role } = splitRole(own.slice(prefix.length));
	const module = path.replace(/\.processor\.(to_\w+)$/, '.$1').replace(/\.to_out$/, '.to_out.0');
	return { part, module: moduleKey(module), role };
}

function splitRole(name: string): { path: string; role: LoraRole | undefined } {
	const alpha = /^(.+?)(?:_lora)?\.alpha$/.exec(name);
	if (alpha !== null) return { path: alpha[1]!, role: 'alpha' };
	// The name of an adapter may stand before `weight`: `lora_A.default.weight`.
	const half = /^(.+?)[._]lora[._](down|up|A|B)(?:\.[\w-]+)?\.weight$/.exec(name);
	if (half === null) return { path: name, role: undefined };
	return { path: half[1]!, role: half[2] === 'down' || half[2] === 'A' ? 'down' : 'up' };
}
