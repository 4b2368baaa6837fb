// ControlNet, against diffusers.
import { describe, expect, test } from 'vitest';
import { controlNet, readControlNetConfig } from '../../models/controlnet.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { type GoldenCase, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, rmsError, runNetwork, type Tensor } from '../networks.ts';

const golden = readGolden('nets/controlnet');
const file = 'diffusion_pytorch_model.safetensors';
const config = readControlNetConfig(goldenConfig('tiny-sd/controlnet'));
const weights = await goldenWeights('tiny-sd/controlnet', file);
const unetConfig = readUNetConfig(goldenConfig('tiny-sd/arc2face'));
const unetWeights = await goldenWeights('tiny-sd/arc2face', file);

const residuals = [...Array.from({ length: 12 }, (_, i) => `down_${i}`), 'mid'];

/** The inputs that ControlNet and UNet share. */
function inputs(one: GoldenCase): Record<string, Tensor> {
	const all = golden.tensor('shared/encoder_hidden_states');
	const rowSize = all.data.length / all.shape[0]!;
	const rows = (one.context_rows as number[]).flatMap((row) => [
		...(all.data as Float32Array).subarray(row * rowSize, (row + 1) * rowSize),
	]);
	return {
		sample: golden.tensor(one.tensors.sample!),
		timestep: float32([one.batch], new Array(one.batch).fill(one.timestep)),
		encoder_hidden_states: float32([one.batch, ...all.shape.slice(1)], rows),
	};
}

function conditioned(one: GoldenCase): Record<string, Tensor> {
	return {
		...inputs(one),
		controlnet_cond: golden.tensor(one.tensors.controlnet_cond!),
		conditioning_scale: float32([one.batch], new Array(one.batch).fill(one.conditioning_scale)),
	};
}

function residualShapes(one: GoldenCase): Record<string, number[]> {
	return Object.fromEntries(residuals.map((name) => [name, golden.tensor(one.tensors[name]!).shape]));
}

describe.each(golden.cases(3))('ControlNet: $name', (one) => {
	const shapes = residualShapes(one);
	const expected = (name: string) => golden.floats(one.tensors[name]!);

	test('gives the residuals that diffusers gives', () => {
		const got = runNetwork(controlNet(config, weights), conditioned(one), shapes);
		residuals.forEach((name, i) => {
			const { atol } = name === 'mid' ? one.accuracy_mid : one.accuracy_down[i];
			expect(maxAbsError(got[name]!.data, expected(name)), name).toBeLessThanOrEqual(atol);
		});
	});

	test('steers the UNet as in diffusers', () => {
		const steered = unet(unetConfig, unetWeights, { controlResiduals: true });
		const given = Object.fromEntries(residuals.map((name) => [name, golden.tensor(one.tensors[name]!)]));
		const { eps } = runNetwork(
			steered,
			{ ...inputs(one), ...given },
			{ eps: golden.tensor(one.tensors.output!).shape },
		);
		expect(maxAbsError(eps!.data, expected('output'))).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test('changes nothing with residuals of zero', () => {
		const steered = unet(unetConfig, unetWeights, { controlResiduals: true });
		const zeros = Object.fromEntries(
			Object.entries(shapes).map(([name, shape]) => [
				name,
				float32(shape, new Array(shape.reduce((a, b) => a * b)).fill(0)),
			]),
		);
		const { eps } = runNetwork(
			steered,
			{ ...inputs(one), ...zeros },
			{ eps: golden.tensor(one.tensors.output!).shape },
		);
		expect(maxAbsError(eps!.data, expected('output_plain'))).toBeLessThanOrEqual(one.accuracy!.atol);
	});
});

test('each row of a batch has a scale of its own, and at 0 is not steered at all', () => {
	const [one] = golden.cases(3);
	const twice = Object.fromEntries(
		Object.entries(conditioned(one!)).map(([name, { shape, data }]) => {
			const first = (data as Float32Array).slice(0, data.length / shape[0]!);
			return [name, float32([2, ...shape.slice(1)], [...first, ...first])];
		}),
	);
	const shapes = Object.fromEntries(
		Object.entries(residualShapes(one!)).map(([name, [, ...rest]]) => [name, [2, ...rest]]),
	);
	const scales = float32([2], [one!.conditioning_scale, 0]);
	const got = runNetwork(controlNet(config, weights), { ...twice, conditioning_scale: scales }, shapes);
	residuals.forEach((name, i) => {
		const { data } = got[name]!;
		const { atol } = name === 'mid' ? one!.accuracy_mid : one!.accuracy_down[i];
		const expected = golden.floats(one!.tensors[name]!).slice(0, data.length / 2);
		expect(maxAbsError(data.slice(0, data.length / 2), expected), name).toBeLessThanOrEqual(atol);
		expect(data.slice(data.length / 2).every((value) => value === 0)).toBe(true);
	});
});

test('ControlNet keeps its accuracy in float16', () => {
	const one = golden.case('cn_6x10');
	const shapes = residualShapes(one);
	const got = runNetwork(controlNet(config, weights, { precision: 'fp16' }), conditioned(one), shapes);
	for (const name of residuals) {
		const expected = golden.floats(one.tensors[name]!);
		const magnitude = rmsError(expected, new Float32Array(expected.length));
		// As for the UNet, whose float16 error upstream measured as 1e-3 of values of order 1.
		expect(rmsError(got[name]!.data, expected), name).toBeLessThanOrEqual(1e-3 * Math.max(1, magnitude));
	}
});
