// Bundles with a ControlNet, an expression adapter and a reference adapter: what is opened for which feature, and what is refused.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { networkProfiles } from '../../lib/engines/profiles.ts';
import { type Feature, featureNames } from '../../lib/options/features.ts';
import { linkBundleWithAdapters } from '../adapter-bundle.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';
import { tensorsOf, writeWeights } from '../layouts.ts';

const folder = temporaryFolder();
let copies = 0;

/** A bundle with its own copies of the folders named. */
const bundleWith = (...own: string[]) => linkBundleWithAdapters(folder.path(`bundle-${copies++}`), ...own);

const open = (at: (path: string) => string, ...features: Feature[]) =>
	openBundle(at(''), { operators: 'standard', precision: 'fp16', features });
const referenceFile = 'ref_adapter/pytorch_lora_weights.safetensors';

describe('a bundle is opened with what features need', () => {
	const at = bundleWith();

	test('none: without any of it', async () => {
		const { networks, declarations, levels, expressions, framing } = await open(at);
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder']);
		expect(declarations.unet!.inputs.map(({ name }) => name)).toEqual(['sample', 'timestep', 'encoder_hidden_states']);
		expect(levels).toEqual({});
		expect([...expressions.keys()]).toEqual([]);
		expect(framing).toBe('ffhq');
	});

	test('control: with a ControlNet, and a UNet that takes its residuals', async () => {
		const { networks, declarations, levels, files } = await open(at, 'control');
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder', 'controlNet']);
		const outputs = declarations.controlNet!.outputs.map(({ name }) => name);
		expect(declarations.unet!.inputs.map(({ name }) => name).slice(3)).toEqual(outputs);
		expect(outputs).toHaveLength(13);
		expect(levels).toMatchObject({ down_0: 0, down_2: 0, down_3: 1, down_11: 3, mid: 3 });
		expect(files).toContain(at('controlnet/diffusion_pytorch_model.safetensors'));
	});

	test('expression: with the weights of its adapter in the UNet', async () => {
		const { networks, declarations, files } = await open(at, 'expression');
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder']);
		expect(declarations.unet!.inputs.map(({ name }) => name).slice(3)).toEqual(['expression', 'expression_scale']);
		const adapter = files.indexOf(at('exp_adapter/exp_adapter.bin'));
		if (!('graph' in networks.unet)) throw new Error('a graph of its own');
		// Two layers at each of 16 cross-attentions, and of the projection a layer and a norm with their biases.
		expect(networks.unet.weights.filter(({ file }) => file === adapter)).toHaveLength(32 + 4);
	});

	test('reference: with banks, additions to layers, and the VAE encoder', async () => {
		const { networks, declarations, levels, files } = await open(at, 'reference');
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder', 'vaeEncoder']);
		const names = [...declarations.unet!.inputs, ...declarations.unet!.outputs].map(({ name }) => name);
		expect(names.filter((name) => name.startsWith('bank_'))).toHaveLength(16);
		expect(names.filter((name) => name.startsWith('written_'))).toHaveLength(16);
		expect(levels).toMatchObject({ bank_0: 0, written_0: 0, bank_6: 3, bank_15: 0 });
		const adapter = files.indexOf(at(referenceFile));
		if (!('graph' in networks.unet)) throw new Error('a graph of its own');
		expect(networks.unet.weights.filter(({ file }) => file === adapter)).toHaveLength(2 * 4 * 16);
	});

	test('all of them, and engines get shapes for each input', async () => {
		const bundle = await open(at, ...featureNames);
		const shapes = { batchSizes: [2, 3], imageSizes: [{ width: 160, height: 96 }], detectionSize: 640 };
		const [two, three] = networkProfiles.unet(bundle, shapes).profiles;
		expect(Object.keys(two!)).toHaveLength(3 + 13 + 2 + 2 + 16);
		expect(two).toMatchObject({
			sample: [2, 4, 12, 20],
			encoder_hidden_states: [2, 77, 520],
			down_0: [2, 16, 12, 20],
			down_11: [2, 32, 2, 3],
			mid: [2, 32, 2, 3],
			expression: [2, 55],
			reference_reads: [2],
			bank_0: [2, 240, 16],
			bank_6: [2, 6, 32],
		});
		expect(three!.bank_2).toEqual([3, 60, 16]);
		const [control] = networkProfiles.controlNet(bundle, shapes).profiles;
		expect(control).toEqual({
			sample: [2, 4, 12, 20],
			timestep: [2],
			encoder_hidden_states: [2, 77, 520],
			controlnet_cond: [2, 3, 96, 160],
			conditioning_scale: [2],
		});
	});
});

describe('what is not there is refused for its feature, and for nothing else', () => {
	test.each<[Feature, string, string]>([
		['control', 'controlnet', 'ControlNet'],
		['expression', 'exp_adapter', 'expression adapter'],
		['reference', 'ref_adapter', 'reference adapter'],
	])('%s', async (feature, part, label) => {
		const at = bundleWith();
		rmSync(at(part));
		await open(at, ...featureNames.filter((name) => name !== feature));
		await expect(open(at, feature)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			details: { file: at(part) },
			remedy: expect.stringMatching(new RegExp(`${label}.* or load the model without \`${feature}\``)),
		});
	});
});

