// LoRAs added to weights: against diffusers, and against sums made here.
import { describe, expect, test } from 'vitest';
import { Graph } from '../../models/graph/graph.ts';
import { openLora } from '../../models/lora/lora.ts';
import { LoraWeights } from '../../models/lora/lora-weights.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { type DataType, dataTypeBytes, type WeightReference } from '../../models/weights/reference.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { safetensorsBytes, temporaryFolder } from '../checkpoint-samples.ts';
import { type GoldenCase, goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { inside, onnxRuntimeLibrary } from '../inside.ts';
import { float32, goldenConfig, goldenWeights, rmsError, runNetwork, type Tensor } from '../networks.ts';

const golden = readGolden('adapters/lcm_lora');
const config = readUNetConfig(goldenConfig('tiny-sd/arc2face'));
const unetWeights = () => goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
const lcm = await openLora(`${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`);

const folder = temporaryFolder();
let written = 0;

type Stored = { shape: readonly number[]; values: readonly number[]; type?: DataType };

/** Numbers that all types hold exactly, and whose products' sums float32 does. */
function wave(shape: readonly number[], phase: number): Stored {
	const count = shape.reduce((product, size) => product * size, 1);
	return { shape, values: Array.from({ length: count }, (_, i) => ((i * 7 + phase * 5) % 17) / 8 - 1) };
}

/** A float's bytes. Written independently of what reads them. */
function bytesOf(value: number, type: DataType): Buffer {
	const bytes = Buffer.alloc(8);
	if (type === 'float64') bytes.writeDoubleLE(value);
	else bytes.writeFloatLE(value);
	if (type === 'bfloat16') return bytes.subarray(2, 4);
	if (type !== 'float16') return bytes.subarray(0, dataTypeBytes[type]);
	// Exact for the multiples of 1/8 used here.
	const exponent = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) + 15;
	const fraction = value === 0 ? 0 : (Math.abs(value) / 2 ** (exponent - 15) - 1) * 1024;
	bytes.writeUInt16LE((value < 0 ? 0x8000 : 0) | (exponent << 10) | fraction);
	return bytes.subarray(0, 2);
}

