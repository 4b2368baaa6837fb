// LoRA files: every spelling of their names, and what is wrong with those that do not fit.
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../benchmarks/random-bundle/safetensors-writer.ts';
import type { TensorData } from '../../benchmarks/random-bundle/tensor-data.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { type Lora, openLora } from '../../models/lora/lora.ts';
import { LoraWeights } from '../../models/lora/lora-weights.ts';
import { moduleKey, readLoraName } from '../../models/lora/names.ts';
import { readUNetConfig, type UNetConfig, unet } from '../../models/unet.ts';
import type { DataType } from '../../models/weights/reference.ts';
import { WeightInventory } from '../../models/weights/weight-set.ts';
import {
	expectInvalidWeights,
	opcodes,
	safetensorsBytes,
	temporaryFolder,
	tensorBytes,
	tensorOpcodes,
	torchBytes,
} from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';
import { tensorsOf, writeWeights } from '../layouts.ts';

const folder = temporaryFolder();
const lcm = `${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`;

let config: UNetConfig;
/** The paths of the UNet's modules, by their keys. */
const paths = new Map<string, string>();
beforeAll(async () => {
	config = readUNetConfig(await ConfigFile.read(`${goldenFolder}tiny-sd/arc2face/config.json`));
	const inventory = new WeightInventory();
	unet(config, inventory);
	for (const name of inventory.shapes.keys()) {
		const path = name.replace(/\.(weight|bias)$/, '');
		paths.set(moduleKey(path), path);
	}
});

/** Writes the UNet down with a LoRA, as a bundle does. */
function addToUNet(lora: Lora, scale = 1): ReturnType<typeof unet> {
	const weights = new LoraWeights(new WeightInventory(), [{ lora, scale }]);
	const network = unet(config, weights);
	weights.assertAllUsed();
	return network;
}

type Half = 'down' | 'up';
const letters = { down: 'A', up: 'B' } as const;
/** What trainers and converters name the halves of a module's pair, and what is before its alpha. */
const spellings: Record<string, { half: (path: string, half: Half) => string; alpha?: (path: string) => string }> = {
	kohya: {
		half: (path, half) => `lora_unet_${path.replaceAll('.', '_')}.lora_${half}.weight`,
		alpha: (path) => `lora_unet_${path.replaceAll('.', '_')}.alpha`,
	},
	diffusers: { half: (path, half) => `unet.${path}.lora.${half}.weight`, alpha: (path) => `unet.${path}.alpha` },
	'diffusers without a prefix': { half: (path, half) => `${path}.lora.${half}.weight` },
	'diffusers with processors': {
		half: (path, half) => {
			const [, before, module] = /^(.+\.attn\d)\.(to_[a-z]+)(\.0)?$/.exec(path) ?? [];
			const name = before === undefined ? `${path}.lora` : `${before}.processor.${module}_lora`;
			return `unet.${name}.${half}.weight`;
		},
		alpha: (path) => `unet.${path}.alpha`,
	},
	'PEFT in diffusers': { half: (path, half) => `unet.${path}.lora_${letters[half]}.weight` },
	PEFT: { half: (path, half) => `base_model.model.${path}.lora_${letters[half]}.weight` },
	'PEFT with two prefixes': { half: (path, half) => `base_model.model.unet.${path}.lora_${letters[half]}.weight` },
	'PEFT with the name of an adapter': { half: (path, half) => `${path}.lora_${letters[half]}.default.weight` },
	'dots, and endings of kohya': {
		half: (path, half) => `unet.${path}.lora_${half}.weight`,
		alpha: (path) => `unet.${path}.alpha`,
	},
};

