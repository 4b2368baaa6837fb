// The autoencoder, against diffusers.
import { describe, expect, test } from 'vitest';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { maxAbsError, readGolden } from '../golden.ts';
import { goldenConfig, goldenWeights, posteriorOf, rmsError, runNetwork } from '../networks.ts';

const golden = readGolden('nets/vae');
const file = 'diffusion_pytorch_model.safetensors';
const decodings = golden.cases(3, 'decode');
const encodings = golden.cases(2, 'encode');

// The second file has the same values in float16, under the names that diffusers gave attention layers before 0.15.
describe.each(['tiny-sd/vae', 'tiny-sd/vae-legacy-keys'])('autoencoder of %s', async (model) => {
	const config = readVaeConfig(goldenConfig(model));
	const weights = await goldenWeights(model, file);

	describe.each(['standard', 'onnxruntime'] as const)('with %s operators', (operators) => {
		const decoder = vaeDecoder(config, weights, { operators });
		const encoder = vaeEncoder(config, weights, { operators });

		test.each(decodings)('decodes as diffusers does: $name', ({ tensors, accuracy }) => {
			const expected = golden.tensor(tensors.output!);
			const { image } = runNetwork(decoder, { latents: golden.tensor(tensors.latents!) }, { image: expected.shape });
			// 20 times the distance of upstream's float32 from float64.
			expect(maxAbsError(image!.data, expected.data as Float32Array)).toBeLessThanOrEqual(accuracy!.atol);
		});

		test.each(encodings)('encodes as diffusers does: $name', ({ tensors, accuracy }) => {
			const [mean, logvar] = [golden.tensor(tensors.mean!), golden.tensor(tensors.logvar!)];
			const shapes = { mean: mean.shape, deviation: logvar.shape };
			const outputs = runNetwork(encoder, { image: golden.tensor(tensors.image!) }, shapes);
			const got = posteriorOf(outputs, config.scalingFactor);
			expect(maxAbsError(got.mean.data, mean.data as Float32Array)).toBeLessThanOrEqual(accuracy!.atol);
			expect(maxAbsError(got.logvar.data, logvar.data as Float32Array)).toBeLessThanOrEqual(accuracy!.atol);
		});
	});

	test('keeps its accuracy in float16', () => {
		const decoder = vaeDecoder(config, weights, { precision: 'fp16' });
		for (const { name, tensors } of decodings) {
			const expected = golden.tensor(tensors.output!);
			const { image } = runNetwork(decoder, { latents: golden.tensor(tensors.latents!) }, { image: expected.shape });
			// The error of upstream's own float16 run of this network; values are of order 1.
			expect(rmsError(image!.data, expected.data as Float32Array), name).toBeLessThanOrEqual(2e-3);
		}
	});
});

test('the decoder has the intermediate results of diffusers, module by module', async () => {
	const debug = readGolden('nets/vae_debug');
	const { tensors, accuracies } = debug.case('debug');
	const taps = debug.order(10);
	const config = readVaeConfig(goldenConfig('tiny-sd/vae'));
	const results = runNetwork(
		vaeDecoder(config, await goldenWeights('tiny-sd/vae', file), { taps }),
		{ latents: debug.tensor(tensors.latents!) },
		Object.fromEntries([
			['image', debug.tensor(tensors.output!).shape],
			...taps.map((tap) => [tap, debug.tensor(tensors[tap]!).shape]),
		]),
	);
	for (const tap of taps) {
		const { data } = debug.tensor(tensors[tap]!);
		expect(maxAbsError(results[tap]!.data, data as Float32Array), tap).toBeLessThanOrEqual(accuracies[tap]!.atol);
	}
});
