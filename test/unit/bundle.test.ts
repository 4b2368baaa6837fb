// Opening bundles, and finding them.
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Bundle, bundleFolder, openBundle } from '../../lib/bundle/bundle.ts';
import { folderOf } from '../../lib/bundle/network-files.ts';
import type { GraphOptions } from '../../lib/bundle/networks.ts';
import { packageRoot } from '../../lib/package.ts';
import { goldenFolder } from '../golden.ts';
import { tensorsOf, writeWeights } from '../layouts.ts';

const golden = `${goldenFolder}tiny-sd`;
const embedded = join(packageRoot, 'models/tiny/antelopev2');
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

let copies = 0;
/** A copy of the golden bundle with other JSON files; weights are links. */
async function bundleWith(changes: Record<string, unknown>, remove: readonly string[] = []): Promise<string> {
	const copy = join(folder, `copy-${copies++}`);
	for (const part of ['arc2face', 'encoder', 'vae', 'scheduler']) {
		await mkdir(join(copy, part), { recursive: true });
	}
	const small = [
		'arc2face/config.json',
		'encoder/config.json',
		'vae/config.json',
		'scheduler/scheduler_config.json',
		'tokens.json',
	];
	for (const file of small) await cp(join(golden, file), join(copy, file));
	for (const file of [
		'arc2face/diffusion_pytorch_model.safetensors',
		'encoder/pytorch_model.bin',
		'vae/diffusion_pytorch_model.safetensors',
	]) {
		await symlink(join(golden, file), join(copy, file));
	}
	for (const [file, change] of Object.entries(changes)) {
		if (typeof change === 'string') await writeFile(join(copy, file), change);
		else {
			const json = JSON.parse(await readFile(join(copy, file), 'utf8'));
			await writeFile(join(copy, file), JSON.stringify({ ...json, ...(change as object) }));
		}
	}
	for (const file of remove) await rm(join(copy, file));
	return copy;
}

/** Every weight is within the file that it names. */
async function expectWeightsInFiles({ files, networks }: Bundle) {
	const sizes = await Promise.all(files.map(async (file) => (await readFile(file)).length));
	for (const network of [networks.textEncoder, networks.unet, networks.vaeDecoder]) {
		if (network === undefined || !('graph' in network)) throw new Error('a network of its own graph');
		expect(network.graph.length).toBeGreaterThan(0);
		expect(network.weights.length).toBeGreaterThan(0);
		for (const { file, offset, length } of network.weights) expect(offset + length).toBeLessThanOrEqual(sizes[file]!);
	}
}