describe('a LoRA is the same', () => {
	let recorded: TensorData[];
	beforeAll(async () => {
		recorded = await tensorsOf(lcm);
	});

	/** Everything that a LoRA says, with bytes instead of places. */
	const contentOf = ({ pairs }: Lora, hasAlpha: boolean) =>
		[...pairs]
			.map(([module, { down, up, strength }]) => ({
				module,
				...(hasAlpha && { strength }),
				...{ down: [down.shape, tensorBytes(down)], up: [up.shape, tensorBytes(up)] },
			}))
			.sort((a, b) => (a.module < b.module ? -1 : 1));

	test.each(Object.keys(spellings))('in the spelling of %s', async (spelling) => {
		const { half, alpha } = spellings[spelling]!;
		const renamed = recorded.flatMap((tensor) => {
			const [, key = '', ending = ''] =
				/^lora_unet_(.+?)\.(alpha|lora_down\.weight|lora_up\.weight)$/.exec(tensor.name) ?? [];
			const path = paths.get(key)!;
			if (ending === 'alpha') return alpha === undefined ? [] : [{ ...tensor, name: alpha(path) }];
			return [{ ...tensor, name: half(path, ending === 'lora_down.weight' ? 'down' : 'up') }];
		});
		const file = folder.path(`${spelling}.safetensors`);
		await writeSafetensors(file, renamed);
		const lora = await openLora(file);
		expect(lora.pairs.size).toBe(277);
		expect(contentOf(lora, alpha !== undefined)).toEqual(contentOf(await openLora(lcm), alpha !== undefined));
		if (alpha === undefined) for (const { strength } of lora.pairs.values()) expect(strength).toBe(1);
		expect(addToUNet(lora).weights.filter(({ deltas }) => deltas !== undefined).length).toBeGreaterThan(277);
	});

	test("in PyTorch's file", async () => {
		const file = folder.path('lora.bin');
		await writeWeights(file, recorded);
		expect(contentOf(await openLora(file), true)).toEqual(contentOf(await openLora(lcm), true));
	});
});

test('names of text encoders are told from those of the UNet', () => {
	const part = (name: string) => readLoraName(name).part;
	expect(part('lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight')).toBe('textEncoder');
	expect(part('lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha')).toBe('textEncoder');
	expect(part('text_encoder.text_model.encoder.layers.0.self_attn.k_proj.lora_linear_layer.down.weight')).toBe(
		'textEncoder',
	);
	expect(part('base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight')).toBe('textEncoder');
	expect(part('lora_unet_mid_block_attentions_0_proj_in.lora_down.weight')).toBe('unet');
	expect(part('mid_block.attentions.0.proj_in.lora_A.weight')).toBe('unet');
});

describe('the strength of a pair', () => {
	const types: [DataType, string, (value: number) => Buffer][] = [
		['float64', 'F64', (value) => Buffer.from(Float64Array.of(value).buffer)],
		['float32', 'F32', (value) => Buffer.from(Float32Array.of(value).buffer)],
		['float16', 'F16', () => Buffer.from(Uint16Array.of(0x4a00).buffer)],
		['bfloat16', 'BF16', () => Buffer.from(Uint16Array.of(0x4140).buffer)],
		['int64', 'I64', (value) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer)],
		['int32', 'I32', (value) => Buffer.from(Int32Array.of(value).buffer)],
	];
	test.each(types)('is alpha, here in %s, by the rank', async (_, dtype, encode) => {
		const file = write({
			...pairOf('conv_in', [4, 4, 3, 3], 8),
			'conv_in.alpha': { dtype, shape: [], bytes: encode(12) },
		});
		const [pair] = (await openLora(file)).pairs.values();
		expect(pair!.strength).toBe(1.5);
	});

	test('is multiplied by the scale', async () => {
		const alpha = { dtype: 'F32', shape: [1], bytes: Buffer.from(Float32Array.of(3).buffer) };
		const lora = await openLora(write({ ...pairOf('conv_in', [16, 4, 3, 3], 2), 'conv_in.alpha': alpha }));
		const [, delta] = addToUNet(lora, -0.5).weights.flatMap(({ name, deltas }) => (deltas ? [name, deltas[0]!] : []));
		expect(delta).toMatchObject({ factor: -0.75 });
	});
});

