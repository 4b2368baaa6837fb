// Bundles in the layouts of diffusers, transformers and hubs, and with files that are not what their names say.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Bundle, openBundle } from '../../lib/bundle/bundle.ts';
import { packageRoot } from '../../lib/package.ts';
import { goldenFolder } from '../golden.ts';
import { tensorsOf, writeShards, writeWeights } from '../layouts.ts';

const golden = `${goldenFolder}tiny-sd`;
const weightsOf = {
	encoder: 'model.safetensors',
	arc2face: 'diffusion_pytorch_model.safetensors',
	vae: 'diffusion_pytorch_model.safetensors',
};
const folders = Object.entries(weightsOf) as ['encoder' | 'arc2face' | 'vae', string][];

let temporary: string;
let bundle: string;
let count = 0;
let expected: Map<string, string>;
beforeAll(async () => {
	temporary = await mkdtemp(join(tmpdir(), 'arc2face-layouts-'));
	expected = digestsOf(await openBundle(golden));
	expect(expected.size).toBeGreaterThan(500);
});
afterAll(() => rm(temporary, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** The golden bundle with face networks; the test adds the weights. */
beforeEach(async () => {
	bundle = join(temporary, `bundle-${count++}`);
	for (const folder of ['encoder', 'arc2face', 'vae']) {
		await mkdir(join(bundle, folder), { recursive: true });
		await cp(join(golden, folder, 'config.json'), join(bundle, folder, 'config.json'));
	}
	await cp(join(golden, 'scheduler'), join(bundle, 'scheduler'), { recursive: true });
	await cp(join(golden, 'tokens.json'), join(bundle, 'tokens.json'));
	await cp(join(packageRoot, 'models/tiny/antelopev2'), join(bundle, 'antelopev2'), { recursive: true });
});
const inBundle = (path: string) => join(bundle, path);

/** The golden weights of a network, unchanged. */
async function link(folder: 'encoder' | 'arc2face' | 'vae') {
	await symlink(join(golden, folder, weightsOf[folder]), inBundle(`${folder}/${weightsOf[folder]}`));
}

/** The bytes that each weight refers to. */
function digestsOf({ files, networks }: Bundle): Map<string, string> {
	const bytes = files.map((file) => readFileSync(file));
	const digests = new Map<string, string>();
	for (const [network, own] of Object.entries(networks)) {
		if (!('weights' in own)) continue;
		for (const { name, file, offset, length, type } of own.weights) {
			const digest = createHash('sha256').update(bytes[file]!.subarray(offset, offset + length));
			digests.set(`${network} ${name}`, `${type} ${digest.digest('hex')}`);
		}
	}
	return digests;
}

type Write = (
	folder: string,
	stem: string,
	bin: string,
	weights: Awaited<ReturnType<typeof tensorsOf>>,
) => Promise<void>;
const shards = (stem: string, end: string) => [1, 2, 3].map((i) => `${stem}-0000${i}-of-00003.${end}`);
const layouts: Record<string, Write> = {
	'PyTorch files': (to, _, bin, weights) => writeWeights(join(to, `${bin}.bin`), weights),
	'a variant': (to, stem, _, weights) => writeWeights(join(to, `${stem}.fp16.safetensors`), weights),
	'a variant of PyTorch files': (to, _, bin, weights) => writeWeights(join(to, `${bin}.fp16.bin`), weights),
	'several .safetensors': (to, stem, _, weights) =>
		writeShards(to, `${stem}.safetensors.index.json`, shards(stem, 'safetensors'), weights),
	'several PyTorch files': (to, _, bin, weights) =>
		writeShards(to, `${bin}.bin.index.json`, shards(bin, 'bin'), weights),
	'several .safetensors of a variant': (to, stem, _, weights) =>
		writeShards(to, `${stem}.safetensors.index.fp16.json`, shards(stem, 'fp16.safetensors'), weights),
};

describe('networks come from', () => {
	test.each(Object.entries(layouts))('%s', async (_, write) => {
		for (const [folder, file] of folders) {
			const [stem, bin] = folder === 'encoder' ? ['model', 'pytorch_model'] : Array(2).fill('diffusion_pytorch_model');
			await write(inBundle(folder), stem, bin, await tensorsOf(join(golden, folder, file)));
		}
		const opened = await openBundle(bundle);
		expect(digestsOf(opened)).toEqual(expected);
		for (const file of opened.files) expect(file.startsWith(bundle)).toBe(true);
	});

	test('a cache of a hub: links to files that are named by their digest', async () => {
		const blobs = join(temporary, `blobs-${count}`);
		await writeShards(
			inBundle('arc2face'),
			'diffusion_pytorch_model.safetensors.index.json',
			shards('x', 'safetensors'),
			[...(await tensorsOf(join(golden, 'arc2face', weightsOf.arc2face)))],
		);
		await link('encoder');
		await link('vae');
		await mkdir(blobs);
		for (const folder of ['encoder', 'arc2face', 'vae', 'antelopev2', 'scheduler']) {
			for (const [i, name] of (await readdir(inBundle(folder))).entries()) {
				await rename(inBundle(`${folder}/${name}`), join(blobs, `${folder}${i}`));
				await symlink(join(blobs, `${folder}${i}`), inBundle(`${folder}/${name}`));
			}
		}
		const opened = await openBundle(bundle);
		expect(digestsOf(opened)).toEqual(expected);
		expect(opened.missingFaceModels).toEqual([]);
	});

	test('a pipeline of diffusers, whose folders have other names', async () => {
		for (const [folder] of folders) await link(folder);
		await rename(inBundle('arc2face'), inBundle('unet'));
		await rename(inBundle('encoder'), inBundle('text_encoder'));
		expect(digestsOf(await openBundle(bundle))).toEqual(expected);
	});
});

describe('refused, naming the file and what it is:', () => {
	const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ec639a04\nsize 260694151\n';
	const arcface = 'antelopev2/arcface.onnx';
	const unet = 'arc2face/diffusion_pytorch_model.safetensors';
	const cases: [string, string, (path: string) => Promise<void>, RegExp][] = [
		['a pointer as ArcFace', arcface, (path) => writeFile(path, pointer), /a pointer file of git-lfs/],
		['a page as ArcFace', arcface, (path) => writeFile(path, '<html>Not found</html>'), /an HTML page/],
		['half of ArcFace', arcface, (path) => truncate(path, 400_000), /cut short/],
		['an empty detector', 'antelopev2/scrfd_10g_bnkps.onnx', (path) => truncate(path, 0), /an empty file/],
		[
			'ArcFace as the detector',
			'antelopev2/scrfd_10g_bnkps.onnx',
			(path) => cp(inBundle(arcface), path),
			/with 1 input and 9 outputs for .* but received a network with 1 input and 1 output/,
		],
		['a UNet as ArcFace', arcface, (path) => cp(join(golden, unet), path), /a \.safetensors file/],
		[
			'a pointer as the UNet',
			unet,
			(path) => rm(path).then(() => writeFile(path, pointer)),
			/a pointer file of git-lfs/,
		],
		['tokens that are a page', 'tokens.json', (path) => writeFile(path, '<html></html>'), /an HTML page/],
		['a config that is a pointer', 'vae/config.json', (path) => writeFile(path, pointer), /a pointer file of git-lfs/],
		['an empty schedule', 'scheduler/scheduler_config.json', (path) => truncate(path, 0), /an empty file/],
		...[arcface, unet, 'tokens.json', 'vae/config.json'].map((file): (typeof cases)[number] => [
			`a link to a file that is gone, ${file}`,
			file,
			(path) => rm(path).then(() => symlink('../gone', path)),
			/a link to a file that is gone, \.\.\/gone/,
		]),
		...[arcface, unet, 'tokens.json', 'vae/config.json'].map((file): (typeof cases)[number] => [
			`a folder, ${file}`,
			file,
			(path) => rm(path).then(() => mkdir(path)),
			/a folder/,
		]),
	];
	test.each(cases)('%s', async (_, file, change, problem) => {
		for (const [folder] of folders) await link(folder);
		await change(inBundle(file));
		await expect(openBundle(bundle)).rejects.toMatchObject({
			code: file.endsWith('.json') ? 'INVALID_BUNDLE' : 'INVALID_WEIGHTS',
			problem: expect.stringMatching(problem),
			remedy: expect.not.stringContaining('arc2face pull'),
			details: { file: inBundle(file) },
		});
	});

	test('ArcFace with its weights in another file', async () => {
		for (const [folder] of folders) await link(folder);
		// ModelProto { graph { initializer { name: "w", data_location: EXTERNAL }, input { … } } }
		const initializer = Buffer.from([0x2a, 5, 0x42, 1, 0x77, 0x70, 1]);
		await writeFile(inBundle(arcface), Buffer.concat([Buffer.from([0x3a, initializer.length]), initializer]));
		await expect(openBundle(bundle)).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			problem: expect.stringMatching(/tensor w of .*arcface\.onnx but received a place in another file/),
		});
	});

	test('in the official bundle, a pull is what helps', async () => {
		for (const [folder] of folders) await link(folder);
		vi.stubEnv('ARC2FACE_HOME', join(temporary, `home-${count}`));
		const official = join(temporary, `home-${count}`, 'arc2face');
		await mkdir(join(official, '..'));
		await rename(bundle, official);
		await cp(join(official, 'vae/config.json'), join(official, 'vae/right.json'));
		await writeFile(join(official, 'vae/config.json'), '{"latent_channels": "four"}');
		await expect(openBundle('arc2face'), 'a field that someone changed, a pull leaves as it is').rejects.toMatchObject({
			remedy: expect.stringContaining('Correct the field'),
			details: { field: 'latent_channels', network: 'vaeDecoder' },
		});
		await rename(join(official, 'vae/right.json'), join(official, 'vae/config.json'));
		await writeFile(join(official, arcface), pointer);
		await expect(openBundle('arc2face')).rejects.toMatchObject({
			problem: expect.stringContaining('a pointer file of git-lfs'),
			remedy: expect.stringContaining('arc2face pull'),
			details: { network: 'recognizer' },
		});
	});
});
