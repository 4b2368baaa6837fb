// The UNet, against diffusers.
import { describe, expect, test } from 'vitest';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { type GoldenCase, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, rmsError, runNetwork, type Tensor } from '../networks.ts';

const golden = readGolden('nets/unet');
const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
const config = readUNetConfig(goldenConfig('tiny-sd/arc2face'));

/** The inputs of a case; a single timestep is for the whole batch, and conditioning is picked by row. */
function inputs(one: GoldenCase): Record<string, Tensor> {
	const sample = golden.tensor(one.tensors.sample!);
	const batch = sample.shape[0]!;
	const timesteps = [one.timestep].flat();
	const all = golden.tensor('shared/encoder_hidden_states');
	const rowSize = all.data.length / all.shape[0]!;
	const rows = (one.context_rows as number[]).flatMap((row) => [
		...(all.data as Float32Array).subarray(row * rowSize, (row + 1) * rowSize),
	]);
	return {
		sample,
		timestep: float32(
			[batch],
			Array.from({ length: batch }, (_, i) => timesteps[i % timesteps.length]),
		),
		encoder_hidden_states: float32([batch, ...all.shape.slice(1)], rows),
	};
}

describe('UNet', () => {
	const operators = ['standard', 'onnxruntime'] as const;
	describe.each(operators)('with %s operators', (operators) => {
		const network = unet(config, weights, { operators });

		test.each(golden.cases(10))('predicts what diffusers does: $name', (one) => {
			const expected = golden.tensor(one.tensors.output!);
			const { eps } = runNetwork(network, inputs(one), { eps: expected.shape });
			// 20 times the distance of upstream's float32 from float64.
			expect(maxAbsError(eps!.data, expected.data as Float32Array)).toBeLessThanOrEqual(one.accuracy!.atol);
		});
	});

	test('has the intermediate results of diffusers, module by module', () => {
		const debug = readGolden('nets/unet_debug');
		const { tensors, timestep, accuracies } = debug.case('debug');
		const taps = debug.order(34);
		const results = runNetwork(
			unet(config, weights, { taps }),
			{
				sample: debug.tensor(tensors.sample!),
				timestep: float32([1], [timestep]),
				encoder_hidden_states: debug.tensor(tensors.encoder_hidden_states!),
			},
			Object.fromEntries([
				['eps', debug.tensor(tensors.output!).shape],
				...taps.map((tap) => [tap, tappedShape(debug.tensor(tensors[tap]!).shape)]),
			]),
		);
		// In order, so that the first failure is where the networks diverge.
		for (const tap of taps) {
			const { data } = debug.tensor(tensors[tap]!);
			expect(maxAbsError(results[tap]!.data, data as Float32Array), tap).toBeLessThanOrEqual(accuracies[tap]!.atol);
		}
	});

	test('keeps its accuracy in float16', () => {
		const network = unet(config, weights, { precision: 'fp16' });
		// ONNX Runtime is slow to load float16 graphs on a CPU, so only the two most comprehensive cases.
		for (const one of ['t40_12x20_odd', 't_per_sample'].map(golden.case)) {
			const expected = golden.tensor(one.tensors.output!);
			const { eps } = runNetwork(network, inputs(one), { eps: expected.shape });
			// The error of upstream's own float16 run of this network; values are of order 1.
			expect(rmsError(eps!.data, expected.data as Float32Array), one.name).toBeLessThanOrEqual(1e-3);
		}
	});
});

/** Token tensors [batch, positions, size] have their first axes merged here. */
function tappedShape(shape: number[]): number[] {
	return shape.length === 3 ? [shape[0]! * shape[1]!, shape[2]!] : shape;
}
