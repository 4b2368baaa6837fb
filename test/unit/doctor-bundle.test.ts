// `doctor` opens every file of a bundle, and says what each is or what is wrong with it.
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleProblems, findBundles } from '../../lib/doctor/bundles.ts';
import { packageRoot } from '../../lib/package.ts';
import { writeAlexNetWeights, writeLpipsHeads } from '../judge-weights.ts';
import { tensorsOf, writeShards, writeWeights } from '../layouts.ts';

const parts = ['antelopev2', 'arc2face', 'encoder', 'scheduler', 'vae', 'tokens.json'];
let bundle: string;
beforeEach(async () => {
	bundle = await mkdtemp(join(tmpdir(), 'arc2face-doctor-'));
	for (const part of parts) {
		await cp(join(packageRoot, 'models/tiny', part), join(bundle, part), { recursive: true });
	}
});
afterEach(() => rm(bundle, { recursive: true }));
const inBundle = (path: string) => join(bundle, path);
const examine = async () => (await findBundles(bundle)).bundles[0]!;
const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ec639a04\nsize 260694151\n';

test('a whole bundle has a row for each file: what it is for, its format, tensors and bytes', async () => {
	const state = await examine();
	expect(state).toMatchObject({ usable: true, canEncode: true, unfinished: [] });
	expect(bundleProblems(state)).toEqual([]);
	const rows = state.files.map(({ path, use, format, tensors }) => [path, use, format, tensors]);
	expect(rows).toEqual([
		['antelopev2/arcface.onnx', 'face recognizer (ArcFace)', 'ONNX', 52],
		['antelopev2/scrfd_10g_bnkps.onnx', 'face detector (SCRFD with keypoints)', 'ONNX', 132],
		['arc2face/config.json', 'UNet', 'JSON', undefined],
		['arc2face/diffusion_pytorch_model.safetensors', 'UNet', 'safetensors', 444],
		['encoder/config.json', 'text encoder', 'JSON', undefined],
		['encoder/model.safetensors', 'text encoder', 'safetensors', 20],
		['scheduler/scheduler_config.json', 'schedule', 'JSON', undefined],
		['tokens.json', 'tokens', 'JSON', undefined],
		['vae/config.json', 'VAE', 'JSON', undefined],
		['vae/diffusion_pytorch_model.safetensors', 'VAE', 'safetensors', 156],
	]);
	for (const { path, bytes } of state.files) expect(bytes).toBe((await stat(inBundle(path))).size);
});

test('weights in several files have a row each, and what is not used says so', async () => {
	const weights = await tensorsOf(inBundle('vae/diffusion_pytorch_model.safetensors'));
	const shards = ['a.safetensors', 'b.safetensors'];
	await writeShards(inBundle('vae'), 'diffusion_pytorch_model.safetensors.index.json', shards, weights);
	await rm(inBundle('vae/diffusion_pytorch_model.safetensors'));
	await writeWeights(inBundle('vae/diffusion_pytorch_model.bin'), weights);
	await writeFile(inBundle('README.md'), 'Hello');
	const { files, usable } = await examine();
	expect(usable).toBe(true);
	expect(files.filter(({ path }) => path.startsWith('vae/') || path === 'README.md')).toMatchObject([
		{ path: 'README.md' },
		{ path: 'vae/a.safetensors', use: 'VAE', format: 'safetensors', tensors: 78 },
		{ path: 'vae/b.safetensors', use: 'VAE', format: 'safetensors', tensors: 78 },
		{ path: 'vae/config.json', use: 'VAE' },
		{ path: 'vae/diffusion_pytorch_model.bin', format: 'PyTorch', tensors: 156 },
		{ path: 'vae/diffusion_pytorch_model.safetensors.index.json', use: 'VAE', format: 'index of weights' },
	]);
	expect(files.find(({ path }) => path === 'vae/diffusion_pytorch_model.bin')).not.toHaveProperty('use');
});

test('a tiny decoder and colours of previews are told with what they are for, and what is wrong with them', async () => {
	const golden = join(packageRoot, 'test/golden');
	await cp(join(golden, 'tiny-sd'), inBundle('own'), { recursive: true });
	await cp(join(golden, 'taesd/tiny-taesd'), inBundle('own/taesd'), { recursive: true });
	const halfOf = JSON.stringify({ red: [1, 2, 3, 4, 5], green: [1, 2, 3, 4, 5] });
	await writeFile(inBundle('own/latent_rgb.json'), halfOf);
	const { files, extras } = (await findBundles(inBundle('own'))).bundles[0]!;
	expect(extras).toEqual(['control', 'taesd']);
	const about = (path: string) => files.find((file) => file.path === path);
	const use = 'tiny decoder, with --decoder taesd';
	expect(about('taesd/config.json')).toMatchObject({ use, format: 'JSON' });
	expect(about('taesd/diffusion_pytorch_model.safetensors')).toMatchObject({ use });
	expect(about('taesd/config.json')).not.toHaveProperty('error');
	expect(about('latent_rgb.json')).toMatchObject({
		use: 'colours of previews',
		error: { problem: expect.stringContaining('5 numbers for `blue`') },
	});
});

