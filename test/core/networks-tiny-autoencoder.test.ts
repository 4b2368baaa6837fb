// The tiny autoencoder, against diffusers.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigFile } from '../../models/config-file.ts';
import { readTinyAutoencoderConfig, tinyDecoder, tinyEncoder } from '../../models/tiny-autoencoder.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { type GoldenCase, goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { goldenConfig, goldenWeights, rmsError, runNetwork } from '../networks.ts';
import { valuesByRecipe, type WeightRecipe, writeByRecipe } from '../weights-by-recipe.ts';

const model = 'taesd/tiny-taesd';
const golden = readGolden('taesd/taesd');
const config = readTinyAutoencoderConfig(goldenConfig(model));
const decodings = golden.cases(5, 'decode');
const encodings = golden.cases(4, 'encode');

/** Files with the same values: diffusers', and its author's. */
const decoderFiles = ['diffusion_pytorch_model.safetensors', 'taesd_decoder.safetensors', 'taesd_decoder.pth'];
const encoderFiles = ['diffusion_pytorch_model.safetensors', 'taesd_encoder.safetensors', 'taesd_encoder.pth'];

function decoded(decoder: ReturnType<typeof tinyDecoder>, { tensors }: GoldenCase, from = golden) {
	const { shape } = from.tensor(tensors.output!);
	return runNetwork(decoder, { latents: from.tensor(tensors.latents!) }, { image: shape }).image!.data;
}

function encoded(encoder: ReturnType<typeof tinyEncoder>, { tensors }: GoldenCase, from = golden) {
	const { shape } = from.tensor(tensors.encoded!);
	return runNetwork(encoder, { image: from.tensor(tensors.image!) }, { latents: shape }).latents!.data;
}

describe.each(decoderFiles)('the tiny decoder of %s', async (file) => {
	const weights = await goldenWeights(model, file);

	test.each(decodings)('decodes as diffusers does: $name', (one) => {
		const error = maxAbsError(decoded(tinyDecoder(config, weights), one), golden.floats(one.tensors.output!));
		expect(error).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test('takes all weights that are not the encoder’s', () => {
		weights.assertAllUsed({ ignore: /^encoder\./ });
	});
});

describe.each(encoderFiles)('the tiny encoder of %s', async (file) => {
	const weights = await goldenWeights(model, file);

	test.each(encodings)('encodes as diffusers does: $name', (one) => {
		const error = maxAbsError(encoded(tinyEncoder(config, weights), one), golden.floats(one.tensors.encoded!));
		expect(error).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test('takes all weights that are not the decoder’s', () => {
		weights.assertAllUsed({ ignore: /^decoder\./ });
	});
});

test('the decoder has the intermediate results of diffusers, layer by layer', async () => {
	const { tensors, accuracy, order } = golden.case('debug');
	expect(order).toHaveLength(19);
	const taps = (order as string[]).map((name) => name.replace('layer_', 'decoder.layers.'));
	const shapes = (order as string[]).map((name, i) => [taps[i]!, golden.tensor(tensors[name]!).shape]);
	const results = runNetwork(
		tinyDecoder(config, await goldenWeights(model, decoderFiles[0]!), { taps }),
		{ latents: golden.tensor(tensors.latents!) },
		{ image: golden.tensor(tensors.output!).shape, ...Object.fromEntries(shapes) },
	);
	(order as string[]).forEach((name, i) => {
		expect(maxAbsError(results[taps[i]!]!.data, golden.floats(tensors[name]!)), name).toBeLessThanOrEqual(
			accuracy!.atol,
		);
	});
});

test('the decoder keeps its accuracy in float16', async () => {
	const decoder = tinyDecoder(config, await goldenWeights(model, decoderFiles[0]!), { precision: 'fp16' });
	for (const one of decodings) {
		// A few thousandths of what values there are.
		const { rms_value } = one.accuracy as unknown as { rms_value: number };
		const error = rmsError(decoded(decoder, one), golden.floats(one.tensors.output!));
		expect(error, one.name).toBeLessThanOrEqual(3e-3 * rms_value);
	}
});

test('latents are divided by a scaling factor, and multiplied by it', async () => {
	const scaled = readTinyAutoencoderConfig(goldenConfig(model, { scaling_factor: 2 }));
	const weights = await goldenWeights(model, decoderFiles[0]!);
	const one = encodings[0]!;
	const twice = golden.floats(one.tensors.encoded!).map((value) => 2 * value);
	expect(maxAbsError(encoded(tinyEncoder(scaled, weights), one), twice)).toBeLessThanOrEqual(2 * one.accuracy!.atol);
	const { tensors, accuracy } = decodings[0]!;
	const latents = golden.tensor(tensors.latents!);
	const doubled = { shape: latents.shape, data: (latents.data as Float32Array).map((value) => 2 * value) };
	const { shape, data } = golden.tensor(tensors.output!);
	const { image } = runNetwork(tinyDecoder(scaled, weights), { latents: doubled }, { image: shape });
	expect(maxAbsError(image!.data, data as Float32Array)).toBeLessThanOrEqual(accuracy!.atol);
});

describe('the official configuration at full width', async () => {
	const full = readGolden('taesd/taesd_full');
	const description = JSON.parse(readFileSync(`${goldenFolder}taesd/taesd_full.json`, 'utf8')) as {
		config: Record<string, unknown>;
		recipe: WeightRecipe & { test_vectors: Record<string, { first: number[]; last: number[] }> };
	};
	const file = temporaryFolder().path('taesd.safetensors');
	await writeByRecipe(description.recipe, file);
	const weights = new CheckpointWeights(await openCheckpoint(file));
	const official = readTinyAutoencoderConfig(new ConfigFile('config.json', description.config));

	test('has the weights of the recipe', () => {
		const vectors = Object.entries(description.recipe.test_vectors);
		expect(vectors.length).toBeGreaterThan(3);
		for (const [name, { first, last }] of vectors) {
			const values = [...valuesByRecipe(description.recipe, name)];
			expect([values.slice(0, first.length), values.slice(-last.length)], name).toEqual([first, last]);
		}
	});

	test.each(full.cases(2, 'decode'))('decodes as diffusers does: $name', (one) => {
		const error = maxAbsError(decoded(tinyDecoder(official, weights), one, full), full.floats(one.tensors.output!));
		expect(error).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test.each(full.cases(2, 'encode'))('encodes as diffusers does: $name', (one) => {
		const error = maxAbsError(encoded(tinyEncoder(official, weights), one, full), full.floats(one.tensors.encoded!));
		expect(error).toBeLessThanOrEqual(one.accuracy!.atol);
	});
});