describe("the strength that PEFT's note tells", () => {
	const toKeys = 'down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k';
	const pairs = () => ({ ...pairOf('conv_in', [16, 4, 3, 3], 4), ...pairOf(toKeys, [16, 520], 4) });
	const strengths = async (file: string) =>
		Object.fromEntries([...(await openLora(file)).pairs].map(([module, { strength }]) => [module, strength]));
	const keys = { first: 'conv_in', second: moduleKey(toKeys) };
	/** Writes a note of PEFT beside tensors of its own name, in a folder of its own. */
	const besides = async (note: string, name = 'adapter_model.safetensors') => {
		const own = folder.path(`peft-${written++}`);
		await mkdir(own);
		await writeFile(join(own, 'adapter_config.json'), note);
		await copyFile(write(pairs()), join(own, name));
		return join(own, name);
	};

	test.each<[string, object, number, number]>([
		['of one alpha', { r: 4, lora_alpha: 6 }, 1.5, 1.5],
		['of no alpha', { r: 4 }, 1, 1],
		['of alphas for some modules', { lora_alpha: 8, alpha_pattern: { 'attn2.to_k': 2 } }, 2, 0.5],
		['of roots', { lora_alpha: 8, use_rslora: true, alpha_pattern: null }, 4, 4],
	])('%s', async (_, note, first, second) => {
		const expected = { [keys.first]: first, [keys.second]: second };
		expect(await strengths(await besides(JSON.stringify(note)))).toEqual(expected);
		const inFile = Object.fromEntries(Object.entries(note).map(([field, value]) => [`unet.${field}`, value]));
		const metadata = { format: 'pt', lora_adapter_metadata: JSON.stringify(inFile) };
		expect(await strengths(write(pairs(), metadata))).toEqual(expected);
	});

	test('is not that of another file in the folder, nor of a text encoder', async () => {
		const expected = { [keys.first]: 1, [keys.second]: 1 };
		expect(await strengths(await besides('{"lora_alpha": 8}', 'style.safetensors'))).toEqual(expected);
		const metadata = { lora_adapter_metadata: '{"text_encoder.lora_alpha": 8}' };
		expect(await strengths(write(pairs(), metadata))).toEqual(expected);
	});

	test('gives way to an alpha of a tensor', async () => {
		const alpha = { dtype: 'F32', shape: [], bytes: Buffer.from(Float32Array.of(2).buffer) };
		const metadata = { lora_adapter_metadata: '{"unet.lora_alpha": 8}' };
		expect(await strengths(write({ ...pairs(), 'conv_in.alpha': alpha }, metadata))).toMatchObject({
			[keys.first]: 0.5,
			[keys.second]: 2,
		});
	});

	test.each([
		['{', 'JSON'],
		['[]', 'a JSON object'],
		['null', 'a JSON object'],
		['{"lora_alpha": "8"}', 'a number for lora_alpha'],
		['{"use_rslora": 1}', 'true or false for use_rslora'],
		['{"alpha_pattern": {"^to_k": 8}}', 'numbers by names of modules for alpha_pattern'],
		['{"alpha_pattern": {"to_k": null}}', 'numbers by names of modules for alpha_pattern'],
	])('is refused in %s', async (note, expected) => {
		const file = await besides(note);
		await expectInvalidWeights(openLora(file), join(dirname(file), 'adapter_config.json'), expected);
		const inFile = note.replace('{"', '{"unet.');
		await expectInvalidWeights(
			openLora(write(pairs(), { lora_adapter_metadata: inFile })),
			expected.replace('for ', 'for unet.'),
		);
	});
});

test('the halves of a gated layer get the rows that are theirs', async () => {
	const path = 'down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj';
	const lora = await openLora(write(pairOf(path, [128, 16], 3)));
	const parts = addToUNet(lora).weights.filter(({ deltas }) => deltas !== undefined);
	expect(parts.map(({ name, shape }) => [name, shape])).toEqual([
		[`${path}.weight.0`, [64, 16]],
		[`${path}.weight.1`, [64, 16]],
	]);
	const { up, down } = lora.pairs.get(moduleKey(path))!;
	const bytes = 64 * 3 * 4;
	expect(parts.map(({ deltas }) => deltas![0]!.up)).toMatchObject([
		{ offset: up.offset, length: bytes, shape: [64, 3] },
		{ offset: up.offset + bytes, length: bytes, shape: [64, 3] },
	]);
	for (const { deltas } of parts) expect(deltas![0]!.down).toEqual(down);
});

type Stored = { dtype?: string; shape: readonly number[]; bytes?: Buffer };
let written = 0;

