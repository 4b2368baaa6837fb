import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import type { ConfigFile } from '../../models/config-file.ts';
import { controlNet, readControlNetConfig } from '../../models/controlnet.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { CheckpointWeights, WeightInventory } from '../../models/weights/weight-set.ts';
import { float32, goldenConfig, goldenWeights, int64, runNetwork } from '../networks.ts';

/** A file of numbers in ±0.1, which stands for every weight of a network that is only asked whether it runs. */
let folder: string;
let file: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-configs-'));
	file = join(folder, 'weights');
	let state = 1;
	const random = () => {
		state = (state * 48271) % 0x7fffffff; // Park and Miller's generator
		return (state / 0x7fffffff - 0.5) / 5;
	};
	await writeFile(file, Float32Array.from({ length: 2 ** 20 }, random));
});
afterAll(() => rm(folder, { recursive: true }));

function withWeights(network: NetworkGraph): Pick<NetworkGraph, 'graph' | 'inputs' | 'outputs' | 'weights'> {
	const { graph, inputs, outputs, weights } = network;
	return { graph, inputs, outputs, weights: weights.map((weight) => ({ ...weight, file })) };
}

function expectFinite(outputs: Record<string, { data: Float32Array }>): void {
	for (const [name, { data }] of Object.entries(outputs)) expect(data.every(Number.isFinite), name).toBe(true);
}

const ramp = (shape: readonly number[]) =>
	float32(
		shape,
		Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)),
	);

describe('configurations of the UNet', () => {
	const unetOf = (config: ConfigFile) => withWeights(unet(readUNetConfig(config), new WeightInventory()));

	test.each([
		['one layer per block', { layers_per_block: 1 }],
		['three layers per block', { layers_per_block: 3 }],
		['layers per block as a list', { layers_per_block: [1, 2, 1, 3] }],
		['heads as a list', { attention_head_dim: [1, 2, 4, 8] }],
		['heads under their later name', { num_attention_heads: 4 }],
		['linear projections', { use_linear_projection: true }],
		['two transformer blocks', { transformer_layers_per_block: 2 }],
		[
			'two levels',
			{
				block_out_channels: [16, 24],
				down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'],
				up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'],
			},
		],
		[
			'one level',
			{
				block_out_channels: [16],
				down_block_types: ['CrossAttnDownBlock2D'],
				up_block_types: ['CrossAttnUpBlock2D'],
			},
		],
		[
			'five levels',
			{
				block_out_channels: [8, 8, 16, 16, 16],
				down_block_types: new Array(5).fill('CrossAttnDownBlock2D'),
				up_block_types: new Array(5).fill('CrossAttnUpBlock2D'),
			},
		],
		['inpainting channels', { in_channels: 9 }],
		['more outputs', { out_channels: 8 }],
		['sines before cosines', { flip_sin_to_cos: false, freq_shift: 1 }],
		['a narrow conditioning', { cross_attention_dim: 24 }],
	])('%s', (_, changes) => {
		const config = goldenConfig('tiny-sd/arc2face', changes);
		const { inChannels, outChannels, conditioningSize } = readUNetConfig(config);
		const outputs = runNetwork(
			unetOf(config),
			{
				sample: ramp([2, inChannels, 9, 14]),
				timestep: float32([2], [999, 0.5]),
				encoder_hidden_states: ramp([2, 5, conditioningSize]),
			},
			{ eps: [2, outChannels, 9, 14] },
		);
		expectFinite(outputs);
	});

	test('asks for the weights of the checkpoint, no more and no less', async () => {
		const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
		unet(readUNetConfig(goldenConfig('tiny-sd/arc2face')), weights);
		weights.assertAllUsed();
	});

	test.each([
		['act_fn', 'mish'],
		['attention_head_dim', 3],
		['attention_head_dim', [2, 2]],
		['attention_head_dim', 0],
		['block_out_channels', []],
		['block_out_channels', [16, 16, 32, 20]],
		['block_out_channels', '16'],
		['center_input_sample', true],
		['class_embed_type', 'timestep'],
		['cross_attention_dim', [520, 520, 520, 520]],
		['down_block_types', ['CrossAttnDownBlock2D']],
		['down_block_types', ['AttnDownBlock2D', 'DownBlock2D']],
		['dual_cross_attention', true],
		['in_channels', -4],
		['layers_per_block', 1.5],
		['mid_block_type', 'UNetMidBlock2D'],
		['norm_eps', 'tiny'],
		['norm_num_groups', 0],
		['only_cross_attention', true],
		['time_cond_proj_dim', 256],
		['time_embedding_type', 'fourier'],
		['up_block_types', ['SimpleCrossAttnUpBlock2D']],
		['upcast_attention', true],
		['use_linear_projection', 'yes'],
		['_class_name', 'UNet3DConditionModel'],
	])('refuses %s %j', (field, value) => {
		const config = goldenConfig('tiny-sd/arc2face', { [field]: value });
		expectInvalid(() => readUNetConfig(config), config, field, value);
	});
});