describe('what judges images', () => {
	const [alexNet, heads] = ['evaluation/alexnet-owt-7be5be79.pth', 'evaluation/alex.pth'] as const;
	const use = 'LPIPS on AlexNet';
	beforeEach(() => mkdir(inBundle('evaluation')));

	test('is told with what it is for; a network that is not there is none the worse', async () => {
		await writeAlexNetWeights(inBundle(alexNet));
		await writeLpipsHeads(inBundle(heads));
		await writeFile(inBundle('evaluation/other.json'), '{}');
		const state = await examine();
		expect(bundleProblems(state)).toEqual([]);
		expect(state.files.filter(({ path }) => path.startsWith('evaluation/'))).toMatchObject([
			{ path: heads, use, format: 'safetensors', tensors: 5 },
			{ path: alexNet, use, format: 'safetensors', tensors: 10 },
			{ path: 'evaluation/other.json', format: 'JSON' },
		]);
	});

	test('is not right without one of its files', async () => {
		await writeAlexNetWeights(inBundle(alexNet));
		const state = await examine();
		expect(state.usable).toBe(true);
		expect(bundleProblems(state)).toEqual([
			{
				problem: expect.stringMatching(/There is no .*alex\.pth: without it the rest of LPIPS on AlexNet is not used/),
				remedy: expect.stringContaining('`arc2face pull --with evaluation`'),
			},
		]);
		expect(state.files.find(({ path }) => path === heads)).toMatchObject({ use, error: {} });
	});

	test('is not right with the weights of others', async () => {
		await writeLpipsHeads(inBundle(alexNet));
		await writeFile(inBundle(heads), pointer);
		expect(bundleProblems(await examine())).toMatchObject([{ problem: expect.stringContaining('a pointer file') }]);
		await writeLpipsHeads(inBundle(heads));
		const state = await examine();
		expect(bundleProblems(state)).toMatchObject([{ problem: expect.stringMatching(/tensor features\.0\.weight/) }]);
		expect(state.files.find(({ error }) => error)).toMatchObject({ path: alexNet, use });
	});
});

describe('a LoRA', () => {
	const lcm = 'lcm-lora/pytorch_lora_weights.safetensors';
	const use = 'LoRA of the UNet, with --lcm';
	/** Writes a LoRA of one module of the UNet. */
	const writeLora = async (columns: number) => {
		await mkdir(inBundle('lcm-lora'), { recursive: true });
		const half = (name: string, shape: readonly number[]) => ({
			...{ name: `lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.${name}.weight`, shape },
			...{ type: 'float16' as const, chunks: () => [new Uint8Array(2 * shape[0]! * shape[1]!)] },
		});
		const { channels, size } = await attentionSizes();
		await writeWeights(inBundle(lcm), [half('lora_down', [2, columns || size]), half('lora_up', [channels, 2])]);
	};
	const attentionSizes = async () => {
		const config = JSON.parse(await readFile(inBundle('arc2face/config.json'), 'utf8'));
		return { channels: config.block_out_channels.at(-1) as number, size: config.cross_attention_dim as number };
	};

	test('that fits is told, by name and file', async () => {
		expect(await examine()).toMatchObject({ extras: [] });
		await writeLora(0);
		const state = await examine();
		expect(state).toMatchObject({ usable: true, extras: ['lcm'] });
		expect(bundleProblems(state)).toEqual([]);
		expect(state.files.find(({ path }) => path === lcm)).toMatchObject({ use, format: 'safetensors', tensors: 2 });
	});

	test('of another width is not right, and the bundle runs all the same', async () => {
		await writeLora(768);
		const state = await examine();
		expect(state).toMatchObject({ usable: true, extras: [] });
		expect(bundleProblems(state)).toMatchObject([{ problem: expect.stringMatching(/lora_down.*768/) }]);
		expect(state.files.find(({ error }) => error)).toMatchObject({ path: lcm, use, tensors: 2 });
	});

	test('whose folder is empty is missing', async () => {
		await mkdir(inBundle('lcm-lora'));
		const state = await examine();
		expect(state).toMatchObject({ usable: true, extras: [] });
		expect(bundleProblems(state)).toMatchObject([{ problem: expect.stringContaining(inBundle('lcm-lora')) }]);
	});
});

