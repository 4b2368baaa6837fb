// Weights in several files with an index.
import { mkdirSync, symlinkSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { expectInvalidWeights, temporaryFolder, tensorBytes } from '../checkpoint-samples.ts';
import { writeShards, writeWeights } from '../layouts.ts';

const temporary = temporaryFolder();
let folder: string;
let count = 0;
beforeEach(() => {
	folder = temporary.path(`shards-${count++}`);
	mkdirSync(folder);
});

const tensor = (name: string, value: number) => ({
	name,
	type: 'float32' as const,
	shape: [2],
	chunks: () => [Buffer.from(Float32Array.of(value, -value).buffer)],
});
const tensors = [tensor('a', 1), tensor('b', 2), tensor('c', 3)];
const inFolder = (name: string) => join(folder, name);
const writeIndex = (map: unknown) => writeFile(inFolder('index.json'), JSON.stringify({ weight_map: map }));

describe('an index of weights', () => {
	test.each(['safetensors', 'bin'])('gives the tensors of all its files: %s', async (extension) => {
		const shards = [1, 2].map((i) => `model-0000${i}-of-00002.${extension}`);
		await writeShards(folder, 'index.json', shards, tensors);
		const checkpoint = await openCheckpoint(inFolder('index.json'));
		expect(checkpoint.file).toBe(inFolder('index.json'));
		expect(checkpoint.format).toBe(extension === 'bin' ? 'PyTorch' : 'safetensors');
		expect([...checkpoint.tensors.keys()].toSorted()).toEqual(['a', 'b', 'c']);
		for (const [i, { name, chunks }] of tensors.entries()) {
			const place = checkpoint.tensors.get(name)!;
			expect(place.file).toBe(inFolder(shards[i % 2]!));
			expect(tensorBytes(place)).toEqual(Buffer.concat(chunks()));
		}
	});

	test('is followed from where its link is, as in a cache of a hub', async () => {
		const blobs = temporary.path(`blobs-${count}`);
		await writeShards(blobs, 'index-blob', ['shard-blob'], tensors);
		await writeFile(join(blobs, 'index-blob'), JSON.stringify({ weight_map: { a: 's.bin', b: 's.bin', c: 's.bin' } }));
		symlinkSync(join(blobs, 'index-blob'), inFolder('model.safetensors.index.json'));
		symlinkSync(join(blobs, 'shard-blob'), inFolder('s.bin'));
		const { tensors: found } = await openCheckpoint(inFolder('model.safetensors.index.json'));
		expect(found.get('c')).toMatchObject({ file: inFolder('s.bin'), shape: [2] });
	});
});

describe('refused, naming the files:', () => {
	beforeEach(async () => {
		await writeShards(folder, 'index.json', ['one.safetensors', 'two.safetensors'], tensors);
	});
	const refused = (...words: string[]) => expectInvalidWeights(openCheckpoint(inFolder('index.json')), ...words);

	test('a file that is not there', async () => {
		await rm(inFolder('two.safetensors'));
		await refused(inFolder('two.safetensors'), 'received none');
	});

	test('a link to a file that is gone', async () => {
		await rm(inFolder('two.safetensors'));
		symlinkSync('gone', inFolder('two.safetensors'));
		await refused(inFolder('two.safetensors'), 'a link to a file that is gone, gone');
	});

	test('a file that is a pointer', async () => {
		await writeFile(inFolder('two.safetensors'), 'version https://git-lfs.github.com/spec/v1\n');
		await refused(inFolder('two.safetensors'), 'a pointer file of git-lfs');
	});

	test.each(['one', 'two'])('a tensor in two files, of which the index says %s', async (name) => {
		await writeWeights(inFolder('two.safetensors'), [tensor('b', 2), tensor('a', 9)]);
		await writeIndex({ c: 'one.safetensors', b: 'two.safetensors', a: `${name}.safetensors` });
		await refused('tensor a', inFolder('one.safetensors'), inFolder('two.safetensors'));
	});

	test('a tensor that the index does not have', async () => {
		await writeWeights(inFolder('two.safetensors'), [tensor('b', 2), tensor('d', 4)]);
		await refused('tensor d', inFolder('two.safetensors'), inFolder('index.json'));
	});

	test('a tensor that its file does not have', async () => {
		await writeWeights(inFolder('two.safetensors'), []);
		await refused('tensor b', inFolder('two.safetensors'), inFolder('index.json'));
	});

	test('a tensor in another file than the index says', async () => {
		await writeIndex({ a: 'one.safetensors', b: 'one.safetensors', c: 'two.safetensors' });
		await refused('tensor b', inFolder('one.safetensors'), inFolder('two.safetensors'));
	});

	test('a tensor of another shape, which is in one of the files', async () => {
		const weights = new CheckpointWeights(await openCheckpoint(inFolder('index.json')));
		await expectInvalidWeights((async () => weights.get('b', [3]))(), 'tensor b', inFolder('two.safetensors'), '[3]');
		await expectInvalidWeights((async () => weights.get('d', [3]))(), 'tensor d', inFolder('index.json'));
	});

	test('an index of indices', async () => {
		await writeIndex({ a: 'index.json' });
		await refused(inFolder('index.json'), 'JSON');
	});

	test.each(['../one.safetensors', '/etc/passwd', 'a/b', 'a\\b', 'one\0', '..', '', 5, null])(
		'a file named %j',
		async (name) => {
			await writeIndex({ a: name });
			await refused(inFolder('index.json'), 'tensor a', 'the name of a file beside it');
		},
	);

	test.each([{}, [], null, 'one.safetensors'])('a map that is %j', async (map) => {
		await writeIndex(map);
		await refused(inFolder('index.json'), 'weight_map');
	});
});