describe('adapters that do not fit are refused by tensor', () => {
	/** Rewrites a file of weights. */
	async function rewritten(
		from: string,
		path: string,
		change: (tensors: Awaited<ReturnType<typeof tensorsOf>>) => object[],
	) {
		const tensors = await tensorsOf(from);
		await writeWeights(path, change(tensors) as typeof tensors);
	}

	test.each([
		[
			'a layer of another width',
			(shape: readonly number[]) => [...shape, 1].slice(0, 2).map((size) => size * 2),
			/shape \[\d+, 16\] for tensor .*lora\.down\.weight/,
		],
		['half of a layer', undefined, /other half/],
	])('%s', async (_, widen, message) => {
		const at = bundleWith('ref_adapter');
		const first = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.lora.down.weight';
		await rewritten(join(goldenFolder, 'adapters', referenceFile), at(referenceFile), (tensors) =>
			widen === undefined
				? tensors.filter(({ name }) => name !== first)
				: tensors.map((one) =>
						one.name === first
							? {
									...one,
									shape: widen(one.shape),
									chunks: () => [new Uint8Array(4 * widen(one.shape).reduce((a, b) => a * b))],
								}
							: one,
					),
		);
		rmSync(at('ref_adapter/pytorch_lora_weights.lora_A_B.safetensors'), { force: true });
		await expect(open(at, 'reference')).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			message: expect.stringMatching(message),
			details: { file: at(referenceFile), network: 'unet' },
			remedy: 'The adapter was made for another UNet: take one for this model.',
		});
	});

	test('an expression adapter of a UNet with other cross-attentions', async () => {
		const at = bundleWith('arc2face');
		const config = JSON.parse(await readFile(at('arc2face/config.json'), 'utf8'));
		// The weights are no longer those of the config either, but the adapter is read first.
		await writeFile(
			at('arc2face/config.json'),
			JSON.stringify({ ...config, transformer_layers_per_block: [1, 1, 1, 2] }),
		);
		await expect(open(at, 'expression')).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			details: { network: 'unet' },
		});
	});

	test('a file that is no adapter', async () => {
		const at = bundleWith('exp_adapter', 'ref_adapter');
		cpSync(join(goldenFolder, 'tiny-sd/vae/diffusion_pytorch_model.safetensors'), at(referenceFile));
		await expect(open(at, 'reference')).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			message: expect.stringMatching(/layers of a LoRA for tensor /),
		});
		cpSync(join(goldenFolder, 'tiny-sd/encoder/pytorch_model.bin'), at('exp_adapter/exp_adapter.bin'));
		await expect(open(at, 'expression')).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			message: expect.stringMatching(/projection of expressions for image_proj of .* a file without one/),
		});
		writeFileSync(
			at('exp_adapter/exp_adapter.bin'),
			'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
		);
		await expect(open(at, 'expression')).rejects.toMatchObject({ code: 'INVALID_WEIGHTS' });
	});
});

describe("a ControlNet's config has to fit the UNet's", () => {
	test.each([
		['in_channels', 9],
		['block_out_channels', [16, 16, 32, 64]],
		['layers_per_block', 1],
		['cross_attention_dim', 768],
		['conditioning_channels', 1],
		['conditioning_embedding_out_channels', [16, 32, 96]],
	])('%s %j', async (field, value) => {
		const at = bundleWith('controlnet');
		const config = JSON.parse(await readFile(at('controlnet/config.json'), 'utf8'));
		await writeFile(at('controlnet/config.json'), JSON.stringify({ ...config, [field]: value }));
		await expect(open(at, 'control')).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			details: { file: at('controlnet/config.json'), field },
		});
	});
});

describe('expressions.json', () => {
	const numbers = Array.from({ length: 55 }, (_, i) => i / 55);

	test('names expressions', async () => {
		const at = bundleWith();
		writeFileSync(at('expressions.json'), JSON.stringify({ smile: numbers, neutral: new Array(55).fill(0) }));
		const { expressions } = await open(at, 'expression');
		expect([...expressions.keys()]).toEqual(['smile', 'neutral']);
		expect(expressions.get('smile')).toEqual(numbers);
	});

	test.each([
		['too few numbers', { smile: numbers.slice(1) }],
		['something else', { smile: numbers, frown: 'sad' }],
		['a number that is none', { smile: [...numbers.slice(1), null] }],
	])('with %s is refused by name', async (_, content) => {
		const at = bundleWith();
		writeFileSync(at('expressions.json'), JSON.stringify(content));
		await expect(open(at, 'expression')).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			details: { file: at('expressions.json'), field: Object.keys(content).at(-1) },
		});
		await open(at, 'control', 'reference');
	});
});

describe('framing.json', () => {
	test('says how heads are framed', async () => {
		const at = bundleWith('controlnet');
		writeFileSync(at('controlnet/framing.json'), JSON.stringify({ cameraDistance: 11, headHeight: 0.76 }));
		expect((await open(at, 'control')).framing).toEqual({ cameraDistance: 11, headHeight: 0.76 });
	});

	test.each([
		['cameraDistance', { cameraDistance: 1, headHeight: 0.7 }],
		['headHeight', { cameraDistance: 11, headHeight: 0 }],
		['headHeight', { cameraDistance: 11 }],
	])('is refused for a %s of %j', async (field, content) => {
		const at = bundleWith('controlnet');
		writeFileSync(at('controlnet/framing.json'), JSON.stringify(content));
		const details = { file: at('controlnet/framing.json'), field };
		await expect(open(at, 'control')).rejects.toMatchObject({ code: 'INVALID_BUNDLE', details });
	});
});
