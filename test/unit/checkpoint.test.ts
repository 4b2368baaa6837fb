// Opening checkpoints, and taking weights from them.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights, WeightInventory } from '../../models/weights/weight-set.ts';
import {
	expectInvalidWeights,
	opcodes,
	safetensorsBytes,
	temporaryFolder,
	tensorOpcodes,
	torchBytes,
} from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

const folder = temporaryFolder();
const encoder = `${goldenFolder}tiny-sd/encoder/`;

describe('openCheckpoint', () => {
	test('goes by the content, not by the name', async () => {
		const torch = folder.write('model.safetensors', torchBytes(opcodes.dict({ x: tensorOpcodes() })));
		expect([...(await openCheckpoint(torch)).tensors.keys()]).toEqual(['x']);
		const header = { y: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
		const safetensors = folder.write('pytorch_model.bin', safetensorsBytes(header, new Uint8Array(4)));
		expect([...(await openCheckpoint(safetensors)).tensors.keys()]).toEqual(['y']);
	});

	test('makes a relative path absolute', async () => {
		const relative = `${goldenFolder}misc/../misc/slerp.safetensors`;
		expect((await openCheckpoint(relative)).file).toBe(`${goldenFolder}misc/slerp.safetensors`);
	});

	const others: [string, string][] = [
		['an old torch.save pickle', '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'],
		['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\n'],
		['a web page', '<!doctype html><html></html>'],
		['an empty file', ''],
	];
	test.each(others)('refuses %s', async (_, content) => {
		const path = folder.write('other.bin', Buffer.from(content, 'latin1'));
		await expectInvalidWeights(openCheckpoint(path), path);
	});

	test('refuses what is not there, folders, and pipes without waiting for a writer', async () => {
		await expectInvalidWeights(openCheckpoint(folder.path('missing')), folder.path('missing'), 'there is no such file');
		await expectInvalidWeights(openCheckpoint(folder.path('.')), 'a file');
		if (process.platform === 'win32') return;
		execFileSync('mkfifo', [folder.path('pipe')]);
		await expectInvalidWeights(openCheckpoint(folder.path('pipe')), 'a file');
	});
});

describe('CheckpointWeights', () => {
	const norm = 'text_model.final_layer_norm.weight';

	test('gives the tensor of a name and shape', async () => {
		const weights = new CheckpointWeights(await openCheckpoint(`${encoder}pytorch_model.bin`));
		expect(weights.has(norm)).toBe(true);
		expect(weights.has('final_layer_norm.weight')).toBe(false);
		expect(weights.get(norm, [520])).toMatchObject({ type: 'float32', shape: [520], length: 2080 });
	});

	test('renames', async () => {
		const checkpoint = await openCheckpoint(`${encoder}model.safetensors`);
		const weights = new CheckpointWeights(checkpoint, { rename: (name) => `text_model.${name}` });
		expect(weights.has('final_layer_norm.weight')).toBe(true);
		expect(weights.get('final_layer_norm.weight', [520])).toBe(checkpoint.tensors.get(norm));
	});

	test('names file and tensor when one is missing, of another shape, not floating-point, or a view', async () => {
		const path = `${encoder}model.safetensors`;
		const weights = new CheckpointWeights(await openCheckpoint(path));
		const get = async (name: string, shape: number[]) => weights.get(name, shape);
		await expectInvalidWeights(get('nowhere', [2, 3]), path, 'tensor nowhere', '[2, 3]', 'without it');
		await expectInvalidWeights(get(norm, [768]), path, `tensor ${norm}`, '[768]', '[520]');
		await expectInvalidWeights(get(norm, [520, 1]), path, `tensor ${norm}`, '[520, 1]');
		await expectInvalidWeights(get('text_model.embeddings.position_ids', [1, 77]), 'floating-point', 'int64');

		const views = new CheckpointWeights(await openCheckpoint(`${goldenFolder}formats/views.bin`));
		expect(views.has('column')).toBe(true);
		await expectInvalidWeights((async () => views.get('column', [6]))(), 'tensor column', 'in a row', 'strides [8]');
	});

	test.each([
		['unet.', 'names that begin with "unet."', 'without what it is wrapped in'],
		['_orig_mod.module.', 'names that begin with "_orig_mod.module."', 'without what it is wrapped in'],
		['model.diffusion_model.', 'all networks of a model in one file', 'from_single_file'],
		['unet.lora_down.', 'a LoRA', 'loaded beside it'],
		['other.thing.', 'a file without it', 'of different networks'],
	])('says what a file is whose tensors begin with %s', async (prefix, what, remedy) => {
		const own = prefix === 'other.thing.' ? 'else' : 'conv.weight';
		const tensors = opcodes.dict({ [`${prefix}${own}`]: tensorOpcodes() });
		const weights = new CheckpointWeights(await openCheckpoint(folder.write('wrapped.bin', torchBytes(tensors))));
		await expectInvalidWeights((async () => weights.get('conv.weight', [2, 3]))(), what, remedy);
	});

	test('shows both ends of a name that is too long for a message', async () => {
		const weights = new CheckpointWeights(await openCheckpoint(`${encoder}model.safetensors`));
		const name = `down.${'x'.repeat(10_000)}.weight`;
		const error = await (async () => weights.get(name, [1]))().catch((thrown: Error) => thrown);
		expect((error as Error).message).toMatch(/tensor down\.x+…x+\.weight of /);
		expect((error as Error).message.length).toBeLessThan(1000);
	});

	test('names tensors that no one asked for, but for those to ignore', async () => {
		const path = folder.write(
			'extra.bin',
			torchBytes(opcodes.dict(Object.fromEntries([...'abcdef'].map((name) => [name, tensorOpcodes()])))),
		);
		const weights = new CheckpointWeights(await openCheckpoint(path));
		weights.get('a', [2, 3]);
		await expectInvalidWeights((async () => weights.assertAllUsed())(), path, 'also b, c, d and 2 more');
		await expectInvalidWeights((async () => weights.assertAllUsed({ ignore: /^[b-e]$/ }))(), 'also f.');
		weights.assertAllUsed({ ignore: /^[b-f]$/ });
	});
});

describe('WeightInventory', () => {
	test('notes what is asked for, in order and once', () => {
		const inventory = new WeightInventory((name) => name === 'new.name');
		expect([inventory.has('new.name'), inventory.has('old.name')]).toEqual([true, false]);
		expect(inventory.get('b', [2, 3])).toEqual({ file: '', offset: 0, length: 24, type: 'float32', shape: [2, 3] });
		inventory.get('a', []);
		inventory.get('b', [2, 3]);
		expect([...inventory.shapes]).toEqual([
			['b', [2, 3]],
			['a', []],
		]);
	});
});
