// `doctor` examines a bundle's ControlNet and adapters, and the files that name and frame what they show.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleProblems, findBundles } from '../../lib/doctor/bundles.ts';
import { linkBundleWithAdapters } from '../adapter-bundle.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

const folder = temporaryFolder();
let copies = 0;
const bundleWith = (...own: string[]) => linkBundleWithAdapters(folder.path(`bundle-${copies++}`), ...own);
const examine = async (at: (path: string) => string) => (await findBundles(at(''))).bundles[0]!;
const numbers = new Array(55).fill(0);

test('a whole bundle has a row for each of them', async () => {
	const at = bundleWith('controlnet');
	writeFileSync(at('expressions.json'), JSON.stringify({ smile: numbers }));
	writeFileSync(at('controlnet/framing.json'), JSON.stringify({ cameraDistance: 11, headHeight: 0.76 }));
	const state = await examine(at);
	expect(bundleProblems(state)).toEqual([]);
	expect(state.extras).toEqual(['control', 'expression', 'reference']);
	const rows = state.files.map(({ path, use, format, tensors }) => [path, use, format, tensors]);
	const ofAdapters = rows.filter(([path]) => /^(controlnet|exp|ref)/.test(path as string));
	expect(ofAdapters).toEqual([
		['controlnet/config.json', 'ControlNet', 'JSON', undefined],
		['controlnet/diffusion_pytorch_model.safetensors', 'ControlNet', 'safetensors', expect.any(Number)],
		['controlnet/framing.json', 'framing of poses', 'JSON', undefined],
		['exp_adapter/exp_adapter.bin', 'expression adapter', 'PyTorch', 36],
		['expressions.json', 'names of expressions', 'JSON', undefined],
		['ref_adapter/pytorch_lora_weights.lora_A_B.safetensors', undefined, 'safetensors', 128],
		['ref_adapter/pytorch_lora_weights.safetensors', 'reference adapter', 'safetensors', 128],
	]);
});

test.each<[string, string, string, (at: (path: string) => string) => unknown, RegExp]>([
	[
		'a ControlNet of another UNet',
		'controlnet/config.json',
		'control',
		async (at) => {
			const config = JSON.parse(await readFile(at('controlnet/config.json'), 'utf8'));
			await writeFile(at('controlnet/config.json'), JSON.stringify({ ...config, cross_attention_dim: 768 }));
		},
		/cross_attention_dim/,
	],
	[
		'an expression adapter that is another file',
		'exp_adapter/exp_adapter.bin',
		'expression',
		(at) => cpSync(join(goldenFolder, 'tiny-sd/encoder/pytorch_model.bin'), at('exp_adapter/exp_adapter.bin')),
		/projection of expressions/,
	],
	[
		'a reference adapter that is another file',
		'ref_adapter/pytorch_lora_weights.safetensors',
		'reference',
		(at) =>
			cpSync(
				join(goldenFolder, 'tiny-sd/vae/diffusion_pytorch_model.safetensors'),
				at('ref_adapter/pytorch_lora_weights.safetensors'),
			),
		/layers of a LoRA/,
	],
	[
		'a folder without an adapter',
		'exp_adapter',
		'expression',
		(at) => rmSync(at('exp_adapter/exp_adapter.bin')),
		/exp_adapter\.bin/,
	],
	[
		'names of too few numbers',
		'expressions.json',
		'expression',
		(at) => writeFileSync(at('expressions.json'), JSON.stringify({ smile: numbers.slice(1) })),
		/smile/,
	],
	[
		'a framing of nothing',
		'controlnet/framing.json',
		'control',
		(at) => writeFileSync(at('controlnet/framing.json'), '{}'),
		/cameraDistance/,
	],
])('%s is told of the file, and the bundle runs without it', async (_, path, extra, damage, problem) => {
	const at = bundleWith('controlnet', 'exp_adapter', 'ref_adapter');
	await damage(at);
	const state = await examine(at);
	expect(state.usable).toBe(true);
	expect(state.extras).not.toContain(extra);
	expect(state.extras).toHaveLength(2);
	const wrong = state.files.filter(({ error }) => error);
	expect(wrong.map((file) => file.path)).toEqual([path]);
	expect(wrong[0]!.error!.problem).toMatch(problem);
	expect(bundleProblems(state)).toHaveLength(1);
});
