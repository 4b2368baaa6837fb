// The reference adapter, against upstream's.
import { describe, expect, test } from 'vitest';
import { readReferenceAdapter } from '../../models/reference-adapter.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { WeightReference } from '../../models/weights/reference.ts';
import { type GoldenCase, goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import { float32, goldenConfig, goldenWeights, runNetwork, type Tensor } from '../networks.ts';

const golden = readGolden('adapters/ref_adapter'); // how it was recorded: test/golden/README.md
const weights = await goldenWeights('tiny-sd/arc2face', 'diffusion_pytorch_model.safetensors');
const config = readUNetConfig(goldenConfig('tiny-sd/arc2face'));
const folder = `${goldenFolder}adapters/ref_adapter/`;
const readFile = async (name: string) => readReferenceAdapter(await openCheckpoint(folder + name));
const spellings = ['pytorch_lora_weights.safetensors', 'pytorch_lora_weights.lora_A_B.safetensors'] as const;
const reference = await readFile(spellings[0]);
const inputsCase = golden.case('ref_lora_0.8');
const rows = 2;

/** Of the transformer blocks in their order: the level that each is at, and the channels there. */
const levels = [0, 0, 1, 1, 2, 2, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0];
const channels = [16, 16, 32, 32];

/** Shapes of all blocks' tokens, or of as many empty banks. */
function tokens(name: string, count: number, length: 'whole' | 'none'): Record<string, number[]> {
	const [, , height, width] = golden.tensor(inputsCase.tensors.sample!).shape as [number, number, number, number];
	const half = (size: number, level: number) => Math.ceil(size / 2 ** level);
	return Object.fromEntries(
		levels.map((level, i) => [
			`${name}_${i}`,
			[count, length === 'none' ? 0 : half(height, level) * half(width, level), channels[level]!],
		]),
	);
}

const perRow = (values: readonly number[]) => float32([values.length], values);

/** One after another along the batch. */
function joined(...parts: Tensor[]): Tensor {
	const [, ...rest] = parts[0]!.shape;
	const count = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
	return float32(
		[count, ...rest],
		parts.flatMap(({ data }) => [...(data as Float32Array)]),
	);
}

const stored = (field: string) => golden.tensor(inputsCase.tensors[field]!);
/** Told of nobody, and of the person. */
const conditioning = joined(stored('negative'), stored('id_embeds'));

describe.each(['standard', 'onnxruntime'] as const)('with %s operators', (operators) => {
	const network = unet(config, weights, { operators, reference });

	/** The evaluation of the reference, with the person in both rows and without a bank. */
	function write(): Record<string, Tensor> {
		const latents = stored('ref_latents');
		expect(latents.shape[0]).toBe(rows);
		const empty = Object.entries(tokens('bank', rows, 'none')).map(([name, shape]) => [name, float32(shape, [])]);
		const shapes = tokens('written', rows, 'whole');
		const written = runNetwork(
			network,
			{
				sample: latents,
				timestep: perRow([0, 0]),
				encoder_hidden_states: joined(stored('id_embeds'), stored('id_embeds')),
				// There is nothing to read, so that this has no effect.
				reference_reads: perRow([0, 1]),
				reference_scale: perRow([0, 0]),
				...Object.fromEntries(empty),
			},
			{ eps: latents.shape, ...shapes },
		);
		return Object.fromEntries(Object.keys(shapes).map((name) => [name.replace('written', 'bank'), written[name]!]));
	}

	/** All cases in one batch: of each, a row that never reads, and one that does unless there is no reference. */
	function read(cases: readonly GoldenCase[], bank: Record<string, Tensor>): Float32Array[] {
		const { shape } = stored('sample');
		const all = rows * cases.length;
		const perCase = <T>(value: (one: GoldenCase) => readonly T[]) => cases.flatMap(value);
		const reads = perCase(({ reference }) => [0, reference ? 1 : 0]);
		const given = Object.entries(bank).map(([name, { shape, data }]) => {
			// Of rows that don't read it may be anything.
			const row = (data as Float32Array).slice(data.length / 2);
			return [
				name,
				float32(
					[all, ...shape.slice(1)],
					reads.flatMap((read) => [...(read ? row : row.map(() => Number.NaN))]),
				),
			];
		});
		const { eps } = runNetwork(
			network,
			{
				sample: joined(...perCase(() => [stored('sample')])),
				timestep: perRow(perCase(({ timestep }) => [timestep, timestep])),
				encoder_hidden_states: joined(...perCase(() => [conditioning])),
				reference_reads: perRow(reads),
				reference_scale: perRow(perCase(({ lora_scale }) => [lora_scale, lora_scale])),
				...Object.fromEntries(given),
			},
			{ eps: [all, ...shape.slice(1)], ...tokens('written', all, 'whole') },
		);
		const size = eps!.data.length / cases.length;
		return cases.map((_, i) => eps!.data.slice(i * size, (i + 1) * size));
	}

	const bank = write();
	const cases = golden.cases(4);
	const results = read(cases, bank);

	test.each([0, 6, 15])('writes what self-attention sees of the reference: block %i', (block) => {
		const expected = stored(`bank_${block}`);
		const got = bank[`bank_${block}`]!;
		expect(got.shape).toEqual(expected.shape);
		const { atol } = inputsCase.accuracy!;
		expect(maxAbsError(got.data as Float32Array, expected.data as Float32Array)).toBeLessThanOrEqual(atol);
	});

	test.each(cases.map((one, i) => ({ ...one, got: results[i]! })))(
		'reads it as upstream does, and rows without it are plain: $name',
		({ tensors, accuracy, got }) =>
			// 20 times the distance of upstream's float32 from float64.
			expect(maxAbsError(got, golden.floats(tensors.output!))).toBeLessThanOrEqual(accuracy!.atol),
	);
});

test.each(spellings)('additions are found in either spelling, and all are used: %s', async (name) => {
	const found = await readFile(name);
	const { weights: used } = unet(config, weights, { reference: found });
	expect(used.filter(({ name }) => name.endsWith('lora_down')).length).toBe(64); // 4 layers in each of 16 self-attentions
	found.assertAllUsed();
});

describe('a file that does not fit is refused by name', () => {
	const first = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.lora.down.weight';

	async function changed(change: (tensors: Map<string, WeightReference>) => void): Promise<() => void> {
		const checkpoint = await openCheckpoint(folder + spellings[0]);
		const tensors = new Map(checkpoint.tensors);
		change(tensors);
		return () => {
			const layers = readReferenceAdapter({ ...checkpoint, tensors });
			unet(config, weights, { reference: layers });
			layers.assertAllUsed();
		};
	}

	test.each<[string, (tensors: Map<string, WeightReference>) => void, RegExp]>([
		[
			'half an addition',
			(tensors) => tensors.delete(first),
			/other half, down, for tensor unet\.down_blocks\.0\..*to_k\.lora\.up\.weight/,
		],
		[
			'of another width',
			(tensors) => tensors.set(first, { ...tensors.get(first)!, shape: [2, 24] }),
			/\[2, 16\] for tensor .*to_k\.lora\.down\.weight .* shape \[2, 24\]/,
		],
		[
			'of a layer that there is not',
			(tensors) =>
				tensors
					.set(first.replace('blocks.0', 'blocks.9'), tensors.get(first)!)
					.set(first.replace('blocks.0', 'blocks.9').replace('down.w', 'up.w'), tensors.get(first)!),
			/tensor unet\.down_blocks\.9\./,
		],
		[
			'another kind of tensor',
			(tensors) => tensors.set('unet.conv_in.weight', tensors.get(first)!),
			/LoRA for tensor unet\.conv_in\.weight/,
		],
		['nothing at all', (tensors) => tensors.clear(), /without tensors/],
	])('%s', async (_, change, message) => {
		expect(await changed(change)).toThrow(message);
	});
});