describe('configurations of the autoencoder', () => {
	test.each([
		['one layer per block', { layers_per_block: 1 }],
		['a scaling factor', { scaling_factor: 0.5 }],
		['no convolutions around the latents', { use_quant_conv: false, use_post_quant_conv: false }],
		['other latent channels', { latent_channels: 16 }],
		[
			'two levels',
			{
				block_out_channels: [8, 16],
				down_block_types: new Array(2).fill('DownEncoderBlock2D'),
				up_block_types: new Array(2).fill('UpDecoderBlock2D'),
			},
		],
	])('%s', (_, changes) => {
		const config = readVaeConfig(goldenConfig('tiny-sd/vae', changes));
		const [image, latents] = [
			[1, 3, 3 * config.pixelsPerLatent, 5 * config.pixelsPerLatent],
			[1, config.latentChannels, 3, 5],
		];
		const decoder = withWeights(vaeDecoder(config, new WeightInventory()));
		const encoder = withWeights(vaeEncoder(config, new WeightInventory()));
		expectFinite(runNetwork(decoder, { latents: ramp(latents) }, { image }));
		expectFinite(runNetwork(encoder, { image: ramp(image) }, { mean: latents, logvar: latents }));
	});

	test.each(['tiny-sd/vae', 'tiny-sd/vae-legacy-keys'])('asks for all weights of %s', async (model) => {
		const weights = await goldenWeights(model, 'diffusion_pytorch_model.safetensors');
		const config = readVaeConfig(goldenConfig(model));
		vaeDecoder(config, weights);
		vaeEncoder(config, weights);
		weights.assertAllUsed();
	});

	test.each([
		['scaling_factor', 0],
		['block_out_channels', [8, 16, 16, 30]],
		['down_block_types', ['DownEncoderBlock2D']],
		['up_block_types', ['AttnUpDecoderBlock2D']],
		['mid_block_add_attention', false],
		['shift_factor', 0.1],
		['in_channels', 4],
		['act_fn', 'relu'],
	])('refuses %s %j', (field, value) => {
		const config = goldenConfig('tiny-sd/vae', { [field]: value });
		expectInvalid(() => readVaeConfig(config), config, field, value);
	});
});

