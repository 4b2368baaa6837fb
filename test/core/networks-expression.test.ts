// The expression adapter, against diffusers.
import { describe, expect, test } from 'vitest';
import { expressionTokens, readExpressionAdapter } from '../../models/expression-adapter.ts';
import { Scope } from '../../models/graph/scope.ts';
import { readUNetConfig, type UNetOptions, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { Checkpoint, WeightReference } from '../../models/weights/reference.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { type GoldenCase, goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, runNetwork } from '../networks.ts';

const golden = readGolden('adapters/exp_adapter'); // how it was recorded: test/golden/README.md
const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
const config = readUNetConfig(goldenConfig('tiny-sd/arc2face'));
const file = `${goldenFolder}adapters/exp_adapter/exp_adapter.bin`;
const adapter = readExpressionAdapter(await openCheckpoint(file));
const folder = temporaryFolder();

/** All cases in one batch, whose rows differ in how strongly the expression shows; those with an expression of zeros come first. */
function run(options: UNetOptions): Float32Array[] {
	const cases = golden.cases(3);
	const repeated = (key: string, shape?: readonly number[]) => {
		const whole = golden.tensor(cases[0]!.tensors[key]!);
		const [rows, ...row] = shape ?? whole.shape;
		const data = cases.flatMap(() => [...(whole.data as Float32Array)]);
		return float32([cases.length * rows!, ...row], data);
	};
	const sample = repeated('sample');
	const rows = sample.shape[0]!;
	const perCase = (value: (one: GoldenCase) => number) =>
		float32(
			[rows],
			cases.flatMap((one) => new Array(rows / cases.length).fill(value(one))),
		);
	const { eps } = runNetwork(
		unet(config, weights, { ...options, expression: adapter }),
		{
			sample,
			timestep: perCase(({ timestep }) => timestep),
			encoder_hidden_states: repeated('encoder_hidden_states'),
			expression: repeated('image_embeds', [rows / cases.length, 55]),
			expression_scale: perCase(({ scale }) => scale),
		},
		{ eps: sample.shape },
	);
	const size = eps!.data.length / cases.length;
	return cases.map((_, i) => eps!.data.slice(i * size, (i + 1) * size));
}

describe.each(['standard', 'onnxruntime'] as const)('with %s operators', (operators) => {
	const results = run({ operators });

	test.each(golden.cases(3))('rows show an expression as in diffusers: $name', (one) => {
		const got = results[golden.cases(3).findIndex(({ name }) => name === one.name)]!;
		// 20 times the distance of upstream's float32 from float64.
		expect(maxAbsError(got, golden.floats(one.tensors.output!))).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test('a row at scale 0 is as without the adapter', () => {
		const { tensors, accuracy } = golden.cases(3)[0]!;
		const [sample, conditioning] = [golden.tensor(tensors.sample!), golden.tensor(tensors.encoder_hidden_states!)];
		const plain = { sample, timestep: float32([2], [500, 500]), encoder_hidden_states: conditioning };
		const { eps } = runNetwork(unet(config, weights, { operators }), plain, { eps: sample.shape });
		expect(maxAbsError(results[2]!, eps!.data)).toBeLessThanOrEqual(accuracy!.atol);
	});
});

test('the adapter has a layer for every cross-attention, no more and no less', async () => {
	const whole = readExpressionAdapter(await openCheckpoint(file));
	unet(config, weights, { expression: whole });
	whole.weights.assertAllUsed();
});

describe('projections', () => {
	const projections = readGolden('adapters/image_proj');

	/** A checkpoint with the weights of a case. */
	function checkpointOf({ name, tensors }: GoldenCase): Checkpoint {
		const parts = Object.entries(tensors).filter(([field]) => field.startsWith('w:'));
		const values = parts.map(([, key]) => projections.tensor(key));
		const path = folder.write(name, Buffer.concat(values.map(({ data }) => Buffer.from(data.buffer))));
		let offset = 0;
		const references = parts.map(([field], i): [string, WeightReference] => {
			const { shape, data } = values[i]!;
			const place = { file: path, offset, length: data.byteLength, type: 'float32', shape } as const;
			offset += data.byteLength;
			return [`image_proj.${field.slice(2)}`, place];
		});
		return { file: path, format: 'safetensors', tensors: new Map(references) };
	}

	test.each(projections.cases(3))('give the tokens that diffusers gives: $diffusers_class', (one) => {
		const { projection, weights } = readExpressionAdapter(checkpointOf(one));
		const expected = projections.tensor(one.tensors.output!);
		const [count, tokens, size] = expected.shape as [number, number, number];
		expect(projection.tokens).toBe(tokens);

		const net = Scope.root('projection', weights, {});
		const expression = net.input('expression', ['batch', 55]);
		net.output('tokens', expressionTokens(net, expression, projection, size), ['rows', size]);
		const shapes = { tokens: [count * tokens, size] };
		const got = runNetwork(net.finish(), { expression: projections.tensor(one.tensors.input!) }, shapes);
		expect(maxAbsError(got.tokens!.data, expected.data as Float32Array)).toBeLessThanOrEqual(one.accuracy!.atol);
		weights.assertAllUsed();
	});

	test.each([
		[
			'for images, of an unknown kind',
			'image_proj.latents',
			/projection of expressions for image_proj .* one for images/,
		],
		['of a file without one', 'other.weight', /but received a file without one/],
	])('are refused: %s', async (_, name, message) => {
		const tensors = new Map([[name, { file: '/x.bin', offset: 0, length: 4, type: 'float32', shape: [1] } as const]]);
		expect(() => readExpressionAdapter({ file: '/x.bin', format: 'PyTorch', tensors })).toThrow(message);
	});
});

test.each([
	[
		'a UNet with fewer cross-attentions',
		{ up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'] },
		/shape \[32, 520\] for tensor ip_adapter\.25\.to_k_ip\.weight/,
	],
	[
		'a UNet with an attention less',
		{ down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'] },
		/ip_adapter/,
	],
	[
		'a UNet with more cross-attentions',
		{ transformer_layers_per_block: [1, 1, 1, 2] },
		/ip_adapter\.33\.to_k_ip\.weight/,
	],
	['another conditioning size', { cross_attention_dim: 768 }, /\[3072, 55\] for tensor image_proj\.proj\.weight/],
])('an adapter for another network is refused by name: %s', async (_, changes, message) => {
	const other = readUNetConfig(goldenConfig('tiny-sd/arc2face', changes));
	const any = {
		has: () => false,
		get: (_: string, shape: readonly number[]) =>
			({ file, offset: 0, length: 4 * shape.reduce((a, b) => a * b, 1), type: 'float32', shape }) as const,
	};
	const read = readExpressionAdapter(await openCheckpoint(file));
	expect(() => {
		unet(other, any, { expression: read });
		read.weights.assertAllUsed();
	}).toThrow(message);
});