const names = { float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as Record<DataType, string>;

/** Writes a .safetensors file; with `shift`, its tensors begin at an odd address. */
function write(tensors: Record<string, Stored>, shift = ''): string {
	const header: Record<string, object> = {};
	const parts: Buffer[] = [];
	let end = 0;
	for (const [name, { shape, values, type = 'float32' }] of Object.entries(tensors)) {
		const bytes = Buffer.concat(values.map((value) => bytesOf(value, type)));
		header[name] = { dtype: names[type], shape, data_offsets: [end, end + bytes.length] };
		parts.push(bytes);
		end += bytes.length;
	}
	const json = JSON.stringify(header);
	const aligned = json.padEnd(Math.ceil(json.length / 8) * 8) + shift;
	return folder.write(`${written++}.safetensors`, safetensorsBytes(aligned, Buffer.concat(parts)));
}

/**
 * The weight as a runtime gets it.
 *
 * @param shorten - a file to empty once it is loaded
 */
function fused(weight: WeightReference, as: 'float16' | 'float32' = 'float32', shorten?: string): Float32Array {
	const graph = new Graph('weight');
	const value = graph.weight('weight', { ...weight, ...(as !== weight.type && { as }) });
	graph.output('sum', value, as, weight.shape);
	const { graph: bytes, weights } = graph.finish();
	const run = { library: onnxRuntimeLibrary, threads: 1, graph: bytes, weights, inputs: {}, outputs: {} };
	return inside.runNetwork({ ...run, ...(shorten !== undefined && { shorten }) }).sum!.data;
}

/** base + Σ factor · up · down, in float64. */
function sumOf(base: Stored, ...deltas: { factor: number; up: Stored; down: Stored }[]): number[] {
	const rows = base.shape[0]!;
	const columns = base.values.length / rows;
	return base.values.map((value, i) => {
		const [row, column] = [Math.floor(i / columns), i % columns];
		return deltas.reduce((sum, { factor, up, down }) => {
			const rank = down.shape[0]!;
			let product = 0;
			for (let r = 0; r < rank; r++) product += up.values[row * rank + r]! * down.values[r * columns + column]!;
			return sum + factor * product;
		}, value);
	});
}

function inputsOf({ timestep }: GoldenCase): Record<string, Tensor> {
	return {
		sample: golden.tensor('shared/sample'),
		timestep: float32([1], [timestep]),
		encoder_hidden_states: golden.tensor('shared/encoder_hidden_states'),
	};
}

describe('the UNet with the LoRA of latent consistency', () => {
	describe.each(['standard', 'onnxruntime'] as const)('with %s operators', (operators) => {
		test.each(golden.cases(2))('predicts what diffusers does: $name', async (one) => {
			const weights = new LoraWeights(await unetWeights(), [{ lora: lcm, scale: one.scale }]);
			const network = unet(config, weights, { operators });
			weights.assertAllUsed();
			const expected = golden.tensor(one.tensors.output!);
			const { eps } = runNetwork(network, inputsOf(one), { eps: expected.shape });
			// 20 times the distance of upstream's float32 from float64.
			expect(maxAbsError(eps!.data, expected.data as Float32Array)).toBeLessThanOrEqual(one.accuracy!.atol);
		});
	});

	test('keeps its accuracy in float16', async () => {
		const one = golden.case('scale_1.0');
		const network = unet(config, new LoraWeights(await unetWeights(), [{ lora: lcm, scale: 1 }]), {
			precision: 'fp16',
		});
		const expected = golden.tensor(one.tensors.output!);
		const { eps } = runNetwork(network, inputsOf(one), { eps: expected.shape });
		// The error of upstream's own float16 run of this network; values are of order 1.
		expect(rmsError(eps!.data, expected.data as Float32Array)).toBeLessThanOrEqual(1e-3);
	});

	const recorded = Object.entries(golden.case('scale_1.0').tensors).filter(([field]) => field.startsWith('fused:'));
	test('has four recorded weights', () => expect(recorded).toHaveLength(4));
	test.each(recorded)('has the weights of diffusers: %s', async (field, key) => {
		const { shape, data } = golden.tensor(key);
		const weights = new LoraWeights(await unetWeights(), [{ lora: lcm, scale: 1 }]);
		const sum = fused(weights.get(`${field.slice('fused:'.length)}.weight`, shape));
		// Sums of three terms of magnitude 1, in float32.
		expect(maxAbsError(sum, data as Float32Array)).toBeLessThanOrEqual(1e-6);
	});
});

test('the LoRA of the reference adapter is the same in both of its spellings', async () => {
	const files = ['pytorch_lora_weights', 'pytorch_lora_weights.lora_A_B'];
	const [diffusers, peft] = await Promise.all(
		files.map(async (name) => await openLora(`${goldenFolder}adapters/ref_adapter/${name}.safetensors`)),
	);
	expect(diffusers!.pairs.size).toBe(64);
	expect([...peft!.pairs.keys()].sort()).toEqual([...diffusers!.pairs.keys()].sort());
	const name = 'up_blocks.1.attentions.2.transformer_blocks.0.attn1.to_out.0.weight';
	const base = await unetWeights();
	const [one, other] = [diffusers!, peft!].map((lora) =>
		fused(new LoraWeights(base, [{ lora, scale: 0.8 }]).get(name, [32, 32])),
	);
	expect(maxAbsError(one!, other!)).toBe(0);
	expect(maxAbsError(one!, fused(base.get(name, [32, 32])))).toBeGreaterThan(0.01);
});

describe('the sum of a weight and a LoRA', () => {
	/** @returns the weight with the LoRAs, and what it has to be */
	async function summed(
		shape: readonly number[],
		adapters: readonly { rank: number; scale: number; alpha?: number; type?: DataType; linear?: boolean }[],
		{ type = 'float32', shift = '' }: { type?: DataType; shift?: string } = {},
	) {
		const base = { ...wave(shape, 1), type };
		const weights = new CheckpointWeights(await openCheckpoint(write({ 'conv.weight': base }, shift)));
		const deltas = [];
		const loras = [];
		for (const [i, { rank, scale, alpha, type = 'float32', linear = false }] of adapters.entries()) {
			const [rows, ...others] = shape;
			const kernels = linear || others.length === 1 ? [] : [1, 1];
			const down = { ...wave(linear ? [rank, others[0]!] : [rank, ...others], 2 + i), type };
			const up = { ...wave([rows!, rank, ...kernels], 5 + i), type };
			const file = write(
				{
					'lora_unet_conv.lora_down.weight': down,
					'lora_unet_conv.lora_up.weight': up,
					...(alpha !== undefined && { 'lora_unet_conv.alpha': { shape: [], values: [alpha], type } }),
				},
				shift,
			);
			loras.push({ lora: await openLora(file), scale });
			deltas.push({ factor: (scale * (alpha ?? rank)) / rank, up, down });
		}
		return { weight: new LoraWeights(weights, loras).get('conv.weight', shape), expected: sumOf(base, ...deltas) };
	}

	// Around the sizes of tiles, of 4 rows and 8 columns.
	const shapes = [
		[1, 1],
		[3, 7],
		[4, 8],
		[5, 9],
		[8, 16],
		[13, 33],
		[5, 3, 3, 3],
		[4, 2, 5, 5],
	];
	test.each(shapes.flatMap((shape) => [1, 2, 5].map((rank) => [shape, rank] as const)))(
		'of shape %j and rank %i is exact where float32 is',
		async (shape, rank) => {
			const { weight, expected } = await summed(shape, [{ rank, scale: 0.5 }]);
			expect(maxAbsError(fused(weight), expected)).toBe(0);
		},
	);

	test('has several LoRAs, each with its scale and alpha', async () => {
		const adapters = [
			{ rank: 2, scale: 0.5, alpha: 3 },
			{ rank: 4, scale: -1.5, alpha: 1 },
			{ rank: 1, scale: 1 },
		];
		const { weight, expected } = await summed([6, 10], adapters);
		expect(weight.deltas!.map(({ factor }) => factor)).toEqual([0.75, -0.375, 1]);
		expect(maxAbsError(fused(weight), expected)).toBe(0);
	});

	test('has nothing of a LoRA of scale 0', async () => {
		const { weight } = await summed([6, 10], [{ rank: 2, scale: 0 }]);
		expect(weight.deltas).toBeUndefined();
	});

	const types = ['float64', 'float32', 'float16', 'bfloat16'] as const;
	test.each(types.flatMap((base) => types.map((lora) => [base, lora] as const)))(
		'of a weight in %s and a LoRA in %s, at any address',
		async (base, lora) => {
			for (const shift of ['', ' ']) {
				const { weight, expected } = await summed([5, 9], [{ rank: 2, scale: 1, alpha: 0.5, type: lora }], {
					type: base,
					shift,
				});
				expect(weight.type).toBe(base);
				expect(maxAbsError(fused(weight), expected)).toBe(0);
				// float16 has 11 bits; values are below 8.
				expect(maxAbsError(fused(weight, 'float16'), expected)).toBeLessThanOrEqual(2 ** -9);
			}
		},
	);

	test('does not need the file of the LoRA any more, but that of the weight', async () => {
		const { weight, expected } = await summed([6, 10], [{ rank: 2, scale: 1 }]);
		expect(() => fused(weight, 'float32', weight.file)).toThrow(
			expect.objectContaining({ code: 'INVALID_WEIGHTS', message: expect.stringContaining(weight.file) }),
		);
		const { weight: other } = await summed([6, 10], [{ rank: 2, scale: 1 }]);
		expect(maxAbsError(fused(other, 'float32', other.deltas![0]!.up.file), expected)).toBe(0);
	});

	test('of a convolution of kernel 1 may be written as of a linear layer', async () => {
		const { weight, expected } = await summed([6, 10, 1, 1], [{ rank: 2, scale: 1, linear: true }]);
		expect(maxAbsError(fused(weight), expected)).toBe(0);
	});
});
