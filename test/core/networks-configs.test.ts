// The networks in other configurations than the official ones, against diffusers and transformers.
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import type { ConfigFile } from '../../models/config-file.ts';
import { controlNet, readControlNetConfig } from '../../models/controlnet.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { CheckpointWeights, WeightInventory, type WeightSource } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { exactly, type GoldenCase, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, int64, posteriorOf, runNetwork, type Tensor } from '../networks.ts';

const variants = readGolden('nets/variants'); // diffusers with these configurations; generate/variants.py has the rules below

/** Numbers in ±0.1; every weight is a run of them that starts where its name says; for norms 1 + 1/64 of them. */
const tableLength = 2 ** 21;
const folder = temporaryFolder();
let file: string;
beforeAll(() => {
	let state = 1;
	const random = () => {
		state = (state * 48271) % 0x7fffffff; // Park and Miller's generator
		return (state / 0x7fffffff - 0.5) / 5;
	};
	const table = Float32Array.from({ length: tableLength }, random);
	const regions = [table, table.map((value) => 1 + value), table.map((value) => value / 64)];
	file = folder.write('weights', Buffer.concat(regions.map(({ buffer }) => Buffer.from(buffer))));
});

/** The weights of a case's recording. */
function weightsOf(one: GoldenCase): WeightSource {
	return {
		has: () => false,
		get: (name, shape) => {
			const region = /norm.*\.weight$/.test(name) ? 1 : one.faint !== null && name.includes(one.faint) ? 2 : 0;
			const offset = 4 * (region * tableLength + (crc32(name) % 2 ** 20));
			return { file, offset, length: 4 * shape.reduce((a, b) => a * b), type: 'float32', shape };
		},
	};
}

/** The float input of that shape, by the recording's rule. */
const ramp = (shape: readonly number[]) =>
	float32(
		shape,
		Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => ((i * 37) % 101) / 50 - 1),
	);

/** Runs the network of a case, and compares all outputs that were recorded. */
function expectRecorded(one: GoldenCase, network: NetworkGraph, inputs: Record<string, Tensor>): void {
	const expected = network.outputs.map(({ name }) => [name, variants.tensor(one.tensors[name]!)] as const);
	const shapes = Object.fromEntries(expected.map(([name, { shape }]) => [name, shape]));
	const got = runNetwork(network, inputs, shapes);
	for (const [name, { data }] of exactly(network.outputs.length, expected, 'outputs')) {
		// 20 times the distance of upstream's float32 from float64.
		expect(maxAbsError(got[name]!.data, data as Float32Array), name).toBeLessThanOrEqual(one.accuracy!.atol);
	}
}

describe('configurations of the UNet', () => {
	test.each(variants.cases(17, 'unet'))('$name', (one) => {
		const config = readUNetConfig(goldenConfig('tiny-sd/arc2face', one.changes));
		expectRecorded(one, unet(config, weightsOf(one)), {
			sample: ramp([2, config.inChannels, 9, 14]),
			timestep: float32([2], [999, 0.5]),
			encoder_hidden_states: ramp([2, 5, config.conditioningSize]),
		});
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
	test.each(variants.cases(6, 'vae'))('$name', (one) => {
		const config = readVaeConfig(goldenConfig('tiny-sd/vae', one.changes));
		const { pixelsPerLatent: scale, latentChannels } = config;
		expectRecorded(one, vaeDecoder(config, weightsOf(one)), { latents: ramp([1, latentChannels, 3, 5]) });
		const [mean, logvar] = [variants.tensor(one.tensors.mean!), variants.tensor(one.tensors.logvar!)];
		const shapes = { mean: mean.shape, deviation: logvar.shape };
		const image = ramp([1, 3, 3 * scale, 5 * scale]);
		const got = posteriorOf(runNetwork(vaeEncoder(config, weightsOf(one)), { image }, shapes), config.scalingFactor);
		expect(maxAbsError(got.mean.data, mean.data as Float32Array), 'mean').toBeLessThanOrEqual(one.accuracy!.atol);
		expect(maxAbsError(got.logvar.data, logvar.data as Float32Array), 'logvar').toBeLessThanOrEqual(one.accuracy!.atol);
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
	test.each(variants.cases(5, 'encoder'))('$name', (one) => {
		const config = readTextEncoderConfig(goldenConfig('tiny-sd/encoder', one.changes));
		expectRecorded(one, textEncoder(config, weightsOf(one), { input: 'identity' }), {
			input_ids: int64([2, 6], [1, 2, 3, 4, 5, 6, 68, 0, 1, 2, 3, 4]),
			identity: ramp([2, 512]),
			identity_position: int64([2], [3, -1]),
		});
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
	test.each(variants.cases(2, 'controlnet'))('$name', (one) => {
		const config = readControlNetConfig(goldenConfig('tiny-sd/controlnet', one.changes));
		const scale = 2 ** (config.imageEmbeddingChannels.length - 1);
		const network = controlNet(config, weightsOf(one));
		// conv_in, then the layers and a halving on each of 4 levels but the last
		const layers: number = one.changes.layers_per_block ?? 2;
		expect(network.outputs.map(({ name }) => name)).toEqual([
			...Array.from({ length: 4 + 4 * layers }, (_, i) => `down_${i}`),
			'mid',
		]);
		expectRecorded(one, network, {
			sample: ramp([1, 4, 6, 10]),
			timestep: float32([1], [500]),
			encoder_hidden_states: ramp([1, 3, config.conditioningSize]),
			controlnet_cond: ramp([1, config.imageChannels, 6 * scale, 10 * scale]),
			conditioning_scale: float32([1], [1]),
		});
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