describe('a bundle', () => {
	test('in the official layout is read without reading weights', async () => {
		const bundle = await openBundle(golden);
		expect(bundle.folder).toBe(golden);
		expect(bundle.geometry).toEqual({ width: 128, height: 128, pixelsPerLatent: 8 });
		expect(bundle.missingFaceModels).toEqual(['antelopev2/scrfd_10g_bnkps.onnx', 'antelopev2/arcface.onnx']);
		expect(bundle.networks).not.toHaveProperty('detector');
		expect(bundle.tokens.identityPosition).toBe(4);
		expect(bundle.tokens.prompt).toHaveLength(77);
		expect(bundle.files).toEqual([
			`${golden}/encoder/model.safetensors`,
			`${golden}/arc2face/diffusion_pytorch_model.safetensors`,
			`${golden}/vae/diffusion_pytorch_model.safetensors`,
		]);
		await expectWeightsInFiles(bundle);
	});

	test('may have its encoder as a PyTorch file, and its VAE as fp16 under old key names', async () => {
		const own = await bundleWith({}, ['vae/diffusion_pytorch_model.safetensors']);
		const legacy = `${golden}/vae-legacy-keys/diffusion_pytorch_model.safetensors`;
		await symlink(legacy, join(own, 'vae/diffusion_pytorch_model.fp16.safetensors'));
		const bundle = await openBundle(own);
		expect(bundle.files.map((file) => file.slice(own.length + 1))).toEqual([
			'encoder/pytorch_model.bin',
			'arc2face/diffusion_pytorch_model.safetensors',
			'vae/diffusion_pytorch_model.fp16.safetensors',
		]);
		await expectWeightsInFiles(bundle);
	});

	test('with both face models can read photos', async () => {
		const own = await bundleWith({});
		await mkdir(join(own, 'antelopev2'));
		await symlink(join(embedded, 'scrfd_10g_bnkps.onnx'), join(own, 'antelopev2/scrfd_10g_bnkps.onnx'));
		expect((await openBundle(own)).missingFaceModels).toEqual(['antelopev2/arcface.onnx']);
		await symlink(join(embedded, 'arcface.onnx'), join(own, 'antelopev2/arcface.onnx'));
		const { networks, files, missingFaceModels } = await openBundle(own);
		expect(missingFaceModels).toEqual([]);
		expect(networks.detector).toEqual({ file: files.indexOf(join(own, 'antelopev2/scrfd_10g_bnkps.onnx')) });
		expect(networks.recognizer).toEqual({ file: files.indexOf(join(own, 'antelopev2/arcface.onnx')) });
	});

	test('has the networks of the features that it is opened for', async () => {
		const withFeatures = (features: GraphOptions['features']) =>
			openBundle(golden, { operators: 'standard', precision: 'fp32', features, decoder: 'vae' });
		expect(Object.keys((await withFeatures([])).networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder']);
		const { networks, files } = await withFeatures(['edit']);
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'vaeDecoder', 'vaeEncoder']);
		if (networks.vaeEncoder === undefined || !('graph' in networks.vaeEncoder)) throw new Error('a graph of its own');
		expect(networks.vaeEncoder.weights).toHaveLength(108);
		for (const { name, file } of networks.vaeEncoder.weights) {
			expect(name).toMatch(/^(encoder|quant_conv)\./);
			expect(files[file]).toBe(`${golden}/vae/diffusion_pytorch_model.safetensors`);
		}
	});

	test('has the decoder that is asked for, and needs no other', async () => {
		const graphs = { operators: 'standard', precision: 'fp32', decoder: 'taesd' } as const;
		const own = await bundleWith({}, ['vae/config.json']);
		await expect(openBundle(own, graphs)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			details: { file: join(own, 'taesd'), network: 'tinyDecoder' },
			remedy: expect.stringMatching(/madebyollin\/taesd on Hugging Face\), or load the model with `decoder: 'vae'`\.$/),
		});
		await cp(join(golden, '../taesd/tiny-taesd'), join(own, 'taesd'), { recursive: true });
		const { networks, geometry } = await openBundle(own, graphs);
		expect(Object.keys(networks)).toEqual(['textEncoder', 'unet', 'tinyDecoder']);
		expect(geometry).toEqual((await openBundle(golden)).geometry);
	});

	test.each([
		['latent_channels', 16, '4'],
		['decoder_block_out_channels', [16, 16, 16, 8], 'the same number of channels in each block'],
		['encoder_block_out_channels', [16, 16, 16], 'as many blocks as decoder_block_out_channels (4)'],
		['in_channels', 1, 'the value of out_channels (3)'],
		['act_fn', 'gelu', '"relu" or null'],
	])('of which the tiny decoder has another %s is refused', async (field, value, expected) => {
		const own = await bundleWith({});
		await cp(join(golden, '../taesd/tiny-taesd'), join(own, 'taesd'), { recursive: true });
		const file = join(own, 'taesd/config.json');
		await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), [field]: value }));
		const graphs = { operators: 'standard', precision: 'fp32', decoder: 'taesd' } as const;
		await expect(openBundle(own, graphs)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			message: expect.stringContaining(`Expected ${expected}`),
			details: { file, field },
		});
	});

	test('of which a feature needs what is not there is refused for it, and for nothing else', async () => {
		const own = await bundleWith({}, ['vae/diffusion_pytorch_model.safetensors']);
		const whole = await tensorsOf(`${golden}/vae/diffusion_pytorch_model.safetensors`);
		const file = join(own, 'vae/diffusion_pytorch_model.safetensors');
		const decoder = whole.filter(({ name }) => !name.startsWith('encoder.'));
		await writeWeights(file, decoder);
		await openBundle(own);
		const graphs = { operators: 'standard', precision: 'fp32', features: ['edit'], decoder: 'vae' } as const;
		await expect(openBundle(own, graphs)).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			details: { file, tensor: 'encoder.conv_in.weight', network: 'vaeEncoder' },
		});
		await expect(folderOf(join(own, 'scheduler'), 'vaeEncoder')).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			details: { file: join(own, 'scheduler/vae') },
			remedy:
				'Put it there, with the config.json and the weights of the VAE encoder, or load the model without `edit` and `reference`.',
		});
	});

	test('without a sample size paints at the size of Stable Diffusion 1', async () => {
		const own = await bundleWith({ 'arc2face/config.json': { sample_size: null } });
		expect((await openBundle(own)).geometry).toEqual({ width: 512, height: 512, pixelsPerLatent: 8 });
	});
});

describe('a bundle is found', () => {
	test('by a name under ARC2FACE_HOME', async () => {
		vi.stubEnv('ARC2FACE_HOME', goldenFolder);
		expect(bundleFolder('tiny-sd')).toBe(golden);
		expect((await openBundle('tiny-sd')).folder).toBe(golden);
	});

	test('in the data folder of the user otherwise', () => {
		vi.stubEnv('ARC2FACE_HOME', '');
		expect(bundleFolder('arc2face').startsWith(homedir())).toBe(true);
	});

	test('without being named: the official one when it was downloaded', async () => {
		vi.stubEnv('ARC2FACE_HOME', folder);
		await symlink(golden, join(folder, 'arc2face'));
		expect((await openBundle()).folder).toBe(join(folder, 'arc2face'));
	});

	test('without being named: not one whose download has not ended', async () => {
		const home = join(folder, 'stopped');
		vi.stubEnv('ARC2FACE_HOME', home);
		await mkdir(join(home, 'arc2face/arc2face'), { recursive: true });
		await writeFile(join(home, 'arc2face/arc2face/config.json'), '{}');
		expect((await openBundle()).folder).toBe(bundleFolder('tiny'));
	});

	test('by a relative folder', async () => {
		expect((await openBundle('test/golden/tiny-sd')).folder).toBe(golden);
	});
});

