// The text encoder, against transformers and Arc2Face.
import { describe, expect, test } from 'vitest';
import { readTextEncoderConfig, type TextEncoderOptions, textEncoder } from '../../models/text-encoder.ts';
import { exactly, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, int64, rmsError, runNetwork } from '../networks.ts';

describe.each([
	{ name: 'nets/encoder', count: 3, residuals: 1, model: 'tiny-sd/encoder', file: 'pytorch_model.bin' },
	{ name: 'nets/encoder', count: 3, residuals: 1, model: 'tiny-sd/encoder', file: 'model.safetensors' },
	{ name: 'nets/text_stack', count: 2, residuals: 3, model: 'text-stack', file: 'pytorch_model.bin' },
])('text encoder of $model/$file', async ({ name, count, residuals, model, file }) => {
	const golden = readGolden(name);
	const config = readTextEncoderConfig(goldenConfig(model));
	const weights = await goldenWeights(model, file);
	const encoder = (options: TextEncoderOptions) => textEncoder(config, weights, options);

	test.each(golden.cases(count, 'text'))('encodes as transformers does: $name', (one) => {
		const expected = golden.tensor(one.tensors.output!);
		// Recorded for the prompt alone.
		const layers = exactly(
			one.name === 'prompt' ? residuals : 0,
			Object.keys(one.tensors).filter((field) => field.startsWith('layer_')),
			'recorded layers',
		);
		const tap = (layer: string) => `text_model.encoder.layers.${layer.slice('layer_'.length)}`;
		const [batch, length, size] = expected.shape as [number, number, number];
		const got = runNetwork(
			encoder({ taps: layers.map(tap) }),
			{ input_ids: golden.tensor(one.tensors.input_ids!) },
			{
				hidden_states: expected.shape,
				...Object.fromEntries(layers.map((layer) => [tap(layer), [batch * length, size]])),
			},
		);
		// 20 times the distance of upstream's float32 from float64, also for the residual stream, which is as large.
		for (const layer of layers) {
			const residual = golden.floats(one.tensors[layer]!);
			expect(maxAbsError(got[tap(layer)]!.data, residual), layer).toBeLessThanOrEqual(one.accuracy!.atol);
		}
		expect(maxAbsError(got.hidden_states!.data, expected.data as Float32Array)).toBeLessThanOrEqual(one.accuracy!.atol);
	});
});

describe('text encoder with an identity', async () => {
	const golden = readGolden('nets/encoder');
	const config = readTextEncoderConfig(goldenConfig('tiny-sd/encoder'));
	const weights = await goldenWeights('tiny-sd/encoder', 'pytorch_model.bin');
	const ids = golden.tensor('prompt/input_ids').data as BigInt64Array;
	const withIdentity = (precision: 'fp32' | 'fp16') => textEncoder(config, weights, { precision, input: 'identity' });
	const inputs = (batch: number, identity: Float32Array, positions: number[]) => ({
		input_ids: int64([batch, 77], Array.from({ length: batch }, () => [...ids].map(Number)).flat()),
		identity: float32([batch, 512], identity),
		identity_position: int64([batch], positions),
	});

	const cases = golden.cases(2, 'id');
	test.each(cases)('puts it in the place of its token: $name', ({ batch, tensors, accuracy }) => {
		const expected = golden.tensor(tensors.output!);
		const identity = golden.floats(tensors.face_embs!) as Float32Array;
		const got = runNetwork(withIdentity('fp32'), inputs(batch, identity, new Array(batch).fill(4)), {
			hidden_states: expected.shape,
		});
		expect(maxAbsError(got.hidden_states!.data, expected.data as Float32Array)).toBeLessThanOrEqual(accuracy!.atol);
	});

	test('reads the plain prompt at position −1, beside rows with an identity', () => {
		const identity = golden.floats('id_three/face_embs') as Float32Array;
		const shape = [3, 77, 520];
		const { hidden_states } = runNetwork(withIdentity('fp32'), inputs(3, identity, [4, -1, 4]), {
			hidden_states: shape,
		});
		const row = 77 * 520;
		const expected = golden.floats('id_three/output').slice();
		expected.set(golden.floats('prompt/output'), row);
		// The larger of the two cases' tolerances.
		expect(maxAbsError(hidden_states!.data, expected)).toBeLessThanOrEqual(8e-5);
	});

	test('keeps its accuracy in float16', () => {
		const expected = golden.tensor('id_one/output');
		const identity = golden.floats('id_one/face_embs') as Float32Array;
		const got = runNetwork(withIdentity('fp16'), inputs(1, identity, [4]), { hidden_states: expected.shape });
		// As for the UNet, which is deeper: a few units of float16's precision, 2^-11, on values of order 1.
		expect(rmsError(got.hidden_states!.data, expected.data as Float32Array)).toBeLessThanOrEqual(1e-3);
	});

	test('reads token embeddings in the place of ids', () => {
		const [tap, expected] = ['text_model.embeddings.token_embedding', golden.tensor('prompt/output')];
		const lookedUp = runNetwork(
			textEncoder(config, weights, { taps: [tap] }),
			{ input_ids: golden.tensor('prompt/input_ids') },
			{ hidden_states: expected.shape, [tap]: expected.shape },
		);
		const network = textEncoder(config, weights, { input: 'embeddings' });
		const { hidden_states } = runNetwork(network, { embeddings: lookedUp[tap]! }, { hidden_states: expected.shape });
		expect(maxAbsError(hidden_states!.data, expected.data as Float32Array)).toBeLessThanOrEqual(8e-5);
	});

	test('reads a shorter prompt: a token does not see those after it', () => {
		const got = runNetwork(
			textEncoder(config, weights),
			{ input_ids: int64([1, 5], [...ids.subarray(0, 5)].map(Number)) },
			{ hidden_states: [1, 5, 520] },
		);
		const expected = golden.floats('prompt/output').subarray(0, 5 * 520);
		expect(maxAbsError(got.hidden_states!.data, expected)).toBeLessThanOrEqual(8e-5);
	});
});
