// Which file of a folder holds a network's weights, by its name.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writtenNetworks } from '../../lib/bundle/networks.ts';
import { findWeights } from '../../lib/bundle/weights.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const temporary = temporaryFolder();
let count = 0;
function folderWith(names: readonly string[]): string {
	const folder = temporary.path(`folder-${count++}`);
	mkdirSync(folder);
	for (const name of names) writeFileSync(join(folder, name), '');
	return folder;
}

const { unet, textEncoder } = writtenNetworks;
/** Best first, of one network each. */
const diffusers = [
	'diffusion_pytorch_model.safetensors',
	'diffusion_pytorch_model.safetensors.index.json',
	'diffusion_pytorch_model.fp16.safetensors',
	'diffusion_pytorch_model.safetensors.index.fp16.json',
	'diffusion_pytorch_model.bf16.safetensors',
	'diffusion_pytorch_model.non_ema.safetensors',
	'diffusion_pytorch_model.bin',
	'diffusion_pytorch_model.bin.index.json',
	'diffusion_pytorch_model.fp16.bin',
	'diffusion_pytorch_model.bin.fp16.index.json',
	'diffusion_pytorch_model.non_ema.bin',
];
const transformers = [
	'model.safetensors',
	'pytorch_model.safetensors',
	'model.safetensors.index.json',
	'model.fp16.safetensors',
	'model.safetensors.index.fp16.json',
	'pytorch_model.bin',
	'pytorch_model.bin.index.json',
	'pytorch_model.fp16.bin',
];
/** Never weights by themselves. */
const others = [
	'config.json',
	'README.md',
	'diffusion_pytorch_model-00001-of-00002.safetensors',
	'diffusion_pytorch_model.fp16-00001-of-00002.safetensors',
	'diffusion_pytorch_model-00001-of-00002.fp16.bin',
	'model-00001-of-00002.safetensors',
	'diffusion_pytorch_model.safetensors.part',
	'diffusion_flax_model.msgpack',
	'tf_model.h5',
	'my_model.safetensors',
];

describe.each([
	['diffusers', diffusers, unet.weights],
	['transformers', transformers, textEncoder.weights],
] as const)('names of %s', (_, names, stems) => {
	test.each(names)('%s is taken', async (name) => {
		const folder = folderWith([...others, name]);
		expect(await findWeights(folder, stems)).toBe(join(folder, name));
	});

	test('are taken in their order', async () => {
		const found = [];
		for (let i = 0; i < names.length; i++) {
			const folder = folderWith(names.slice(i));
			found.push((await findWeights(folder, stems)).slice(folder.length + 1));
		}
		expect(found).toEqual(names);
	});
});

describe('without weights', () => {
	const refused = async (names: readonly string[], problem: RegExp, remedy: RegExp) => {
		const folder = folderWith(names);
		await expect(findWeights(folder, unet.weights)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			problem: expect.stringMatching(problem),
			remedy: expect.stringMatching(remedy),
			details: { file: folder },
		});
	};

	test('the names that are looked for are told', () =>
		refused(
			['config.json'],
			/no diffusion_pytorch_model\.safetensors or diffusion_pytorch_model\.bin\.$/,
			/Put the weights/,
		));
	test.each(['.part', '.incomplete', '.crdownload', '.aria2'])('a download that goes on is told: %s', (end) =>
		refused([`diffusion_pytorch_model.safetensors${end}`], /a download that has not ended/, /Let the download end/),
	);
	test('shards without an index are told', () =>
		refused(
			['diffusion_pytorch_model-00001-of-00002.bin'],
			/diffusion_pytorch_model-00001-of-00002\.bin without an index/,
			/diffusion_pytorch_model\.bin\.index\.json/,
		));
	test('weights of another name are told', () =>
		refused(['my_face.safetensors'], /but my_face\.safetensors/, /name it diffusion_pytorch_model\.safetensors/));

	test('for there is no such folder', async () => {
		const folder = temporary.path('no-folder');
		await expect(findWeights(folder, unet.weights)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			problem: expect.stringContaining(folder),
		});
	});
});