describe('refused, by file and field:', () => {
	test.each<[string, Record<string, unknown>, string[], string, RegExp]>([
		[
			'a missing config',
			{},
			['vae/config.json'],
			'INVALID_BUNDLE',
			/vae\/config\.json but received none: there is no such file/,
		],
		['a config that is no JSON', { 'arc2face/config.json': '{' }, [], 'INVALID_BUNDLE', /arc2face\/config\.json/],
		[
			'a config that is a list',
			{ 'encoder/config.json': '[]' },
			[],
			'INVALID_BUNDLE',
			/object in .*encoder\/config\.json but received \[\]/,
		],
		[
			'missing weights',
			{},
			['arc2face/diffusion_pytorch_model.safetensors'],
			'INVALID_BUNDLE',
			/arc2face: there is no diffusion_pytorch_model\.safetensors/,
		],
		[
			'a missing encoder',
			{},
			['encoder/pytorch_model.bin'],
			'INVALID_BUNDLE',
			/encoder: there is no model\.safetensors or pytorch_model\.bin/,
		],
		[
			'an encoder of another size than the UNet expects',
			{ 'arc2face/config.json': { cross_attention_dim: 768 } },
			[],
			'INVALID_BUNDLE',
			/hidden_size 520 for `cross_attention_dim` in .*arc2face\/config\.json but received 768/,
		],
		[
			'a UNet of other latents',
			{ 'arc2face/config.json': { in_channels: 9 } },
			[],
			'INVALID_BUNDLE',
			/Expected 4 for `in_channels`/,
		],
		[
			'a VAE of other latents',
			{ 'vae/config.json': { latent_channels: 16 } },
			[],
			'INVALID_BUNDLE',
			/`latent_channels` in .*vae\/config\.json/,
		],
		[
			'a UNet wider than its weights',
			{ 'arc2face/config.json': { block_out_channels: [32, 32, 64, 64] } },
			[],
			'INVALID_WEIGHTS',
			/tensor .* of .*arc2face\/diffusion_pytorch_model\.safetensors/,
		],
		[
			'an encoder with fewer layers than its weights',
			{ 'encoder/config.json': { num_hidden_layers: 0 } },
			[],
			'INVALID_BUNDLE',
			/num_hidden_layers/,
		],
		[
			'weights that are text',
			{ 'vae/diffusion_pytorch_model.fp16.safetensors': 'none' },
			['vae/diffusion_pytorch_model.safetensors'],
			'INVALID_WEIGHTS',
			/vae\/diffusion_pytorch_model\.fp16/,
		],
		[
			'a schedule without betas',
			{ 'scheduler/scheduler_config.json': { beta_start: null } },
			[],
			'INVALID_BUNDLE',
			/`beta_start` in .*scheduler_config\.json/,
		],
		[
			'an id outside the vocabulary',
			{ 'tokens.json': { prompt: [0, 69] } },
			[],
			'INVALID_BUNDLE',
			/ids below 69 for `prompt` in .*tokens\.json/,
		],
		['a prompt too long', { 'tokens.json': { prompt: new Array(78).fill(0) } }, [], 'INVALID_BUNDLE', /at most 77 ids/],
		[
			'prompts of different lengths',
			{ 'tokens.json': { empty: [0] } },
			[],
			'INVALID_BUNDLE',
			/`empty` in .*tokens\.json/,
		],
		[
			'an identity beside the prompt',
			{ 'tokens.json': { identityPosition: 77 } },
			[],
			'INVALID_BUNDLE',
			/`identityPosition`/,
		],
		[
			"a vocabulary that isn't CLIP's, without tokens.json",
			{},
			['tokens.json'],
			'INVALID_BUNDLE',
			/tokens\.json but received none, and CLIP's prompts do not fit the text encoder, which has 69 ids/,
		],
	])('%s', async (_, changes, remove, code, message) => {
		await expect(openBundle(await bundleWith(changes, remove))).rejects.toMatchObject({
			name: 'Arc2FaceError',
			code,
			message: expect.stringMatching(message),
		});
	});

	test('a name that nothing has', async () => {
		vi.stubEnv('ARC2FACE_HOME', folder);
		await expect(openBundle('no-such-bundle')).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			message: expect.stringContaining(join(folder, 'no-such-bundle')),
		});
	});

	test('a file instead of a folder', async () => {
		await expect(openBundle(`${golden}/tokens.json`)).rejects.toMatchObject({ code: 'INVALID_BUNDLE' });
	});
});