describe('what is wrong is told of the file', () => {
	const damages: [string, string, () => Promise<unknown>, RegExp][] = [
		[
			'a pointer of git-lfs',
			'antelopev2/arcface.onnx',
			() => writeFile(inBundle('antelopev2/arcface.onnx'), pointer),
			/arcface\.onnx but received a pointer file of git-lfs/,
		],
		[
			'weights that end too early',
			'vae/diffusion_pytorch_model.safetensors',
			() => truncate(inBundle('vae/diffusion_pytorch_model.safetensors'), 1e6),
			/cut short/,
		],
		[
			'weights of another network',
			'encoder/model.safetensors',
			() => cp(inBundle('vae/diffusion_pytorch_model.safetensors'), inBundle('encoder/model.safetensors')),
			/tensor .* of .*encoder\/model\.safetensors/,
		],
		['no weights', 'vae', () => rm(inBundle('vae/diffusion_pytorch_model.safetensors')), /Found no weights/],
		[
			'a link to a file that is gone',
			'scheduler/scheduler_config.json',
			() =>
				rm(inBundle('scheduler/scheduler_config.json')).then(() =>
					symlink('gone', inBundle('scheduler/scheduler_config.json')),
				),
			/a link to a file that is gone, gone/,
		],
		['tokens that are no ids', 'tokens.json', () => writeFile(inBundle('tokens.json'), '{"prompt": [-1]}'), /prompt/],
		[
			'a config that fits no other',
			'arc2face/config.json',
			async () => writeFile(inBundle('arc2face/config.json'), '{"cross_attention_dim": 8}'),
			/config\.json/,
		],
	];
	test.each(damages)('%s', async (_, path, damage, problem) => {
		await damage();
		const state = await examine();
		expect(state.usable).toBe(false);
		const problems = bundleProblems(state);
		expect(problems.map((one) => one.problem)).toContainEqual(expect.stringMatching(problem));
		const row = state.files.find((file) => file.path === path);
		expect(row?.error?.problem).toMatch(problem);
		// One look finds every fault, not only the first.
		expect(problems.length).toBe(state.files.filter(({ error }) => error).length);
	});

	describe('one cause is one problem, told of the file at fault', () => {
		const change = async (path: string, fields: object) => {
			const config = JSON.parse(await readFile(inBundle(path), 'utf8'));
			await writeFile(inBundle(path), JSON.stringify({ ...config, ...fields }));
		};
		const causes: [string, string, () => Promise<unknown>, RegExp, RegExp][] = [
			...(['arc2face', 'encoder', 'vae'] as const).map((folder): (typeof causes)[number] => [
				`no folder ${folder}`,
				folder,
				() => rm(inBundle(folder), { recursive: true }),
				new RegExp(`Expected the folder .*${folder} with the .* but received none`),
				/Put it there/,
			]),
			[
				'a file in the place of a folder',
				'vae',
				() => rm(inBundle('vae'), { recursive: true }).then(() => writeFile(inBundle('vae'), 'Hello')),
				/Expected the folder .*vae with the VAE but received a file/,
				/Put it there/,
			],
			[
				'no tokens.json, though the vocabulary is another',
				'tokens.json',
				() => rm(inBundle('tokens.json')),
				/tokens\.json but received none/,
				/^Take the tokens\.json of the model/,
			],
			[
				"a UNet's config for another encoder",
				'arc2face/config.json',
				() => change('arc2face/config.json', { cross_attention_dim: 8 }),
				/cross_attention_dim/,
				/^Correct the field/,
			],
			[
				"a UNet's config for other latents",
				'arc2face/config.json',
				() => change('arc2face/config.json', { in_channels: 9 }),
				/in_channels/,
				/^Correct the field/,
			],
			[
				"a VAE's config for other latents",
				'vae/config.json',
				() => change('vae/config.json', { latent_channels: 16 }),
				/latent_channels/,
				/^Correct the field/,
			],
			[
				"an encoder's config that its weights do not fit: which of the two is wrong, nobody can tell",
				'encoder/model.safetensors',
				() => change('encoder/config.json', { hidden_size: 640 }),
				/tensor .* of .*encoder\/model\.safetensors/,
				/config\.json beside them/,
			],
			[
				'one with another vocabulary',
				'encoder/model.safetensors',
				() => change('encoder/config.json', { vocab_size: 3 }),
				/tensor .* of .*encoder\/model\.safetensors/,
				/config\.json beside them/,
			],
		];
		test.each(causes)('%s', async (_, path, damage, problem, remedy) => {
			await damage();
			const state = await examine();
			expect(state.usable).toBe(false);
			expect(state.files.filter(({ error }) => error).map((file) => file.path)).toEqual([path]);
			expect(bundleProblems(state)).toEqual([
				{ problem: expect.stringMatching(problem), remedy: expect.stringMatching(remedy) },
			]);
		});
	});

	test('of what only a feature needs, and the bundle runs without it', async () => {
		const file = inBundle('vae/diffusion_pytorch_model.safetensors');
		const decoder = (await tensorsOf(file)).filter(({ name }) => !name.startsWith('encoder.'));
		await rm(file); // whose bytes the tensors are still read from
		await writeWeights(file, decoder);
		const state = await examine();
		expect(state.usable).toBe(true);
		expect(bundleProblems(state)).toMatchObject([{ problem: expect.stringMatching(/tensor encoder\.conv_in/) }]);
	});

	test('of several files at once', async () => {
		await writeFile(inBundle('antelopev2/arcface.onnx'), pointer);
		await writeFile(inBundle('vae/config.json'), '<html>');
		await truncate(inBundle('encoder/model.safetensors'), 0);
		const wrong = (await examine()).files.filter(({ error }) => error).map(({ path }) => path);
		expect(wrong).toEqual(['antelopev2/arcface.onnx', 'encoder/model.safetensors', 'vae/config.json']);
	});

	test('of parts that only a feature needs, and the bundle runs without it', async () => {
		await mkdir(inBundle('controlnet'));
		await writeFile(inBundle('controlnet/diffusion_pytorch_model.safetensors'), pointer);
		const state = await examine();
		expect(state.usable).toBe(true);
		expect(bundleProblems(state).map(({ problem }) => problem)).toEqual([
			expect.stringMatching(/config\.json/),
			expect.stringContaining('a pointer file of git-lfs'),
		]);
		expect(state.files.filter(({ error }) => error)).toMatchObject([{ use: 'ControlNet' }, { use: 'ControlNet' }]);
	});

	test('but of nothing that no network uses', async () => {
		await mkdir(inBundle('extra'));
		for (const name of ['x.onnx', 'x.json', 'x.safetensors']) await writeFile(inBundle(`extra/${name}`), 'hello');
		const state = await examine();
		expect(bundleProblems(state)).toEqual([]);
		expect(state.files.filter(({ path }) => path.startsWith('extra/'))).toEqual(
			['extra/x.json', 'extra/x.onnx', 'extra/x.safetensors'].map((path) => ({ path, bytes: 5 })),
		);
	});

	test.each([
		['arcface.onnx', 'face recognizer', 'face detector'],
		['scrfd_10g_bnkps.onnx', 'face detector', 'face recognizer'],
	])('of one of two networks that need each other: %s', async (name, missing, there) => {
		await rm(inBundle(`antelopev2/${name}`));
		const state = await examine();
		expect(state).toMatchObject({ usable: true, canEncode: false });
		const problem = expect.stringMatching(`There is no .*${name}, the ${missing}.*: without it the ${there}`);
		expect(bundleProblems(state)).toMatchObject([{ problem }]);
		await rm(inBundle('antelopev2'), { recursive: true });
		expect(bundleProblems(await examine())).toEqual([]);
	});

	test('of a download that ended before its files, once', () => {
		const missing = ['arc2face', 'encoder', 'vae'].map((path) => ({
			path: `${path}/config.json`,
			error: { problem: 'Expected a JSON file.', remedy: 'Run it.' },
		}));
		const state = { usable: false, canEncode: false, unfinished: [], files: missing };
		expect(bundleProblems({ ...state, name: 'arc2face', folder: '/data/arc2face' })).toEqual([
			{
				problem:
					'Bundle arc2face: its download has not ended: arc2face/config.json, encoder/config.json, vae/config.json are missing.',
				remedy: 'Run `arc2face pull`; it goes on where it stopped.',
			},
		]);
		expect(bundleProblems({ ...state, name: 'own', folder: '/data/own' })).toHaveLength(3);
	});

	test('of downloads that have not ended, also those of the hub', async () => {
		await writeFile(inBundle('vae/diffusion_pytorch_model.bin.part'), '');
		await mkdir(inBundle('.cache/huggingface/download/vae'), { recursive: true });
		await writeFile(inBundle('.cache/huggingface/download/vae/x.etag.incomplete'), '');
		const state = await examine();
		expect(state.unfinished).toEqual(['vae/diffusion_pytorch_model.bin', '.cache/huggingface/download/vae/x.etag']);
		expect(bundleProblems(state)).toMatchObject([{ problem: expect.stringContaining('unfinished') }]);
	});
});

test('a bundle that is not there is refused', async () => {
	await expect(findBundles(inBundle('nowhere'))).rejects.toMatchObject({
		code: 'INVALID_BUNDLE',
		problem: expect.stringContaining(inBundle('nowhere')),
		details: { bundle: inBundle('nowhere') },
	});
});