describe('configurations of the text encoder', () => {
	test.each([
		['gelu', { hidden_act: 'gelu' }],
		['two layers', { num_hidden_layers: 2 }],
		['an identity as wide as the model', { hidden_size: 512, num_attention_heads: 8 }],
	])('%s', (_, changes) => {
		const config = readTextEncoderConfig(goldenConfig('tiny-sd/encoder', changes));
		const network = withWeights(textEncoder(config, new WeightInventory(), { input: 'identity' }));
		const inputs = {
			input_ids: int64([2, 6], [1, 2, 3, 4, 5, 6, 68, 0, 1, 2, 3, 4]),
			identity: ramp([2, 512]),
			identity_position: int64([2], [3, -1]),
		};
		expectFinite(runNetwork(network, inputs, { hidden_states: [2, 6, config.hiddenSize] }));
	});

	test('finds weights with and without the prefix text_model', () => {
		const config = readTextEncoderConfig(goldenConfig('tiny-sd/encoder'));
		const [plain, prefixed] = [new WeightInventory(), new WeightInventory((name) => name.startsWith('text_model.'))];
		textEncoder(config, plain);
		textEncoder(config, prefixed);
		expect([...prefixed.shapes.keys()]).toEqual([...plain.shapes.keys()].map((name) => `text_model.${name}`));
	});

	test('asks for all weights of the checkpoint but its position numbers', async () => {
		const weights = await goldenWeights('tiny-sd/encoder', 'pytorch_model.bin');
		textEncoder(readTextEncoderConfig(goldenConfig('tiny-sd/encoder')), weights, { input: 'identity' });
		weights.assertAllUsed({ ignore: /position_ids$/ });
	});

	test('has no place for an identity in a model narrower than one', () => {
		const config = readTextEncoderConfig(goldenConfig('text-stack'));
		expect(() => textEncoder(config, new WeightInventory(), { input: 'identity' })).toThrow(
			/Expected at least 512 for `hidden_size` .* but received 64/,
		);
	});

	test.each([
		['hidden_act', 'relu'],
		['num_attention_heads', 7],
		['num_hidden_layers', 0],
		['model_type', 'bert'],
		['layer_norm_eps', null],
	])('refuses %s %j', (field, value) => {
		const config = goldenConfig('tiny-sd/encoder', { [field]: value });
		if (value === null) expect(readTextEncoderConfig(config).epsilon).toBe(1e-5);
		else expectInvalid(() => readTextEncoderConfig(config), config, field, value);
	});
});

describe('configurations of ControlNet', () => {
	test('other image convolutions', () => {
		const changes = { conditioning_embedding_out_channels: [8, 8, 16], conditioning_channels: 1, layers_per_block: 1 };
		const config = readControlNetConfig(goldenConfig('tiny-sd/controlnet', changes));
		const network = withWeights(controlNet(config, new WeightInventory()));
		// conv_in, then a layer and a halving on each of 4 levels but the last
		expect(network.outputs.map(({ name }) => name)).toEqual([
			...Array.from({ length: 8 }, (_, i) => `down_${i}`),
			'mid',
		]);
		const outputs = runNetwork(
			network,
			{
				sample: ramp([1, 4, 6, 10]),
				timestep: float32([1], [500]),
				encoder_hidden_states: ramp([1, 3, config.conditioningSize]),
				controlnet_cond: ramp([1, 1, 24, 40]),
				conditioning_scale: float32([1], [1]),
			},
			Object.fromEntries(
				[
					[16, 6, 10],
					[16, 6, 10],
					[16, 3, 5],
					[16, 3, 5],
					[16, 2, 3],
					[32, 2, 3],
					[32, 1, 2],
					[32, 1, 2],
					[32, 1, 2],
				].map((shape, i) => [network.outputs[i]!.name, [1, ...shape]]),
			),
		);
		expectFinite(outputs);
	});

	test('asks for all weights of the checkpoint', async () => {
		const weights = await goldenWeights('tiny-sd/controlnet', 'diffusion_pytorch_model.safetensors');
		controlNet(readControlNetConfig(goldenConfig('tiny-sd/controlnet')), weights);
		weights.assertAllUsed();
	});

	test.each([
		['controlnet_conditioning_channel_order', 'bgr'],
		['global_pool_conditions', true],
		['conditioning_embedding_out_channels', []],
	])('refuses %s %j', (field, value) => {
		const config = goldenConfig('tiny-sd/controlnet', { [field]: value });
		expectInvalid(() => readControlNetConfig(config), config, field, value);
	});
});

test('weights of another architecture than the config says are refused by name', async () => {
	const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
	const config = readUNetConfig(goldenConfig('tiny-sd/arc2face', { cross_attention_dim: 768 }));
	expect(weights).toBeInstanceOf(CheckpointWeights);
	expect(() => unet(config, weights)).toThrow(/\[16, 768\] for tensor down_blocks\.0\..*attn2\.to_k\.weight of /);
});

function expectInvalid(read: () => unknown, config: ConfigFile, field: string, value: unknown): void {
	let error: unknown;
	try {
		read();
	} catch (caught) {
		error = caught;
	}
	expect(error).toBeInstanceOf(Arc2FaceError);
	const { code, message } = error as Arc2FaceError;
	expect(code).toBe('INVALID_BUNDLE');
	expect(message).toContain(`\`${field}\` in ${config.file} but received ${JSON.stringify(value)}`);
}
