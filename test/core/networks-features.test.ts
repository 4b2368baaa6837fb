// A UNet with everything that it can have: rows that use nothing of it are plain.
import { describe, expect, test } from 'vitest';
import { readExpressionAdapter } from '../../models/expression-adapter.ts';
import { readReferenceAdapter } from '../../models/reference-adapter.ts';
import { readUNetConfig, type UNetOptions, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, rmsError, runNetwork, type Tensor } from '../networks.ts';

const golden = readGolden('nets/unet');
const config = readUNetConfig(goldenConfig('tiny-sd/arc2face'));
const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
const adapters = `${goldenFolder}adapters/`;
const features = {
	controlResiduals: true,
	expression: readExpressionAdapter(await openCheckpoint(`${adapters}exp_adapter/exp_adapter.bin`)),
	reference: readReferenceAdapter(await openCheckpoint(`${adapters}ref_adapter/pytorch_lora_weights.safetensors`)),
};

/** An odd size, at which levels are not halves of one another. */
const one = golden.case('t40_12x20_odd');
const expected = golden.tensor(one.tensors.output!);

/** What a UNet of these options makes of the case, with nothing asked of its features. */
function run(options: UNetOptions): Float32Array {
	const network = unet(config, weights, { ...options, ...features });
	const [rows, , ...sides] = expected.shape as [number, number, number, number];
	const sizeOf = (dimension: number | string) => {
		if (typeof dimension === 'number') return dimension;
		if (dimension === 'batch') return rows;
		const [, axis, level] = /^(height|width|positions)_(\d)$/.exec(dimension)!;
		const [height, width] = sides.map((side) => Math.ceil(side / 2 ** Number(level))) as [number, number];
		return { height, width, positions: height * width }[axis as 'height'];
	};
	const shapes = (tensors: typeof network.inputs) =>
		tensors.map(({ name, shape }) => [name, shape.map(sizeOf)] as const);
	const known = {
		sample: golden.tensor(one.tensors.sample!),
		timestep: float32([rows], new Array(rows).fill(one.timestep)),
		encoder_hidden_states: contextOf(one.context_rows),
	};
	const neutral = shapes(network.inputs.filter(({ name }) => !(name in known))).map(([name, shape]) => [
		name,
		// An expression that does not show, and a bank that nobody reads.
		float32(shape, new Array(shape.reduce((a, b) => a * b)).fill(/^(expression|bank_\d+)$/.test(name) ? 2 : 0)),
	]);
	expect(neutral.length).toBe(13 + 2 + 2 + 16);
	const written = network.outputs.filter(({ name }) => name !== 'eps');
	const outputs = { eps: expected.shape, ...Object.fromEntries(shapes(written)) };
	return runNetwork(network, { ...known, ...Object.fromEntries(neutral) }, outputs).eps!.data;
}

function contextOf(rows: readonly number[]): Tensor {
	const { shape, data } = golden.tensor('shared/encoder_hidden_states');
	const size = data.length / shape[0]!;
	const picked = rows.flatMap((row) => [...(data as Float32Array).subarray(row * size, (row + 1) * size)]);
	return float32([rows.length, ...shape.slice(1)], picked);
}

describe('a row that uses none of its features is that of a plain UNet', () => {
	test.each(['standard', 'onnxruntime'] as const)('with %s operators', (operators) => {
		// 20 times the distance of upstream's float32 from float64.
		expect(maxAbsError(run({ operators }), expected.data as Float32Array)).toBeLessThanOrEqual(one.accuracy!.atol);
	});

	test('in float16', () => {
		// The error of upstream's own float16 run of this network; values are of order 1.
		expect(rmsError(run({ precision: 'fp16' }), expected.data as Float32Array)).toBeLessThanOrEqual(1e-3);
	});
});