/** Writes a file of zeros, unless bytes are given. */
function write(tensors: Record<string, Stored>, metadata?: Record<string, string>): string {
	const sizes: Record<string, number> = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2 };
	const header: Record<string, object> = metadata === undefined ? {} : { __metadata__: metadata };
	const parts: Buffer[] = [];
	let end = 0;
	for (const [name, { dtype = 'F32', shape, bytes }] of Object.entries(tensors)) {
		const part = bytes ?? Buffer.alloc(sizes[dtype]! * shape.reduce((product, size) => product * size, 1));
		header[name] = { dtype, shape, data_offsets: [end, end + part.length] };
		parts.push(part);
		end += part.length;
	}
	return folder.write(`${written++}.safetensors`, safetensorsBytes(header, Buffer.concat(parts)));
}

/** A pair for the module of a weight of this shape, in PEFT's spelling. */
function pairOf(path: string, [rows, ...others]: readonly number[], rank: number): Record<string, Stored> {
	return {
		[`${path}.lora_A.weight`]: { shape: [rank, ...others] },
		[`${path}.lora_B.weight`]: { shape: [rows!, rank, ...others.slice(1).map(() => 1)] },
	};
}

describe('refused, with what is wrong', () => {
	const convolution = 'down_blocks.0.resnets.0.conv1';
	const toKeys = 'down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k';
	const down = `${convolution}.lora_A.weight`;
	const up = `${convolution}.lora_B.weight`;
	const whole = pairOf(convolution, [16, 16, 3, 3], 2);
	const number = (...values: number[]): Stored => ({
		...{ shape: values.length === 1 ? [] : [values.length] },
		bytes: Buffer.from(Float32Array.of(...values).buffer),
	});
	const others = ['input_blocks_1', 'input_blocks_2', 'input_blocks_4', 'output_blocks_1'].map(
		(block) => `lora_unet_${block}_1_proj_in`,
	);
	const only = (name: string) => ({ [name]: whole[name]! });
	const pairsOf = (modules: readonly string[]) => Object.assign({}, ...modules.map((one) => pairOf(one, [16, 16], 2)));

	test('the pair that the others are made from is right', async () => {
		addToUNet(await openLora(write(whole)));
	});

	test.each<[string, Record<string, Stored>, (string | RegExp)[]]>([
		['no up', only(down), ['both tensors of a pair', down]],
		['no down', only(up), ['both tensors of a pair', up]],
		['an alpha alone', { ...whole, 'conv_in.alpha': number(1) }, ['both tensors of a pair', 'conv_in.alpha']],
		['another rank', { ...whole, [up]: { shape: [16, 3, 1, 1] } }, ['rank 2', down, up, 'shape [16, 3, 1, 1]']],
		['no rank', { ...whole, [down]: { shape: [0, 16, 3, 3] } }, ['none of them empty', down, 'shape [0, 16, 3, 3]']],
		['one axis', { ...whole, [up]: { shape: [32] } }, ['at least two axes', up, 'shape [32]']],
		['integers', { ...whole, [up]: { shape: [16, 2], dtype: 'I32' } }, ['floating-point', up, 'int32']],
		[
			'an alpha of NaN',
			{ ...whole, [`${convolution}.alpha`]: number(Number.NaN) },
			['finite', `${convolution}.alpha`, 'NaN'],
		],
		[
			'an infinite alpha',
			{ ...whole, [`${convolution}.alpha`]: number(Number.NEGATIVE_INFINITY) },
			['finite', `${convolution}.alpha`, '-Infinity'],
		],
		['two alphas', { ...whole, [`${convolution}.alpha`]: number(1, 2) }, ['one number', 'shape [2]']],
		[
			'a module twice',
			{ ...whole, [`unet.${convolution}.lora.down.weight`]: { shape: [2, 16, 3, 3] } },
			['one tensor of its kind', down, `unet.${convolution}.lora.down.weight`],
		],
		['DoRA', { ...whole, [`${convolution}.dora_scale`]: { shape: [1, 16] } }, ['dora_scale', 'a part of DoRA', 'Fuse']],
		[
			'DoRA of PEFT',
			{ ...whole, [`${convolution}.lora_magnitude_vector`]: { shape: [16] } },
			['lora_magnitude_vector', 'DoRA'],
		],
		['LoHa', { ...whole, 'lora_unet_conv_in.hada_w1_a': { shape: [2, 2] } }, ['hada_w1_a', 'LoHa']],
		['LoKr', { ...whole, 'lora_unet_conv_in.lokr_w1': { shape: [2, 2] } }, ['lokr_w1', 'LoKr']],
		['Tucker', { ...whole, 'lora_unet_conv_in.lora_mid.weight': { shape: [2, 2, 3, 3] } }, ['lora_mid', 'Tucker']],
		['a bias', { ...whole, [`${convolution}.lora_B.bias`]: { shape: [16] } }, ['lora_B.bias', 'something else']],
		['a network', { 'conv_in.weight': { shape: [16, 4, 3, 3] } }, ['pairs of tensors', 'conv_in.weight']],
		['nothing', {}, ['pairs of tensors', 'no tensor']],
		[
			'a text encoder alone',
			{ 'lora_te_x.lora_down.weight': { shape: [2, 4] }, 'lora_te_x.lora_up.weight': { shape: [4, 2] } },
			['of a UNet', 'text encoder alone'],
		],
		[
			'the width of Stable Diffusion XL',
			pairOf(toKeys, [16, 2048], 4),
			['shape [4, 520]', `${toKeys}.lora_A.weight`, 'shape [4, 2048]', 'Stable Diffusion 1.5'],
		],
		['more rows', { ...whole, [up]: { shape: [32, 2, 1, 1] } }, ['shape [16, 2]', up, 'shape [32, 2, 1, 1]']],
		['another kernel', pairOf(convolution, [16, 16, 5, 5], 2), ['shape [2, 16, 3, 3]', down, 'shape [2, 16, 5, 5]']],
		['no kernel', pairOf(convolution, [16, 16], 2), ['shape [2, 16, 3, 3]', down, 'shape [2, 16]']],
		['an up with a kernel', { ...whole, [up]: { shape: [16, 2, 3, 3] } }, ['shape [16, 2]', up, 'shape [16, 2, 3, 3]']],
		['a norm', pairOf('conv_norm_out', [16, 16], 2), ['shape [2]', 'conv_norm_out.lora_A.weight']],
		[
			'modules of another network',
			{ ...whole, ...pairsOf(others) },
			['a module that this network has', `tensor ${others[0]}.lora_A.weight`, others[1]!, others[2]!, 'and 1 more'],
		],
		['one module of another network', { ...whole, ...pairsOf(others.slice(0, 1)) }, [/received another\. /]],
	])('%s', async (_, tensors, words) => {
		const file = write(tensors);
		await expectInvalidWeights(
			openLora(file).then((lora) => addToUNet(lora)),
			file,
			...words,
		);
	});

	test('a file that is cut short', async () => {
		const bytes = readFileSync(lcm);
		const file = folder.write('cut.safetensors', bytes.subarray(0, bytes.length - 100));
		await expectInvalidWeights(openLora(file), file, 'cut short');
	});

	test('no file', async () => {
		await expectInvalidWeights(openLora(folder.path('none.safetensors')), 'there is no such file');
	});

	test('a transposed view of PyTorch', async () => {
		const tensors = {
			[down]: tensorOpcodes({ shape: [2, 3], strides: [1, 2] }),
			[up]: tensorOpcodes({ shape: [3, 2], strides: [2, 1] }),
		};
		const file = folder.write('view.bin', torchBytes(opcodes.dict(tensors)));
		await expectInvalidWeights(openLora(file), down, 'a view with strides [1, 2]', 'contiguous');
	});
});

test('a part for a text encoder is told, and left out', async () => {
	const names = ['lora_te_text_model_encoder_layers_0_mlp_fc1', 'lora_te_text_model_encoder_layers_0_mlp_fc2'];
	const lora = await openLora(
		write({
			...pairOf('conv_in', [16, 4, 3, 3], 2),
			...Object.fromEntries(names.map((name) => [`${name}.lora_down.weight`, { shape: [2, 768] }])),
		}),
	);
	expect(lora.hasTextEncoder).toBe(true);
	expect([...lora.pairs.keys()]).toEqual(['conv_in']);
	expect((await openLora(lcm)).hasTextEncoder).toBe(false);
});
